"""Writing the folder of a run: in a staging folder, renamed when it is complete."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from training.checksums import write_checksums
from training.data.features import FeatureSpace
from training.evaluation.segments import Report, write_long, write_pivot
from training.runs.config import RunConfig
from training.runs.layout import METRICS_FILE, PREDICTIONS_FILE, REPORT_FILE, SEGMENTS_FILE, folder_name
from training.text.lsa import NAME as LSA
from training.text.space import TextSpace

_ABANDONED_AFTER = timedelta(days=7)


@contextmanager
def staging_folder(artifacts: Path) -> Iterator[Path]:
    """A folder to write a run into; what is still there at the end is removed."""
    parent = artifacts / ".staging"
    parent.mkdir(parents=True, exist_ok=True)
    _drop_abandoned(parent)
    _drop_abandoned(artifacts / ".checkpoints")
    _drop_abandoned(artifacts / ".embeddings" / LSA)  # fitted anew for every window
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)  # mkdtemp hides it from the other users who will read the run
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_run(
    folder: Path,
    config: RunConfig,
    course: dict[str, Any],
    space: FeatureSpace,
    text_space: TextSpace | None,
    model: nn.Module,
) -> None:
    """Writes what `load_run` needs. course: how the training went, for the reader of the configuration."""
    write_json(folder / f"{config.model}_config.json", {**asdict(config), "course": course})
    torch.save(model.state_dict(), folder / f"{config.model}_state.pt")
    space.save(folder)
    if text_space:
        text_space.save(folder)


def write_evaluation(folder: Path, predictions: pa.Table, metrics: dict[str, Any], report: Report, html: str) -> None:
    """Writes what the evaluation came to."""
    pq.write_table(predictions, folder / PREDICTIONS_FILE, compression="zstd")
    write_json(folder / METRICS_FILE, metrics)
    write_long(report, folder / SEGMENTS_FILE)
    write_pivot(report, folder / "cold_report_pivot.csv")
    (folder / REPORT_FILE).write_text(html, encoding="utf-8")


def publish_run(staged: Path, artifacts: Path, model: str) -> Path:
    """Renames a complete folder to artifacts_{model}_run_YYYYMMDD-HHMMSS (UTC); where that is taken, a second later.

    Its checksums go with it, by which load_config knows it again.
    """
    write_checksums(staged)
    while True:
        now = datetime.now(UTC)
        target = artifacts / folder_name(model, now)
        try:
            return staged.rename(target)  # one step, and never onto a folder that holds anything
        except OSError:
            if not target.exists():
                raise
            time.sleep(1 - now.microsecond / 1e6)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes strict JSON: a number that is not finite is an error here, not in the reader."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _drop_abandoned(parent: Path) -> None:
    """Removes what killed runs left behind and nobody went on with."""
    oldest = time.time() - _ABANDONED_AFTER.total_seconds()
    for folder in parent.glob("*/"):
        with suppress(FileNotFoundError):  # a run beside this one has finished and taken it away
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
