"""A run as one page: pictures and tables from its metrics."""
