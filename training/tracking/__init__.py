"""Runs in MLflow: their parameters, metrics and files, and the champion."""
