"""What MLflow is told of a run, from a folder made by hand."""

from pathlib import Path

from tests.run_folders import write_run
from training.runs.summary import read_summary
from training.tracking.contents import description, version_page


def test_an_auc_without_interval_stands_alone(tmp_path: Path) -> None:
    known, unknown = (read_summary(write_run(tmp_path, number=i, auc_low=low)) for i, low in enumerate((0.67, None)))
    config = {"course": {"best_epoch": 1, "epochs": [{}]}}
    assert "| 0.7100 (0.6700 to 0.7500) |" in description(known, config)
    assert "| 0.7100 |" in description(unknown, config)
    page = version_page(known)
    assert "| all | 500 | 36.0% | 0.7100 (0.6700 to 0.7500) |" in page
    assert "| users: zero | 40 | 0.0% | - |" in page
