"""Turn training tables into Rows, the tensors that models take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch

from training.data.feature_space import IDS, FeatureSpace
from training.data.impression_sequences import FACTS
from training.data.numeric_features import FEATURE_NAMES
from training.data.row_texts import RowTexts
from training.data.rows import ITEM, Rows
from training.data.training_table import count_rows, read_dates
from training.data.user_histories import UserHistories
from training.data.value_index import UNSEEN
from warehouse.catalog import Catalog
from warehouse.tables import DEEP_FEATURES, SEQUENCE_LENGTH

# The most that a row without lists takes: indexes of features and of three texts, the numeric block, the label.
BYTES_PER_ROW = 8 * (4 + len(DEEP_FEATURES) + 3) + 4 * len(FEATURE_NAMES) + 4
BYTES_PER_HISTORY = SEQUENCE_LENGTH * (4 + FACTS)


@dataclass(frozen=True)
class RowEncoder:
    """Turns a training table into Rows. texts, histories: None for a model that reads none."""

    space: FeatureSpace
    texts: RowTexts | None = None
    histories: UserHistories | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read in addition to the keys."""
        return (*self.space.columns, *(self.texts.columns if self.texts else ()))

    def encode(self, table: pa.Table, date: str) -> Rows:
        """Turn a table with the keys and `columns` into Rows. Without labels, as candidates are, all labels are 0.

        date: the date of the partition that the rows are from.
        """
        label = table["label"].to_numpy() if "label" in table.column_names else np.zeros(len(table))
        items, facts = map(torch.from_numpy, self.histories.of(table, date)) if self.histories else (None, None)
        return Rows(
            categorical=torch.from_numpy(self.space.categorical(table)),
            numeric=torch.from_numpy(self.space.numeric(table)),
            label=torch.from_numpy(label.astype(np.float32)),
            text=torch.from_numpy(self.texts.index(table)) if self.texts else None,
            history_items=items,
            history_facts=facts,
        )

    def empty_rows(self, count: int) -> Rows:
        """Allocate uninitialised rows, to be overwritten."""
        places = (count, SEQUENCE_LENGTH)
        return Rows(
            categorical=torch.empty((count, sum(self.space.input_shape.widths)), dtype=torch.int64),
            numeric=torch.empty((count, self.space.numeric_size), dtype=torch.float32),
            label=torch.empty(count, dtype=torch.float32),
            text=torch.empty((count, self.texts.per_row), dtype=torch.int64) if self.texts else None,
            history_items=torch.empty(places, dtype=torch.int32) if self.histories else None,
            history_facts=torch.empty((*places, FACTS), dtype=torch.uint8) if self.histories else None,
        )


def without_newcomers(rows: Rows, space: FeatureSpace) -> Rows:
    """Return the rows as a model fitted on the others meets them: ids and values that only these rows have are unseen.

    rows: a part of those that the space was fitted on.
    """
    categorical, shown_before = rows.categorical.clone(), rows.history_items
    of_features = categorical.split(space.input_shape.widths, dim=1)
    for name, indexes in zip(space.categorical_sizes, of_features, strict=True):
        if vocabulary := space.vocabularies.get(name):
            in_all = torch.from_numpy(vocabulary.impressions_at(np.arange(vocabulary.size))).to(indexes.device)
            in_these = torch.bincount(indexes.flatten(), minlength=len(in_all))
            is_new = in_these == in_all
            indexes[is_new[indexes]] = UNSEEN
            if name == IDS[ITEM] and shown_before is not None:
                shown_before = shown_before.masked_fill(is_new[shown_before], UNSEEN)
    return replace(rows, categorical=categorical, history_items=shown_before)


def load_rows(catalog: Catalog, dates: Sequence[str], encoder: RowEncoder) -> Rows:
    """Load all rows of the dates, in the order of read_dates. To save memory, tables are read one date at a time."""
    rows = encoder.empty_rows(sum(count_rows(catalog, date) for date in dates))
    start = 0
    for date in dates:
        for table in read_dates(catalog, [date], encoder.columns):
            rows.slice(start, start + len(table)).copy_from(encoder.encode(table, date))
            start += len(table)
    return rows
