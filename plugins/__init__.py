"""What the project adds to the Airflow UI."""
