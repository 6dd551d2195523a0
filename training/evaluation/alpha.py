"""How much content models take of the content: the mean of a, by scene and cold-start level."""

import numpy as np
import pyarrow as pa
import torch

from training.data.row_texts import WITHOUT_TEXT
from training.data.rows import Rows
from training.data.text_columns import MODES
from training.evaluation.metrics import SHOWN_BY
from training.evaluation.prediction import PREDICTION_ROWS
from training.models.content import ContentModel


@torch.inference_mode()
def alphas(model: ContentModel, rows: Rows) -> np.ndarray:
    """Every row's a, [n] float32."""
    model.eval()
    starts = range(0, len(rows), PREDICTION_ROWS)
    return torch.cat([model.alpha(rows.slice(start, start + PREDICTION_ROWS)) for start in starts]).numpy()


def alpha_by(predictions: pa.Table) -> dict[str, dict[str, float | None]]:
    """The mean of the column `alpha`, in the shape of auc_by; None where there are no rows."""
    means = {}
    for kind, segments in SHOWN_BY.items():
        grouped = predictions.select([kind, "alpha"]).group_by(kind).aggregate([("alpha", "mean")])
        of_group = {str(line[kind]): line["alpha_mean"] for line in grouped.to_pylist()}
        means[kind] = {name: of_group.get(name) for name, _ in segments}
    return means


def rows_without_text(rows: Rows, mode: str) -> dict[str, int]:
    """By text of a row, the number of rows that have none and take the mean embedding."""
    missing = [] if rows.text is None else (rows.text == WITHOUT_TEXT).sum(0).tolist()
    return dict(zip(MODES[mode], missing, strict=True))
