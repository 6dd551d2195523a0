"""The body of a request as a Request, or a sentence that says what is wrong with it."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from serving.errors import RequestError
from serving.requests import MOST_CANDIDATES, Request
from warehouse.tables import DEEP_FEATURES, SCENES

_ID, _TEXT, _CANDIDATE = "an id as a text, not empty", "a text, or null", "an object with an item_id"
_FEATURE = "a text, a list of texts, or null"
_WANTED = {
    "user_id": _ID,
    "item_id": _ID,
    "scene": f"a whole number, {SCENES[0]} to {SCENES[-1]}",
    "time": "a time in ISO 8601, such as 2023-07-24T12:00:00Z",
    "candidates": f"a list of 1 to {MOST_CANDIDATES:,} items",
    **dict.fromkeys(DEEP_FEATURES, _FEATURE),
}


def parse(body: bytes) -> Request:
    """Return the request. Raises RequestError, which tells the first thing that is wrong."""
    try:
        return Request.model_validate_json(body)
    except ValidationError as error:
        raise RequestError(_sentence(error.errors(include_url=False, include_input=False)[0])) from error


def _sentence(problem: ErrorDetails) -> str:
    kind, place = problem["type"], _field(problem["loc"])
    if kind == "json_invalid":
        return f"the request is not valid JSON, {problem['ctx']['error']}: correct it"
    if not place:
        return "the request must be a JSON object"
    *outer, last = place
    if kind == "missing":
        return f"{_name(outer)} has no {last}: give it"
    if kind == "extra_forbidden":
        return f"{last!r} is not a known field of {_name(outer)}: remove it"
    wanted = _CANDIDATE if isinstance(last, int) else _WANTED.get(last, _TEXT)
    return f"{_name(place)} must be {wanted}"


def _field(place: Sequence[int | str]) -> Sequence[int | str]:
    """Return a place without what pydantic says after a deep feature: which of its types was tried, and where."""
    ends = (number for number, step in enumerate(place, start=1) if step in DEEP_FEATURES)
    return place[: next(ends, len(place))]


def _name(place: Sequence[int | str]) -> str:
    """Return a place as one writes it in code: candidates[1].item_id."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:] or "the request"
