"""The command line: `python -m local demo`, `demo-cluster`, `ui` or `pictures`."""

import argparse
import signal
import sys
from pathlib import Path

from local.airflow.start import AIRFLOW_LOG
from local.demo import Demo, run_demo
from local.demo_on_cluster import run_demo_on_cluster
from local.errors import ApiError, RunError, StartError
from local.ui import run_ui
from training.runs.summary import BrokenRunError
from warehouse.errors import WarehouseError
from warehouse.settings import REPOSITORY, read_settings


def main() -> None:
    """Run one command. The exit status is 1 if it fails, and 128 plus the signal's number if a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Run Airflow on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="from sample logs to evaluated models, through a new Airflow")
    commands.add_parser("demo-cluster", help="the demo on HDFS and a Spark cluster, with its tables compared")
    ui = commands.add_parser("ui", help="an Airflow to work with until Ctrl-C; its runs are kept for the next time")
    ui.add_argument("--port", type=int, default=8080, help="the port of the UI (%(default)s)")
    commands.add_parser("pictures", help="new pictures for docs/, taken in a browser")
    arguments = parser.parse_args()
    end_on_signals()
    settings = read_settings()
    demo = Demo(
        # Each dataset has its own Airflow: an unfinished run must not continue with another dataset's logs.
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
        elif arguments.command == "pictures":
            from local.pictures import make_pictures  # only this command needs a browser and its driver

            make_pictures(REPOSITORY / "var" / "pictures", REPOSITORY / "docs")
        else:
            run_ui(demo, arguments.port)
    except (StartError, RunError, WarehouseError, BrokenRunError) as error:
        sys.exit(f"error: {error}")
    except ApiError as error:
        sys.exit(f"error: {error}; see {demo.home / AIRFLOW_LOG}")
    except KeyboardInterrupt:
        print("interrupted: everything that this command started has ended", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def end_on_signals() -> None:
    """Turn SIGTERM and SIGHUP into SystemExit, so that the program ends everything that it has started."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(ending, lambda number, _: sys.exit(128 + number))


if __name__ == "__main__":
    main()
