"""The lead of one run's AUC over another's on the same validation rows, from the files of both. Loads no torch."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.evaluation.auc import AucDifference, auc_difference
from training.runs.layout import PREDICTIONS_FILE
from training.runs.summary import BrokenRunError, RunSummary


def validated_on(run: RunSummary) -> tuple[tuple[str, str], ...]:
    """Return date and version of each validation table. Equal ones hold the same rows, which runs keep in one order.

    Empty if the configuration does not name them.
    """
    try:
        versions = {entry["date"]: entry["version"] for entry in run.config["inputs"]}
        return tuple((date, versions[date]) for date in run.config["window"]["val"])
    except (KeyError, TypeError):
        return ()


def paired_lead(run: Path, over: Path) -> AucDifference | None:
    """Test by how much the AUC of `run` exceeds that of `over`, two folders that were validated on the same rows.

    None if a class has rows of fewer than two users. Raises BrokenRunError.
    """
    own, others = _predictions(run), _predictions(over)
    labels = own["label"].to_numpy()
    if not np.array_equal(labels, others["label"].to_numpy()):
        raise BrokenRunError(run, f"{PREDICTIONS_FILE} has other labels than the file of {over.name}")
    users = own["user_id"].combine_chunks().indices.to_numpy()
    return auc_difference(others["logit"].to_numpy(), own["logit"].to_numpy(), labels, users)


def _predictions(folder: Path) -> pa.Table:
    try:
        return pq.read_table(
            folder / PREDICTIONS_FILE, columns=["user_id", "label", "logit"], read_dictionary=["user_id"]
        )
    except (OSError, pa.ArrowException) as error:
        raise BrokenRunError(folder, f"{PREDICTIONS_FILE} cannot be read") from error
