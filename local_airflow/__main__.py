"""`python -m local_airflow demo`: the whole path on this machine."""

import argparse
import signal
import sys
from pathlib import Path

from local_airflow.demo import Demo, run_demo
from local_airflow.errors import ApiError, RunError, StartError
from local_airflow.processes import AIRFLOW_LOG
from warehouse.settings import REPOSITORY, read_settings


def main() -> None:
    """The command line. Exit status 1 where the demo fails, 128 and the signal's number where one ends it."""
    parser = argparse.ArgumentParser(prog="python -m local_airflow", description=__doc__)
    parser.add_argument("command", choices=["demo"])
    parser.parse_args()
    end_on_signals()
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
    except ApiError as error:
        sys.exit(f"error: {error}; see {demo.home / AIRFLOW_LOG}")
    except KeyboardInterrupt:
        print("interrupted: everything that was started has ended", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def end_on_signals() -> None:
    """Makes the signals that end a program end this one in order, so that it ends what it has started."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(ending, lambda number, _: sys.exit(128 + number))


if __name__ == "__main__":
    main()
