"""Read published training tables and turn them into tensors."""
