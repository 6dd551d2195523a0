"""Build the command line of a training command, and run it in this process."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from orchestration.task_failures import failing_with_sentence

log = logging.getLogger(__name__)

RunCommand = Callable[[str, Mapping[str, Any]], dict[str, Any]]  # (command, arguments) -> the command's summary


def command_line(command: str, arguments: Mapping[str, Any]) -> list[str]:
    """Return the words after `python -m training`. A list becomes several words, any other value one."""
    line = [command]
    for name, value in arguments.items():
        option = f"--{name.replace('_', '-')}"
        # The equals sign lets a value, such as a note, begin with a dash.
        line += [option, *value] if isinstance(value, list) else [f"{option}={value}"]
    return line


def run_here(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Run a command in this process and return its result. If the command fails, the task fails with its message."""
    # Several models train at once: threads that spin while they wait would take cores from threads that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from training.cli import main

    with failing_with_sentence(log):
        return main(command_line(command, arguments))
