"""Find out which dates a run of the daily or the history DAG processes. Its name only says when it was due."""

from typing import Any

DAILY, HISTORY, SCORE = "antm2c_etl_daily", "antm2c_etl_history", "antm2c_score"
WATCH, RETRAIN = "antm2c_watch", "antm2c_retrain"


def day_of(dag_run: Any) -> str:
    """Return the date that a daily run processes: `run_date` from the form, or else the run's logical date."""
    asked = (dag_run.conf or {}).get("run_date")
    return asked or (dag_run.logical_date or dag_run.run_after).strftime("%Y-%m-%d")


def dates_of(dag_run: Any) -> tuple[str, str] | None:
    """Return the first and the last date that a run processes, or None if it is a run of another DAG."""
    if dag_run.dag_id == DAILY:
        return day_of(dag_run), day_of(dag_run)
    if dag_run.dag_id == HISTORY and dag_run.conf:
        return dag_run.conf["start_date"], dag_run.conf["end_date"]
    return None
