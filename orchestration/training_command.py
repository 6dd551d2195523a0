"""A command of the training package: its words, and running it in this process."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from training.errors import TrainingError

RunCommand = Callable[[str, Mapping[str, Any]], dict[str, Any]]  # a command and its arguments to what it summed up


def words(command: str, arguments: Mapping[str, Any]) -> list[str]:
    """As on the command line."""
    line = [command]
    for name, value in arguments.items():
        option = f"--{name.replace('_', '-')}"
        # With the equals sign, a note may begin with a dash.
        line += [option, *value] if isinstance(value, list) else [f"{option}={value}"]
    return line


def run_here(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Runs it in this process. What it refuses is not retried."""
    # Models train side by side: threads that spin while they wait would take the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from training.cli import main

    try:
        return main(words(command, arguments))
    except TrainingError as error:
        if error.may_pass:
            raise
        raise AirflowFailException(str(error)) from error
