"""`python -m local.airflow.session_leader LOG`: the process that starts Airflow's components and leads their session.

It prints the name of each step when the step begins, and at the end READY, or FAILED with the reason. All other output
goes to LOG.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.airflow.api import AirflowApi
from local.airflow.forking import Step, start_in_order, wait_for_all
from local.errors import StartError

READY, FAILED = "ready", "failed: "
STEP_SECONDS = 600  # the limit for one step: even on a slow machine, one that takes longer will never finish


def main() -> None:
    """Start Airflow, from its database to its last component, and wait until all components have ended."""
    # Starting makes millions of objects that are never freed. Searching them for garbage takes a third of the time.
    gc.disable()
    lead(_steps(AirflowApi(os.environ["AIRFLOW__API__BASE_URL"], "", "")), Path(sys.argv[1]))


def lead(steps: Sequence[Step], log: Path, limit: float = STEP_SECONDS) -> None:
    """Start the components and wait for them. Exits if one fails to start; the caller then ends the session."""
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with log.open("a") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())

    def report(line: str) -> None:
        print(line, file=reports, flush=True)

    os.register_at_fork(after_in_child=reports.close)  # the pipe must close when this process ends
    try:
        running = start_in_order(steps, report, limit)
    except StartError as error:
        report(f"{FAILED}{error}")
        sys.exit(1)
    report(READY)
    wait_for_all(running)


def _steps(api: AirflowApi) -> list[Step]:
    """The scheduler starts once the API answers: a task that cannot reach the API has used up one of its tries."""
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
    """Migrate the database, and import once what every component and task would otherwise import for itself."""
    from airflow.configuration import write_default_airflow_configuration_if_needed
    from airflow.utils.db import initdb

    from orchestration.pools import make_heavy_pool

    write_default_airflow_configuration_if_needed()  # with the secrets that the components share
    initdb()
    make_heavy_pool()
    _load_what_tasks_import()
    gc.collect()
    gc.freeze()
    gc.enable()
    return True


def _load_what_tasks_import() -> None:
    """Import Airflow's modules only: this project's files may change while Airflow runs."""
    import airflow.jobs.dag_processor_job_runner
    import airflow.jobs.scheduler_job_runner
    import airflow.jobs.triggerer_job_runner
    import airflow.providers.apache.spark.operators.spark_submit
    import airflow.providers.standard.operators.hitl
    import airflow.providers.standard.operators.python  # noqa: F401


def _airflow(command: str) -> Callable[[], None]:
    """Return a function that does what `airflow COMMAND` does, under that process name."""

    def run() -> None:
        if sys.platform == "darwin":  # macOS frameworks do not survive a fork
            os.execv(sys.executable, [sys.executable, "-m", "airflow", command])
        from airflow.__main__ import main as airflow
        from setproctitle import setproctitle

        setproctitle(f"airflow {command}")
        sys.argv = ["airflow", command]
        airflow()

    return run


if __name__ == "__main__":
    main()
