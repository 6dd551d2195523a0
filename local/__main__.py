"""`python -m local demo`: the whole path on this machine. `... demo-cluster`: with HDFS and a Spark cluster.

`... ui`: an Airflow to work with.
"""

import argparse
import signal
import sys
from pathlib import Path

from local.airflow.service import AIRFLOW_LOG
from local.demo import Demo, run_demo
from local.demo_on_cluster import run_demo_on_cluster
from local.processes.errors import ApiError, RunError, StartError
from local.ui import run_ui
from training.runs.summary import BrokenRunError
from warehouse.errors import WarehouseError
from warehouse.settings import REPOSITORY, read_settings


def main() -> None:
    """The command line. Exit status 1 where something fails, 128 and the signal's number where one ends it."""
    parser = argparse.ArgumentParser(prog="python -m local", description="An Airflow on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="sample logs to evaluated models, through a new Airflow")
    commands.add_parser("demo-cluster", help="the same on HDFS and a Spark cluster, with the same tables")
    ui = commands.add_parser("ui", help="an Airflow to work with, until Ctrl-C; its runs are kept for the next time")
    ui.add_argument("--port", type=int, default=8080, help="where it answers (%(default)s)")
    arguments = parser.parse_args()
    end_on_signals()
    settings = read_settings()
    demo = Demo(
        # One for each dataset: a run that was left unfinished must not go on with another's logs.
        home=REPOSITORY / "var" / (f"airflow_ui_{settings.dataset}" if arguments.command == "ui" else "airflow"),
        warehouse=settings.warehouse,
        dataset=settings.dataset,
        artifacts=Path(settings.artifacts),
    )
    try:
        if arguments.command == "demo":
            print(run_demo(demo))
        elif arguments.command == "demo-cluster":
            print(run_demo_on_cluster(demo, REPOSITORY / "var" / "cluster"))
        else:
            run_ui(demo, arguments.port)
    except (StartError, RunError, WarehouseError, BrokenRunError) as error:
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
