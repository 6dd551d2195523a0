"""Evaluate a model on validation rows."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from training.data.feature_space import FeatureSpace
from training.data.rows import Rows
from training.evaluation.alpha import alpha_by, alphas, rows_without_text
from training.evaluation.metrics import evaluated
from training.evaluation.prediction import predict
from training.evaluation.prediction_table import predictions_table
from training.evaluation.segments import Report
from training.evaluation.truth import click_probabilities
from training.models.click_model import RowModel
from training.models.gate_statistics import GateStatistics
from training.models.row_scorer import RowScorer
from warehouse.catalog import Catalog


def evaluate_model(
    model: RowScorer,
    space: FeatureSpace,
    catalog: Catalog,
    dates: Sequence[str],
    validation: Rows,
    keys: pa.Table,
    few_max: int,
    text_mode: str | None,
) -> tuple[pa.Table, dict[str, Any], Report]:
    """Compute predictions, metrics and the cold-start report on the rows of the validation dates.

    keys: the key columns of the validation rows, in the same order. few_max: the maximum number of impressions at the
    level "few". text_mode: a key of text_columns.MODES, or None if the model reads no texts.
    """
    gate_statistics = GateStatistics()
    logits = predict(model, validation, gate_statistics).numpy()
    predictions = predictions_table(keys, logits, space, few_max)
    metrics, report = evaluated(predictions, click_probabilities(catalog, dates, predictions))
    if gates := gate_statistics.report():
        metrics["gates"] = gates
    if isinstance(model, RowModel) and model.model.content:
        predictions = predictions.append_column("alpha", pa.array(alphas(model, validation)))
        metrics["alpha_by"] = alpha_by(predictions)
    if text_mode:
        metrics["rows_without_text"] = rows_without_text(validation, text_mode)
    return predictions, metrics, report
