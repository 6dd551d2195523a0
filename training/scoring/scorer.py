"""Score rows of the training table, or candidates with their features, with an exported model."""

import itertools
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.checksums import CHECKSUMS_FILE, changed_files
from training.data.arrow_columns import CODED, KEYS, TIMESTAMP, codes_and_values, distinct_values, schema_of
from training.data.feature_space import FeatureSpace
from training.data.impression_sequences import HISTORY_SCHEMA, histories_in
from training.data.list_vocabulary import list_texts
from training.data.text_columns import MODES, compose
from training.data.value_index import ValueIndex
from training.errors import TrainingError
from training.scoring.exported_files import CODE_FOLDER, DESCRIPTION_FILE, NETWORK_FILE, TREES_FILE
from training.scoring.remembered_texts import RememberedTexts
from training.text.text_space import TextSpace
from warehouse.errors import first_line
from warehouse.tables import DEEP_FEATURES, LIST_END, SCENES

if TYPE_CHECKING:
    from training.scoring.network import Network
    from training.scoring.trees import BoostedTrees

_ABOUT = ("run", "model", "dataset", "as_of")
_YEAR_OF_MISTAKES = 1970  # what seconds and milliseconds become if they are read as microseconds
_AT_ONCE = 16_384  # rows: more are no faster, and take more memory


class Scorer:
    """An exported model. It may be used by several threads at once.

    run: the name of the training run. dataset, as_of: what the run was trained on, and its last validation date.
    schema: the columns that rows must have, and their types. Other columns are ignored. reads_history: whether some of
    them are the last impressions of a row's user.
    """

    def __init__(self, folder: Path | str, text_encoder: str | None = None) -> None:
        """Load an export. text_encoder: the new folder of its sentence-transformers model, if it has moved.

        Raises TrainingError if files are missing, damaged, or made for another number of scenes.
        """
        folder = Path(folder)
        try:
            text = (folder / DESCRIPTION_FILE).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise TrainingError(
                f"{folder} is not the folder of an exported model, because {DESCRIPTION_FILE} cannot be read "
                f"({error.strerror}): make one with `python -m training export`"
            ) from error
        try:
            _require_unchanged(folder)
            about = json.loads(text)
            self.run, self.model, self.dataset, self.as_of = (about[name] for name in _ABOUT)
            self._space = FeatureSpace.load(folder)
            self._texts = RememberedTexts(TextSpace.load(folder, text_encoder)) if about["reads_texts"] else None
            self.reads_history: bool = about.get("reads_history", False)  # earlier exports do not say
            self._model = _load_model(folder, self._space)
        except (OSError, ValueError, KeyError, TypeError, EOFError, pa.ArrowException) as error:
            raise TrainingError(
                f"the exported model in {folder} is incomplete or damaged ({first_line(error)}): copy it again, and "
                "check it with `sha256sum --check SHA256SUMS` there"
            ) from error
        self.schema = schema_read(self._space, self._texts.mode if self._texts else None, self.reads_history)

    def probabilities(self, rows: pa.Table) -> np.ndarray:
        """Return the click probability of each row, float64 [n]. Raises TrainingError if rows cannot be scored."""
        return np.exp(-np.logaddexp(0, -self.logits(rows).astype(np.float64)))

    def logits(self, rows: pa.Table) -> np.ndarray:
        """Return the logit of each row, float32 [n]. Raises TrainingError if rows cannot be scored."""
        starts = range(0, len(rows), _AT_ONCE)
        parts = [self._score(as_typed(rows.slice(start, _AT_ONCE), self.schema)) for start in starts]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def _score(self, rows: pa.Table) -> np.ndarray:
        _require_lists(rows, self._space.lists)
        texts = _whitened_texts(rows, self._texts) if self._texts else None
        history = _histories(rows, self._space.vocabularies["item_id"]) if self.reads_history else None
        return self._model.logits(self._space.categorical(rows), self._space.numeric(rows), texts, history)


def _whitened_texts(rows: pa.Table, texts: RememberedTexts) -> np.ndarray:
    """Return the whitened embeddings of the rows' texts, [n, T, K] float32."""
    composed = [compose(rows, columns) for columns in MODES[texts.mode].values()]
    return np.stack([_vectors(column, texts) for column in composed], axis=1)


def _vectors(column: pa.ChunkedArray, texts: RememberedTexts) -> np.ndarray:
    codes, values = codes_and_values(column)
    used = np.unique(codes[codes >= 0])
    table = texts.table(values.take(pa.array(used)))
    return table[np.where(codes < 0, 0, np.searchsorted(used, codes) + 1)]


def _histories(rows: pa.Table, items: ValueIndex) -> tuple[np.ndarray, np.ndarray]:
    try:
        return histories_in(rows, items)
    except ValueError as error:
        raise TrainingError(f"the histories cannot be used, as {error}: correct the columns history_...") from error


def schema_read(space: FeatureSpace, text_mode: str | None, reads_history: bool) -> pa.Schema:
    """Return the columns that a model reads of rows, and their types. text_mode: None if it reads no texts."""
    text_columns = itertools.chain(*MODES[text_mode].values()) if text_mode else ()
    columns = schema_of((*KEYS, *space.columns, *text_columns))
    return pa.schema([*columns, *HISTORY_SCHEMA]) if reads_history else columns


def _require_unchanged(folder: Path) -> None:
    """Raise ValueError if files that are read are not those that were exported. MLflow's models have no checksums."""
    if not (folder / CHECKSUMS_FILE).exists():
        return
    read = [name for name in changed_files(folder) if not name.startswith((f"{CODE_FOLDER}/", "requirements.txt"))]
    if read:
        raise ValueError(f"{', '.join(read)} missing or changed")


def _load_model(folder: Path, space: FeatureSpace) -> "Network | BoostedTrees":
    if (folder / NETWORK_FILE).exists():
        from training.scoring.network import Network

        return Network(folder / NETWORK_FILE)
    text = (folder / TREES_FILE).read_text(encoding="utf-8")
    from training.scoring.trees import BoostedTrees

    try:
        return BoostedTrees.parse(text, space.input_shape)
    except ValueError as error:
        raise TrainingError(f"{folder / TREES_FILE} cannot be used, {error}: export the run again") from error


def as_typed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of the schema in its types. Raises TrainingError, which names what is missing or wrong."""
    present = {*rows.column_names}
    if len(present) < len(rows.column_names):
        twice = sorted({name for name in rows.column_names if rows.column_names.count(name) > 1})
        raise TrainingError(f"the rows have the columns {', '.join(twice)} more than once: give each column once")
    if missing := [name for name in schema.names if name not in present]:
        raise TrainingError(f"the rows lack the columns {', '.join(missing)}: give every column that the model reads")
    selected = rows.select(schema.names)
    if selected.schema != schema:
        columns = zip(schema.names, selected.columns, schema.types, strict=True)
        selected = pa.table([_typed(*column) for column in columns], schema=schema)
    typed = selected.unify_dictionaries()
    _require_values(typed, ("log_ts", "scene"))
    unknown = sorted(set(pc.unique(typed["scene"]).to_pylist()) - set(SCENES))
    if unknown:
        raise TrainingError(
            f"the rows have the scenes {', '.join(map(str, unknown))}, but the model knows {SCENES[0]} to "
            f"{SCENES[-1]}: give one of these"
        )
    return typed


def _typed(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        if name in DEEP_FEATURES and (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
            column = list_texts(column)
        if kind == CODED and not pa.types.is_dictionary(column.type):
            return column.cast(pa.string()).dictionary_encode()
        if kind == TIMESTAMP:
            return _instants(name, column)
        return column if column.type == kind else column.cast(kind)
    except pa.ArrowException as error:
        raise TrainingError(
            f"column {name} is {column.type} and cannot be turned into {kind} ({first_line(error)}): give it in "
            "this type"
        ) from error


def _instants(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return times with microseconds in UTC. Times without a zone, which may be texts, are taken to be in UTC.

    Raises TrainingError for numbers, whose unit is unknown, and for what numbers become if their unit is mistaken.
    """
    if not pa.types.is_integer(column.type):
        times = _times(column)
        if len(times) == times.null_count or pc.year(pc.min(times)).as_py() > _YEAR_OF_MISTAKES:
            return times
    raise TrainingError(
        f"column {name} has numbers, or times in {_YEAR_OF_MISTAKES} or before, which numbers of another unit become: "
        "give timestamps, or texts in ISO 8601"
    )


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        with suppress(pa.ArrowInvalid):  # raised for texts without a zone
            return column.cast(TIMESTAMP)
        column = column.cast(pa.timestamp("us"))
    has_nanoseconds = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    return column.cast(TIMESTAMP, safe=not has_nanoseconds)


def _require_lists(rows: pa.Table, names: Iterable[str]) -> None:
    """Raise TrainingError if a deep feature that is a list in the model has a value that is none."""
    for name in names:
        values = distinct_values(rows[name])
        single = values.filter(pc.invert(pc.or_(pc.ends_with(values, LIST_END), pc.equal(values, ""))))
        if len(single):
            raise TrainingError(
                f"column {name} has {single[0].as_py()!r}, but the model knows lists there: give lists of texts, or "
                "texts as in the training table, where U+001F follows each value"
            )


def _require_values(rows: pa.Table, names: Iterable[str]) -> None:
    for name in names:
        if rows[name].null_count:
            raise TrainingError(
                f"column {name} has no value in {rows[name].null_count} of {len(rows)} rows: fill it in, or leave "
                "these rows out"
            )
