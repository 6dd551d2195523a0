"""Alpha, the weight of the content tower in a content model's logit: its mean by scene and by cold-start level."""

import numpy as np
import pyarrow as pa
import torch

from training.data.row_texts import WITHOUT_TEXT
from training.data.rows import Rows
from training.data.text_columns import MODES
from training.evaluation.prediction import PREDICTION_ROWS
from training.evaluation.segments import segments_by_kind
from training.models.click_model import RowModel


@torch.inference_mode()
def alphas(model: RowModel, rows: Rows) -> np.ndarray:
    """Return the alpha of every row, [n] float32."""
    model.eval()
    starts = range(0, len(rows), PREDICTION_ROWS)
    return torch.cat([model.alpha(rows.slice(start, start + PREDICTION_ROWS)) for start in starts]).numpy()


def alpha_by(predictions: pa.Table) -> dict[str, dict[str, float | None]]:
    """Compute the mean of the column `alpha` in each segment, by kind and name; None for a segment without rows."""
    means = {}
    for kind, named in segments_by_kind().items():
        grouped = predictions.select([kind, "alpha"]).group_by(kind).aggregate([("alpha", "mean")])
        mean_by_name = {str(line[kind]): line["alpha_mean"] for line in grouped.to_pylist()}
        means[kind] = {name: mean_by_name.get(name) for name, _ in named}
    return means


def rows_without_text(rows: Rows, mode: str) -> dict[str, int]:
    """Count the rows that lack a text, for each text of the mode. They get the mean embedding instead."""
    missing = [] if rows.text is None else (rows.text == WITHOUT_TEXT).sum(0).tolist()
    return dict(zip(MODES[mode], missing, strict=True))
