"""Print a run's progress: a progress bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from training.distributed import is_leader

T = TypeVar("T")


def say(line: str) -> None:
    """Print a line, above the progress bar if there is one. If several processes train, only the leader prints."""
    if not is_leader():
        return
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def bar(steps: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield the steps, and show a progress bar on stderr if it is a terminal."""
    silent = not (sys.stderr.isatty() and is_leader())
    yield from tqdm(steps, total=total, desc=label, file=sys.stderr, disable=silent, leave=False)
