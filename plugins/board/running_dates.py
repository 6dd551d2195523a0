"""The dates that Airflow is computing now."""

from orchestration.run_dates import DAILY, HISTORY, dates_of


def dates_at_work() -> list[tuple[str, str]]:
    """Return the first and last date of each running or queued run of the daily and the history DAG.

    Empty if no run is running: queued runs of a paused DAG never start.
    """
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from sqlalchemy import select

    active = select(DagRun).where(
        DagRun.dag_id.in_((DAILY, HISTORY)), DagRun.state.in_((DagRunState.RUNNING, DagRunState.QUEUED))
    )
    with create_session(scoped=False) as session:
        runs = session.scalars(active).all()
        if not any(run.state == DagRunState.RUNNING for run in runs):
            return []
        return [dates for run in runs if (dates := dates_of(run))]
