"""Distinct Chinese texts like those in sample logs."""

import numpy as np
import pyarrow as pa

from sample_logs.population import draw_items, draw_scene_tastes
from sample_logs.settings import Settings
from training.data.text_columns import MODES, compose
from training.data.vocabulary import Vocabulary


def distinct_texts(count: int) -> pa.Array:
    """Return `count` distinct item texts, composed of title and entities as for the models."""
    rng = np.random.default_rng(7)
    settings = Settings(rows=1, days=1, users=1, items=count + count // 10)  # some texts are empty or repeated
    items = draw_items(settings, draw_scene_tastes(rng), rng)
    entities = items.entity_texts.take(pa.array(items.first_entity_text))
    columns = {"item_title": items.title, "item_entity_names": entities}
    table = pa.table({name: column.dictionary_encode() for name, column in columns.items()})
    texts = Vocabulary.of(compose(table, MODES["split"]["item"])).values
    if len(texts) < count:
        raise RuntimeError(f"the sample logs' items have {len(texts)} distinct texts, not {count}")
    return texts[:count]
