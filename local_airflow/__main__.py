"""`python -m local_airflow demo`: the whole path on this machine."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from local_airflow.demo import Demo, run_demo
from local_airflow.processes import StartError
from local_airflow.runs import RunError
from warehouse.settings import REPOSITORY, read_settings


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["demo"])
    parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    settings = read_settings()
    demo = Demo(
        home=REPOSITORY / "var" / "airflow",
        warehouse=settings.warehouse,
        dataset=settings.dataset,
        artifacts=Path(settings.artifacts),
    )
    try:
        print(run_demo(demo))
    except (StartError, RunError) as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
