"""A run as one HTML page with pictures and tables of its metrics."""
