"""A session leader with small components instead of Airflow's. GOES_WRONG names the one that does not work."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from local.airflow.api import AirflowApi
from local.airflow.forking import Step
from local.airflow.session_leader import lead

API = AirflowApi(os.environ["AIRFLOW__API__BASE_URL"], "", "")
WRONG = os.environ.get("GOES_WRONG", "")
STARTED = Path("started.txt")


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"metadatabase": {"status": "healthy"}}).encode())


def api_server() -> None:
    if WRONG == "API server is silent":
        time.sleep(60)
    time.sleep(0.5)
    HTTPServer(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])), Healthy).serve_forever()


def dag_processor() -> None:
    time.sleep(60)


def scheduler() -> None:
    if WRONG == "scheduler dies":
        sys.exit(3)
    STARTED.write_text(f"{os.getpid()} {API.answers()}")
    time.sleep(60)


if __name__ == "__main__":
    if WRONG == "leader":
        raise RuntimeError("no such module")
    steps = [
        Step("API server", {"API server": api_server, "DAG processor": dag_processor}, API.answers),
        Step("scheduler", {"scheduler": scheduler}, STARTED.exists),
    ]
    lead(steps, Path(sys.argv[1]), limit=1 if WRONG == "API server is silent" else 60)
