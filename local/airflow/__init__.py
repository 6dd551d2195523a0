"""An Airflow on this machine: its database, processes, API and DAG runs."""
