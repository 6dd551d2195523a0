"""From published training tables to contiguous tensors."""
