"""What a run's tasks said, in Markdown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

HEADING = "### Result"
_HEADING_LINE = re.compile(rf"^{HEADING}$", re.MULTILINE)
LONGEST = 1000  # characters: what Airflow's table of notes holds. More would end the scheduler.


def with_story(note: str | None, story: Iterable[str]) -> str:
    """A note with the story below what a person wrote, cut to what a note can hold. An earlier story makes way."""
    written = _HEADING_LINE.split(note or "", maxsplit=1)[0].strip()
    told = "\n".join([HEADING, *(f"- {line}" for line in story)])
    whole = f"{written}\n\n{told}" if written else told
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"


def story(
    events: Iterable[Mapping[str, Any]],
    decision: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    told: Mapping[str, str],
) -> Iterable[str]:
    """A line for each thing worth knowing.

    events: what the asset events of the run say. decision: on the champion, and a person's answer where one was asked.
    told: a sentence by task that failed or was skipped.
    """
    for event in events:
        if "auc" in event:
            yield f"{event['model']}: AUC {_auc(event)} on {event['rows']:,} rows as of {event['as_of']}"
        elif "rejects" in event:
            version = (event["version"] or "")[:8]
            yield f"{event['dates']}: {event['rows']:,} rows, {event['rejects']:,} rejected, version {version}"
        elif "because" in event:
            yield f"new champion {event['run']}, version {event['version']}: {event['because']}"
    if decision and not decision["promote"]:
        yield f"the champion stays: {decision['reason']}"
    elif answer and "Approve" not in answer["chosen_options"]:
        person = answer.get("responded_by_user")
        yield f"the champion stays: rejected by {person['name']}" if person else "the champion stays: nobody answered"
    for task, sentence in told.items():
        yield f"{task}: {sentence}"


def _auc(event: Mapping[str, Any]) -> str:
    if event["auc_low"] is None:
        return f"{event['auc']:.4f}"
    return f"{event['auc']:.4f} ({event['auc_low']:.4f} to {event['auc_high']:.4f})"
