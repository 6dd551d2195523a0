"""The folder of a run: its layout and its configuration, writing it and reading it."""
