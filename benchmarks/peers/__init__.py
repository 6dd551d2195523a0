"""The contenders in training speed: each trains an MMoE of the same sizes on the same rows, in a process of its own."""
