"""What an Airflow of this machine needs of its environment."""

import json
import os
import secrets
import shlex
import sys
from pathlib import Path

from local.airflow.api import AirflowApi
from orchestration.pools import PARALLELISM
from warehouse.settings import REPOSITORY

PASSWORDS = "passwords.json"
EXPORTS = "env.sh"
_USER = "admin"
# Another Spark's home would be taken instead of the installed one.
_NOT_INHERITED = ("SPARK_HOME", "PYSPARK_DRIVER_PYTHON")


def settings_for(home: Path, database_uri: str, ports: list[int]) -> tuple[dict[str, str], AirflowApi]:
    """What Airflow needs of its environment, and its API as it will answer."""
    port, log_port, trigger_log_port = ports
    url, passwords = f"http://localhost:{port}", home / PASSWORDS
    password = _password(passwords)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_uri,
        # Where all of it was killed, its tasks would be taken for running for five minutes after the next start.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # On a slow machine the API may take its time to answer, which must not cost a task a try.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW_CONN_SPARK_DEFAULT": os.environ.get(
            "AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[*]"})
        ),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",  # tasks that train share the cores
    }
    return settings, AirflowApi(url, _USER, password)


def inherited() -> dict[str, str]:
    """What Airflow takes over of this process's own environment."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def write_exports(path: Path, environment: dict[str, str]) -> None:
    """What a shell needs for `airflow` commands to mean this Airflow."""
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def _password(passwords: Path) -> str:
    """That of an Airflow that is gone on with, else a new one. The file is its owner's alone from the first."""
    if not passwords.exists():
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({_USER: secrets.token_urlsafe(16)}))
    return json.loads(passwords.read_text())[_USER]
