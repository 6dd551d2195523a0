"""Notes on runs, written by the scheduler."""

from airflow.plugins_manager import AirflowPlugin

from plugins.run_notes import listener


class RunNotes(AirflowPlugin):
    """Writes what a run came to into its note."""

    name = "antm2c_run_notes"
    listeners = [listener]  # noqa: RUF012 - as Airflow declares it
