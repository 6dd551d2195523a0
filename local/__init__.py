"""Runs a real Airflow on this machine, with an embedded PostgreSQL, for the demo, the UI and the tests."""
