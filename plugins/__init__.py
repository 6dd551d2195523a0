"""The Airflow plugins of this project."""
