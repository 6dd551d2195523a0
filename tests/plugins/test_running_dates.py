from airflow.utils.state import DagRunState
from sqlalchemy.orm import Session

from orchestration.run_dates import HISTORY
from plugins.board.running_dates import dates_at_work
from tests.plugins.airflow_database import run_of

FIRST, SECOND, THIRD = "2023-07-11", "2023-07-12", "2023-07-13"


def test_the_dates_of_runs_that_run_or_wait_their_turn(session: Session) -> None:
    run_of(session, FIRST, DagRunState.SUCCESS)
    run_of(session, SECOND, DagRunState.RUNNING)
    run_of(session, THIRD, DagRunState.QUEUED)
    run_of(session, FIRST, DagRunState.RUNNING, HISTORY, start_date=FIRST, end_date=THIRD)
    run_of(session, FIRST, DagRunState.RUNNING, "another_dag")
    assert sorted(dates_at_work()) == [(FIRST, THIRD), (SECOND, SECOND), (THIRD, THIRD)]


def test_runs_that_only_wait_are_not_at_work(session: Session) -> None:
    run_of(session, FIRST, DagRunState.QUEUED)
    assert dates_at_work() == []
