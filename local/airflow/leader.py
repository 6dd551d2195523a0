"""`python -m local.airflow.leader LOG`: the process that starts Airflow's parts and leads their session.

It prints a step's name when that begins, READY at the end, or FAILED with a sentence; all else goes to LOG.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.airflow.api import AirflowApi
from local.airflow.ordered_start import Step, start_in_order, wait_for_all
from local.processes.errors import StartError

READY, FAILED = "ready", "failed: "
# Of one step. On a slow machine each takes its time; one that takes ten minutes will never finish.
STEP_SECONDS = 600


def main() -> None:
    """Airflow, from its database to the last of its parts, then for as long as one of them runs."""
    # The start makes millions of objects that stay: looking through them for garbage takes a third of its time.
    gc.disable()
    lead(_steps(AirflowApi(os.environ["AIRFLOW__API__BASE_URL"], "", "")), Path(sys.argv[1]))


def lead(steps: Sequence[Step], log: Path, limit: float = STEP_SECONDS) -> None:
    """Starts and watches the parts. Ends where the start fails: the rest of the session is for others to end."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with log.open("a") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())

    def say(line: str) -> None:
        print(line, file=said, flush=True)

    os.register_at_fork(after_in_child=said.close)  # the pipe ends with this process, whatever outlives it
    try:
        running = start_in_order(steps, say, limit)
    except StartError as error:
        say(f"{FAILED}{error}")
        sys.exit(1)
    say(READY)
    wait_for_all(running)


def _steps(api: AirflowApi) -> list[Step]:
    """No part that runs tasks starts before the API answers: a task that cannot reach it has lost a try."""
    began = datetime.now(UTC)
    return [
        Step("database", ready=_prepare_database),
        Step(
            "API server",
            {"API server": _airflow("api-server"), "DAG processor": _airflow("dag-processor")},
            api.answers,
        ),
        Step(
            "scheduler",
            {"scheduler": _airflow("scheduler"), "triggerer": _airflow("triggerer")},
            lambda: api.healthy(since=began),
        ),
    ]


def _prepare_database() -> bool:
    """Brings it up to date, and loads what every part, and every task after it, would have to load for itself."""
    from airflow.configuration import write_default_airflow_configuration_if_needed
    from airflow.utils.db import initdb

    from orchestration.pools import make_heavy_pool

    write_default_airflow_configuration_if_needed()  # with the secrets that the parts share
    initdb()
    make_heavy_pool()
    _load_what_tasks_import()
    gc.collect()
    gc.freeze()
    gc.enable()
    return True


def _load_what_tasks_import() -> None:
    """Not of this project: its files may change while Airflow runs."""
    import airflow.jobs.dag_processor_job_runner
    import airflow.jobs.scheduler_job_runner
    import airflow.jobs.triggerer_job_runner
    import airflow.providers.apache.spark.operators.spark_submit
    import airflow.providers.standard.operators.hitl
    import airflow.providers.standard.operators.python  # noqa: F401


def _airflow(command: str) -> Callable[[], None]:
    """What `airflow COMMAND` does, under that name."""

    def run() -> None:
        if sys.platform == "darwin":  # whose frameworks do not outlive a fork
            os.execv(sys.executable, [sys.executable, "-m", "airflow", command])
        from airflow.__main__ import main as airflow
        from setproctitle import setproctitle

        setproctitle(f"airflow {command}")
        sys.argv = ["airflow", command]
        airflow()

    return run


if __name__ == "__main__":
    main()
