"""What a person sees of a run: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from training.processes import is_leader

T = TypeVar("T")


def say(line: str) -> None:
    """A line for the log; on a terminal it goes above the bar. Of several processes only the leader speaks."""
    if not is_leader():
        return
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def bar(steps: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The steps themselves, with a bar on stderr where that is a terminal."""
    silent = not (sys.stderr.isatty() and is_leader())
    yield from tqdm(steps, total=total, desc=label, file=sys.stderr, disable=silent, leave=False)
