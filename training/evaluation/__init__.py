"""Evaluation: predictions on validation rows, and metrics overall and by segment."""
