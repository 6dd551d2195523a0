"""The Airflow plugin that writes notes on DAG runs."""

from airflow.plugins_manager import AirflowPlugin

from plugins.run_notes import listener


class RunNotes(AirflowPlugin):
    """Writes the result of each DAG run into its note."""

    name = "antm2c_run_notes"
    listeners = [listener]  # noqa: RUF012 - the type that Airflow declares
