"""The text of a run's note, in Markdown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

HEADING = "### Result"
_HEADING_LINE = re.compile(rf"^{HEADING}$", re.MULTILINE)
MAX_CHARACTERS = 1000  # the width of Airflow's column for notes: a longer note would crash the scheduler


def with_result(note: str | None, lines: Iterable[str]) -> str:
    """Return the note with the result below what a person wrote, in place of an earlier result.

    The text is cut to the length that a note may have.
    """
    written = _HEADING_LINE.split(note or "", maxsplit=1)[0].strip()
    result = "\n".join([HEADING, *(f"- {line}" for line in lines)])
    text = f"{written}\n\n{result}" if written else result
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


def result_lines(
    events: Iterable[Mapping[str, Any]],
    decision: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    messages: Mapping[str, str],
) -> Iterable[str]:
    """Yield a line for each table, model, champion and message of a run.

    events: what the run's asset events contain. decision: which run should be the champion. answer: what a person
    answered if asked to approve it. messages: why tasks failed or were skipped, by task.
    """
    for event in events:
        if "auc" in event:
            yield f"{event['model']}: AUC {_auc(event)} on {event['rows']:,} rows as of {event['as_of']}"
        elif "rejects" in event:
            version = (event["version"] or "")[:8]
            yield f"{event['dates']}: {event['rows']:,} rows, {event['rejects']:,} rejected, version {version}"
        elif "because" in event:
            yield f"New champion: {event['run']}, version {event['version']}: {event['because']}"
    if decision and not decision["promote"]:
        yield f"The champion stays: {decision['reason']}"
    elif answer and "Approve" not in answer["chosen_options"]:
        person = answer.get("responded_by_user")
        why = f"{person['name']} rejected the challenger" if person else "nobody answered the request for approval"
        yield f"The champion stays: {why}"
    for task, message in messages.items():
        yield f"{task}: {message}"


def _auc(event: Mapping[str, Any]) -> str:
    if event["auc_low"] is None:
        return f"{event['auc']:.4f}"
    return f"{event['auc']:.4f} ({event['auc_low']:.4f} to {event['auc_high']:.4f})"
