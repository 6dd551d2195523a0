"""How a stage or a command that runs outside Airflow's process ends."""

import re

ASKED_SECONDS = 3  # to end when asked: Airflow itself is killed five seconds after it was asked to end
_SENTENCE = re.compile(r"^error: (.+)$", re.MULTILINE)


def last_sentence(output: str) -> str | None:
    """What went wrong, in the words of the last line that says so; None where none does."""
    said = _SENTENCE.findall(output)
    return said[-1] if said else None
