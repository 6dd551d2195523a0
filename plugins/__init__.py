"""What the Airflow UI shows of the project."""
