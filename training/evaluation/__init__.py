"""Predict the validation rows and compute metrics over all rows and by segment."""
