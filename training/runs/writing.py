"""Write a run's folder. It is first written as a staging folder, which is renamed when it is complete."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.checksums import write_checksums
from training.data.feature_space import FeatureSpace
from training.evaluation.cold_start_report import write_long, write_pivot
from training.evaluation.segments import Report
from training.models.click_model import RowModel
from training.runs.config import RunConfig
from training.runs.layout import METRICS_FILE, PREDICTIONS_FILE, REPORT_FILE, SEGMENTS_FILE, folder_name
from training.runs.model_file import save_model
from training.text.lsa import NAME as LSA
from training.text.text_space import TextSpace

if TYPE_CHECKING:
    from training.models.gbdt import Trees

_ABANDONED_AFTER = timedelta(days=7)


@contextmanager
def staging_folder(artifacts: Path) -> Iterator[Path]:
    """Create a folder to write a run into. At the end, the folder is removed unless it was renamed.

    Also removes what runs that were killed a week ago or earlier have left behind.
    """
    parent = artifacts / ".staging"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    _remove_abandoned(artifacts / ".checkpoints")
    _remove_abandoned(artifacts / ".embeddings" / LSA)  # lsa is fitted per window, so old ones are not read again
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)  # mkdtemp makes it private, but other users read the run
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
    model: "RowModel | Trees",
) -> None:
    """Write the files that `load_run` reads. course: the figures of each epoch, saved with the configuration."""
    write_json(folder / f"{config.model}_config.json", {**asdict(config), "course": course})
    save_model(folder, config.model, model)
    space.save(folder)
    if text_space:
        text_space.save(folder)


def write_evaluation(folder: Path, predictions: pa.Table, metrics: dict[str, Any], report: Report, html: str) -> None:
    """Write the predictions, the metrics, the cold-start report and the HTML report."""
    pq.write_table(predictions, folder / PREDICTIONS_FILE, compression="zstd")
    write_json(folder / METRICS_FILE, metrics)
    write_long(report, folder / SEGMENTS_FILE)
    write_pivot(report, folder / "cold_report_pivot.csv")
    (folder / REPORT_FILE).write_text(html, encoding="utf-8")


def publish_run(staged: Path, artifacts: Path, model: str) -> Path:
    """Add checksums to the complete folder and rename it to artifacts_{model}_run_YYYYMMDD-HHMMSS (UTC).

    If a folder of this name exists, waits for the next second.
    """
    write_checksums(staged)
    while True:
        now = datetime.now(UTC)
        target = artifacts / folder_name(model, now)
        try:
            return staged.rename(target)  # atomic, and it fails if the target is a folder with files
        except OSError:
            if not target.exists():
                raise
            time.sleep(1 - now.microsecond / 1e6)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write strict JSON. Raises ValueError for a number that is not finite, which many readers would reject."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _remove_abandoned(parent: Path) -> None:
    """Remove old folders in `parent` that were left behind by killed runs."""
    oldest = time.time() - _ABANDONED_AFTER.total_seconds()
    for folder in parent.glob("*/"):
        with suppress(FileNotFoundError):  # another run has just removed it
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
