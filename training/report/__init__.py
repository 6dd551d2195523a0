"""The report of a run: one HTML page with charts and tables of its metrics."""
