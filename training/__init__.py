"""Train click models on training tables, evaluate them, and keep each run in a folder of its own."""
