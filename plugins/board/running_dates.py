"""The dates that Airflow is computing now."""

from orchestration.run_dates import DAILY, HISTORY, dates_of


def dates_at_work() -> list[tuple[str, str]]:
    """Return the first and the last date of each run of the daily and the history DAG that runs or waits its turn.

    Empty if none runs: runs of a DAG that is switched off wait in vain.
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
