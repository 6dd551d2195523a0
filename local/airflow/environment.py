"""The environment variables of a local Airflow."""

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
# With these set, tasks would use another Spark or Python than the installed one.
_NOT_INHERITED = ("SPARK_HOME", "PYSPARK_DRIVER_PYTHON")


def settings_for(home: Path, database_uri: str, ports: list[int]) -> tuple[dict[str, str], AirflowApi]:
    """Return Airflow's environment variables and a client for its API. ports: for the API, worker and trigger logs."""
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
        # By default, tasks of a killed Airflow would count as running for five minutes after the next start.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # A slow machine's API may answer late. That must not use up one of a task's tries.
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
        "OMP_NUM_THREADS": "1",  # training tasks share the cores
    }
    return settings, AirflowApi(url, _USER, password)


def inherited() -> dict[str, str]:
    """Return the variables of this process's environment to pass on to Airflow."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def write_exports(path: Path, environment: dict[str, str]) -> None:
    """Write a file that a shell can source, so that its `airflow` commands use this Airflow."""
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def _password(passwords: Path) -> str:
    """Return the saved password, or save a new one."""
    if not passwords.exists():
        passwords.touch(mode=0o600)  # before the password is in it
        passwords.write_text(json.dumps({_USER: secrets.token_urlsafe(16)}))
    return json.loads(passwords.read_text())[_USER]
