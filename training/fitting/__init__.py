"""The training loop, and the optimizers, devices and checkpoints that it uses."""
