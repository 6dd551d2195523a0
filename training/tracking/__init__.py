"""Record runs in MLflow, with their parameters, metrics and files, and keep the champion there."""
