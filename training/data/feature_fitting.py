"""Fit a feature space on the training dates."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.data.feature_space import IDS, FeatureSpace, scene_positions
from training.data.list_vocabulary import ListVocabulary, has_lists
from training.data.numeric_features import NUMERIC_COLUMNS, Moments, numeric_block
from training.data.training_table import Read, read_dates
from training.data.vocabulary import PARTS_AT_ONCE, Vocabulary
from training.errors import TrainingError
from warehouse.catalog import Catalog
from warehouse.tables import DEEP_FEATURES, SCENES

_RATE_BOUNDS = (0.001, 0.999)  # keep the odds finite in scenes where nothing, or everything, was clicked


def fit_features(catalog: Catalog, dates: Sequence[str], read: Read = read_dates, min_count: int = 1) -> FeatureSpace:
    """Fit a feature space on the rows of the dates. Raises TrainingError if all, or none, of them were clicked.

    min_count: users and items with fewer impressions count as unseen.
    """
    parts: dict[str, list[Vocabulary]] = defaultdict(list)
    shown, clicked = np.zeros(len(SCENES)), np.zeros(len(SCENES))
    for table in read(catalog, dates, DEEP_FEATURES):
        for name in (*IDS, *DEEP_FEATURES):
            parts[name].append(Vocabulary.of(table[name]))
            if len(parts[name]) == PARTS_AT_ONCE:
                parts[name] = [Vocabulary.merged(parts[name])]
        scene = scene_positions(table)
        shown += np.bincount(scene, minlength=len(SCENES))
        clicked += np.bincount(scene, weights=table["label"].to_numpy(), minlength=len(SCENES))
    rows, clicks = int(shown.sum()), int(clicked.sum())
    if clicks in (0, rows):
        raise TrainingError(
            f"of {rows} rows on the training dates {dates[0]} to {dates[-1]}, {clicks} were clicked, but a model needs "
            "both clicked and unclicked rows: choose another --as-of or more --train-days"
        )
    vocabularies = {name: Vocabulary.merged(of_name) for name, of_name in parts.items()}
    vocabularies |= {name: replace(vocabularies[name], least=min_count) for name in IDS}
    lists = {
        name: ListVocabulary.of_lists(vocabularies.pop(name))
        for name in DEEP_FEATURES
        if has_lists(vocabularies[name].values)
    }
    in_use = {name: v for name, v in (vocabularies | lists).items() if name in IDS or len(v.values)}
    scene_ctr = np.clip(np.where(shown > 0, clicked / np.maximum(shown, 1), clicks / rows), *_RATE_BOUNDS)
    moments = Moments()
    for table in read(catalog, dates, NUMERIC_COLUMNS):
        moments.add(numeric_block(table, scene_positions(table), scene_ctr))
    return FeatureSpace(in_use, scene_ctr, moments.standardiser())
