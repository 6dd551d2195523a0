"""Drive Airflow's UI in a browser, for the tests and for the pictures in docs/."""
