"""The DAG files: which tasks run, in which order and when."""
