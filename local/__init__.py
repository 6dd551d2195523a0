"""Run a real Airflow on this machine, with its own PostgreSQL, for the demo, the UI and the tests."""
