"""The Airflow pool for tasks that need many cores and much memory: the Spark stages and the training of models.

All other tasks, such as checks, waits and embedding, run in Airflow's default pool, so they never queue behind these.
`python -m orchestration.pools` creates the pool if it does not exist yet.
"""

import sys

HEAVY_POOL = "antm2c_heavy"
HEAVY_SLOTS = 2
PARALLELISM = HEAVY_SLOTS + 6  # when every heavy slot is taken, six other tasks can still run
_DESCRIPTION = "Spark stages and model training. The number of slots is how many of these tasks may run at once."


def make_heavy_pool() -> None:
    """Create the pool in Airflow's database. A pool that already exists keeps its size."""
    from airflow.models.pool import Pool  # slow to load, and DAG files need only the name of the pool
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
            f"error: cannot create the pool {HEAVY_POOL} ({error.orig}): run `airflow db migrate` first, with the same "
            "Airflow settings"
        )
