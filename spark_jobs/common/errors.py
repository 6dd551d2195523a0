"""The error of a stage that refuses its input."""

from collections.abc import Sequence


class StageError(Exception):
    """An error that the user can fix. The sentence says what is wrong and what to do; details are printed before it."""

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.details = details
