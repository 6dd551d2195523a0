"""Write the result of a DAG run into its note in the Airflow UI."""
