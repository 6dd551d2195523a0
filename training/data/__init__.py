"""Turns published training tables into tensors."""
