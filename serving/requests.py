"""What a request and its answer look like, and the rows that a request asks about."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Required

import numpy as np
import pyarrow as pa
from pydantic import ConfigDict, Field, create_model
from typing_extensions import TypedDict

from serving.errors import RequestError
from training.data.arrow_columns import TIMESTAMP
from training.data.list_vocabulary import list_texts
from warehouse.tables import DEEP_FEATURES, SCENES, TEXT_COLUMNS

MOST_CANDIDATES = 1_000

_Id = Annotated[str, Field(min_length=1)]
_STRICT = ConfigDict(extra="forbid", strict=True)
_CONTENT: dict[str, Any] = {
    **dict.fromkeys(TEXT_COLUMNS, str | None),
    **dict.fromkeys(DEEP_FEATURES, str | list[str] | None),
}

# An item to score, with its own texts and deep features. A TypedDict is checked faster than a model.
Candidate = TypedDict("Candidate", {"item_id": Required[_Id], **_CONTENT}, total=False)  # type: ignore[misc]
Candidate.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]
_DEFAULTS: dict[str, Any] = {name: (kind, None) for name, kind in _CONTENT.items()}
_Content: Any = create_model("_Content", __config__=_STRICT, **_DEFAULTS)


class Request(_Content):
    """A user, and the items that could be shown. Texts and deep features here hold for candidates that have none."""

    user_id: _Id
    scene: Annotated[int, Field(ge=SCENES[0], le=SCENES[-1])]
    time: Annotated[datetime, Field(strict=False)]
    candidates: Annotated[list[Candidate], Field(min_length=1, max_length=MOST_CANDIDATES)]

    @property
    def item_ids(self) -> list[str]:
        return [candidate["item_id"] for candidate in self.candidates]  # type: ignore[typeddict-item]


class Score(TypedDict):
    """The click probability of a candidate, and its rank: 1 for the most probable."""

    item_id: str
    probability: float
    rank: int


class Answer(TypedDict):
    """The scores, in the order of the candidates. run: the training run. features_of: the date of the features."""

    run: str
    features_of: str
    scores: list[Score]


def time_in(zone: tzinfo, time: datetime) -> datetime:
    """Return a request's time in the zone of the logs. Without an offset, it is in this zone already.

    Raises RequestError if the calendar has no such time, here or in UTC, which models read.
    """
    try:
        here = time.astimezone(zone) if time.tzinfo else time.replace(tzinfo=zone)
        here.astimezone(UTC)
        return here
    except OverflowError as error:
        raise RequestError(f"time {time.isoformat()} is outside the calendar: give the time of the request") from error


def rows_of(
    request: Request,
    time: datetime,
    features: Mapping[str, np.ndarray],
    schema: pa.Schema,
    history: pa.Table | None = None,
) -> pa.Table:
    """Return a request's candidates as rows of the training table, with the columns of the schema.

    time: with its zone. features: of the candidates, each [n]. history: the columns of the user's, in one row.
    """
    count = len(request.candidates)
    columns = {
        "user_id": _coded([request.user_id] * count),
        "item_id": _coded(request.item_ids),
        "log_ts": pa.repeat(pa.scalar(time.astimezone(UTC), TIMESTAMP), count),
        "scene": pa.repeat(pa.scalar(request.scene, pa.int32()), count),
        **features,
    }
    if history is not None:
        columns |= dict(zip(history.column_names, history.take(pa.array([0] * count)).columns, strict=True))
    arrays = [columns[name] if name in columns else _coded(_content(request, name)) for name in schema.names]
    return pa.table(arrays, schema=schema)


def _content(request: Request, name: str) -> list[str | None]:
    """Return a text or deep feature of each candidate. Absent texts are empty, and absent deep features null."""
    common, absent = getattr(request, name), "" if name in TEXT_COLUMNS else None
    own: Iterator[Any] = (candidate.get(name) for candidate in request.candidates)
    values = [(common if value is None else value) or absent for value in own]
    lists = [value for value in values if isinstance(value, list)]
    if not lists:
        return values
    texts = iter(list_texts(pa.chunked_array([pa.array(lists, pa.list_(pa.string()))])).to_pylist())
    return [next(texts) if isinstance(value, list) else value for value in values]


def _coded(texts: Sequence[str | None]) -> pa.Array:
    return pa.array(texts, pa.string()).dictionary_encode()


def ranked(item_ids: Sequence[str], probabilities: Sequence[float]) -> list[Score]:
    """Return the scores in the given order, each with its rank. Equal probabilities are ranked by item."""
    best_first = sorted(zip(probabilities, item_ids, range(len(item_ids)), strict=True), key=lambda s: (-s[0], s[1:]))
    ranks = {place: rank for rank, (_, _, place) in enumerate(best_first, start=1)}
    return [
        {"item_id": item, "probability": probability, "rank": ranks[place]}
        for place, (item, probability) in enumerate(zip(item_ids, probabilities, strict=True))
    ]
