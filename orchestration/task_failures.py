"""End a task with a sentence: as failed, without a traceback, or as skipped. Decide whether it is retried."""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger
from typing import Any, NoReturn

from airflow.sdk import Context, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.task_messages import leave_message
from training.errors import TrainingError
from warehouse.errors import StorageError, WarehouseError

_LINE = 110  # characters; the page of a log cuts off longer lines
_COMMAND = re.compile(r"`[^`]+`")
_NO_BREAK = "\u00a0"


class TaskFailure(SystemExit):
    """Ends a task as failed. Airflow logs a traceback of every exception but SystemExit.

    may_pass: whether the same task may succeed later. If not, it is not retried.
    """

    def __init__(self, sentence: str, may_pass: bool = False) -> None:
        super().__init__(1)
        self.sentence = sentence
        self.may_pass = may_pass

    def __str__(self) -> str:
        return self.sentence


def fail(log: Logger | Any, sentence: str, may_pass: bool = False) -> NoReturn:
    """Log a sentence that says why the task failed and what to do, and end the task."""
    log.error(wrapped(sentence))
    raise TaskFailure(sentence, may_pass)


@contextmanager
def failing_with_sentence(log: Logger | Any) -> Iterator[None]:
    """Let a TrainingError or WarehouseError in this block, or in a function decorated with this, fail the task."""
    try:
        yield
    except TrainingError as error:
        fail(log, str(error), error.may_pass)
    except WarehouseError as error:
        fail(log, str(error), may_pass=isinstance(error, StorageError))  # a file system may be back later


def skip(ti: Any, reason: str) -> NoReturn:
    """End the task as skipped, and leave the reason for the run's note."""
    leave_message(ti, reason)
    raise AirflowSkipException(reason)


def wrapped(sentence: str) -> str:
    """Break a long sentence into lines. Commands in backticks stay on one line, so that they can be copied."""
    unbroken = _COMMAND.sub(lambda command: command[0].replace(" ", _NO_BREAK), sentence)
    lines = textwrap.fill(unbroken, _LINE, break_long_words=False, break_on_hyphens=False)
    return lines.replace(_NO_BREAK, " ")


class RetryWhatMayPass(RetryPolicy):
    """Retries a failed task only if it may succeed later."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if isinstance(exception, TaskFailure) and not exception.may_pass:
            return RetryDecision.fail()
        return RetryDecision.default()
