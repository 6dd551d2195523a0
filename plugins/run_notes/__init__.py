"""What a run came to, as its note in the Airflow UI."""
