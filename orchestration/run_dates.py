"""The dates that a run of the daily or the history DAG is for. A run's name is no guide: it says when it was due."""

from typing import Any

DAILY, HISTORY = "antm2c_etl_daily", "antm2c_etl_history"


def day_of(dag_run: Any) -> str:
    """The date that a daily run processes: `run_date` of the form, otherwise the run's logical date."""
    asked = (dag_run.conf or {}).get("run_date")
    return asked or (dag_run.logical_date or dag_run.run_after).strftime("%Y-%m-%d")


def dates_of(dag_run: Any) -> tuple[str, str] | None:
    """The first and the last date that a run processes, or None if it is a run of another DAG."""
    if dag_run.dag_id == DAILY:
        return day_of(dag_run), day_of(dag_run)
    if dag_run.dag_id == HISTORY and dag_run.conf:
        return dag_run.conf["start_date"], dag_run.conf["end_date"]
    return None
