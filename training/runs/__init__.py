"""The folder of a finished run: how it is laid out, written and read."""
