"""A real Airflow on this machine, on an embedded PostgreSQL: for the demo and for tests."""
