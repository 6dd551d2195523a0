"""The text of a run's note, in Markdown: what the run is for, how it went, and then what people wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_CHARACTERS = 1000  # the width of Airflow's column for notes: a longer note would crash the scheduler
END = "---"  # the line below which people write; Markdown shows a rule
_DATE = r"\d{4}-\d\d-\d\d"
_DATES = rf"{_DATE}(?: to {_DATE})?"
_SUBJECT = rf"{_DATES}|Retraining(?: as of {_DATE})?|Scoring(?: of {_DATES})?|Watch(?: of {_DATES}(?:, {_DATES})*)?"
_STORY = re.compile(rf"^(?:{_SUBJECT}): .*?^{END}$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"`[^`]*`\S*|\S+")  # a command in backticks is one word, so it is never cut
_SHORTEST_LINE = 60  # characters; without room for that, there is no story


def with_story(note: str | None, subject: str, lines: Sequence[str]) -> str:
    """Return the note with the result of the run first, instead of an earlier result, and what people wrote below.

    subject: what the run is for. The story is shortened to the length that a note may have, what people wrote is not.
    """
    around = (text.strip() for text in _STORY.split(note or "", maxsplit=1))
    written = "\n\n".join(filter(None, around))
    room = MAX_CHARACTERS - len(f"\n\n{END}\n{written}")
    if room < _SHORTEST_LINE:
        return written
    first, *rest = lines
    story = "\n".join(_shortened([f"{subject}: {first}", *(f"- {line}" for line in rest)], room))
    return f"{story}\n\n{END}\n{written}".strip()


def _shortened(lines: list[str], room: int) -> list[str]:
    """Shorten the longest lines in the middle until all lines fit into `room` characters. Drops lines if need be."""
    if len("\n".join(lines)) <= room:
        return lines
    lines = lines[: room // _SHORTEST_LINE]
    for most in range(max(room, _SHORTEST_LINE + 1), _SHORTEST_LINE, -10):
        shorter = [line if len(line) <= most else _without_middle(line, most) for line in lines]
        if len("\n".join(shorter)) <= room:
            return shorter
    return shorter[:1]


def _without_middle(text: str, most: int) -> str:
    """Leave out words in the middle, because a sentence begins with what is wrong and ends with what to do."""
    words = _WORD.findall(text)
    tail = " ".join(reversed(_fitting(reversed(words), most * 3 // 5)))
    head = " ".join(_fitting(words, most - len(tail) - len(" … ")))
    return f"{head} … {tail}".strip()


def _fitting(words: Iterable[str], room: int) -> list[str]:
    """Return the first words that fit into `room` characters with spaces between them."""
    fitting: list[str] = []
    for word in words:
        room -= len(word) + 1
        if room < -1:
            break
        fitting.append(word)
    return fitting


def story_of(
    events: Iterable[Mapping[str, Any]],
    decision: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    messages: Mapping[str, str],
) -> Iterable[str]:
    """Yield a line for each table, model, champion and message of a run. Failures come first.

    events: what the run's asset events contain. decision: which run should be the champion. answer: what a person
    answered if asked to approve it. messages: why tasks failed or were skipped, by task.
    """
    for task, message in messages.items():
        yield f"{task}: {message}"
    for event in events:
        if "model" in event:
            days = f"trained on {event['train_days']} days" if "train_days" in event else ""
            yield f"{event['model']}: AUC {_auc(event)} on {event['rows']:,} rows{', ' if days else ''}{days}"
        elif "rejects" in event:
            version = (event["version"] or "")[:8]
            yield f"{event['rows']:,} rows, {event['rejects']:,} rejected, version {version}"
        elif "watched" in event:
            warning = "Warning: " if event["warned_on"] else ""
            yield f"{warning}{event['says']}"
        elif "champion" in event:
            by = f"the champion, version {event['champion']}" if event["champion"] else event["run"]
            yield f"{event['rows']:,} scores by {by}"
        elif "because" in event:
            yield f"New champion: {event['run']}, version {event['version']}: {event['because']}"
    if answer and (person := answer.get("responded_by_user")):
        verb = "approved" if "Approve" in answer["chosen_options"] else "rejected"
        yield f"{person['name']} {verb} the challenger"
    if decision and not decision["promote"]:
        yield f"The champion stays: {decision['reason']}"
    elif answer and "Approve" not in answer["chosen_options"]:
        why = "the challenger was rejected" if person else "nobody answered the request for approval"
        yield f"The champion stays: {why}"


def _auc(event: Mapping[str, Any]) -> str:
    if event["auc_low"] is None:
        return f"{event['auc']:.4f}"
    return f"{event['auc']:.4f} ({event['auc_low']:.4f} to {event['auc_high']:.4f})"
