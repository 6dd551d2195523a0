"""An Airflow on this machine: database, processes, API, runs of DAGs."""
