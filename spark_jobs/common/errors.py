"""The error that a stage ends with."""

from collections.abc import Sequence


class StageError(Exception):
    """A sentence for the user: what was wrong, where, and what to do. `details` are lines to print before it."""

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.details = details
