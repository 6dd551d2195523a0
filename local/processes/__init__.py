"""Processes that are started on this machine and ended with whoever started them."""
