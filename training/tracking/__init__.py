"""Runs in MLflow: their figures and files, and which of them is the champion."""
