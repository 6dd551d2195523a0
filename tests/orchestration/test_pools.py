"""The pool of the tasks that take a machine's cores and memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from airflow.models.pool import Pool
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from orchestration.pools import HEAVY_POOL, HEAVY_SLOTS, make_heavy_pool


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A database that has pools and nothing else."""
    engine = create_engine("sqlite://")
    Pool.__table__.create(engine)
    with Session(engine) as session:

        @contextmanager
        def this_one() -> Iterator[Session]:
            yield session
            session.flush()

        monkeypatch.setattr("airflow.utils.session.create_session", this_one)
        yield session


def test_the_pool_is_made_once_and_keeps_the_size_it_is_given(session: Session) -> None:
    make_heavy_pool()
    pool = Pool.get_pool(HEAVY_POOL, session=session)
    assert pool.slots == HEAVY_SLOTS
    pool.slots = 5
    make_heavy_pool()
    assert [(pool.pool, pool.slots) for pool in Pool.get_pools(session=session)] == [(HEAVY_POOL, 5)]
