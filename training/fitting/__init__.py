"""The training loop and what it needs: optimizers, device, checkpoints."""
