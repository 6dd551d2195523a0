"""The Airflow plugin that clears failed tasks of dates that needed the date before them, once that is published."""

from airflow.plugins_manager import AirflowPlugin

from plugins.waiting_dates import listener


class WaitingDates(AirflowPlugin):
    """Clears tasks that failed because they needed a date that a run has now published."""

    name = "antm2c_waiting_dates"
    listeners = [listener]  # noqa: RUF012 - the type that Airflow declares
