"""Turn blocks of impressions into the columns of the raw log and of the truth."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from sample_logs.logs import Block, SampleLogs

_USER_TEXTS = ("bill_entity_seq", "service_entity_seq", "query_entity_seq")
_TRUTH_TIME = pa.timestamp("us", tz="UTC")
TRUTH_SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("log_ts", _TRUTH_TIME),
        ("scene", pa.int32()),
        ("click_probability", pa.float64()),
    ]
)


def raw_batch(logs: SampleLogs, block: Block, date: str) -> pa.RecordBatch:
    """Return the block with the columns of the raw log, in the order of the AntM2C release."""
    user, item = pa.array(block.user), pa.array(block.item)
    return pa.record_batch(
        {
            "user_id": logs.users.ids[block.user],
            "item_id": logs.items.ids[block.item],
            "log_time": _times(block, date, pa.timestamp("s")),
            "label": block.label,
            **{name: logs.users.texts[name].take(user) for name in _USER_TEXTS},
            "item_entity_names": logs.items.entity_texts.take(pa.array(block.entity_text)),
            "item_title": logs.items.title.take(item),
            "scene": block.scene,
            **(logs.deep_features.columns(block.user, block.item) if logs.deep_features else {}),
        }
    )


def truth_batch(logs: SampleLogs, block: Block, date: str) -> pa.RecordBatch:
    """Return the true click probabilities of the block, in the order of the log's rows."""
    columns = [
        pa.array(logs.users.ids[block.user]).cast(pa.string()),
        pa.array(logs.items.ids[block.item]).cast(pa.string()),
        _times(block, date, _TRUTH_TIME),
        pa.array(block.scene.astype(np.int32)),
        pa.array(block.probability),
    ]
    return pa.record_batch(columns, schema=TRUTH_SCHEMA)


def _times(block: Block, date: str, kind: pa.TimestampType) -> pa.Array:
    midnight = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())
    return pa.array(midnight + block.seconds, pa.timestamp("s", tz=kind.tz)).cast(kind)
