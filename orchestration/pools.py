"""The pool of the tasks that take a machine's cores and memory: Spark stages and training.

Everything else, such as checks, waits and embedding, stays in Airflow's default pool and waits for none of them.
`python -m orchestration.pools` makes the pool where it is not there yet.
"""

import sys

HEAVY_POOL = "antm2c_heavy"
HEAVY_SLOTS = 2
PARALLELISM = HEAVY_SLOTS + 6  # with every heavy slot taken, six other tasks can still run
_DESCRIPTION = "Spark stages and training: as many run at once as there are slots"


def make_heavy_pool() -> None:
    """Makes the pool in Airflow's database. An existing pool keeps its size."""
    from airflow.models.pool import Pool  # DAG files import the name of the pool alone
    from airflow.utils.session import create_session

    with create_session() as session:
        if Pool.get_pool(HEAVY_POOL, session=session) is None:
            Pool.create_or_update_pool(HEAVY_POOL, HEAVY_SLOTS, _DESCRIPTION, False, session=session)


if __name__ == "__main__":
    from sqlalchemy.exc import DBAPIError

    try:
        make_heavy_pool()
    except DBAPIError as error:
        sys.exit(
            f"error: the pool cannot be made ({error.orig}); run `airflow db migrate` first, with the same settings"
        )
