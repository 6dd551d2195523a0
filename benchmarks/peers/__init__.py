"""The contenders in training speed. Each trains an MMoE of the same size on the same rows, in its own process."""
