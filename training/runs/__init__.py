"""A run's folder: its layout, its configuration, writing it and reading it."""
