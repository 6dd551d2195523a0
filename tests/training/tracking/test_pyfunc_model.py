"""Tracked runs as MLflow models, loaded by MLflow alone in a process that has neither this repository nor torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow import MlflowClient

from training.cli import main

ELSEWHERE = """
import json, sys
import mlflow.pyfunc, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
for address, name in json.loads(sys.argv[2]).items():
    model = mlflow.pyfunc.load_model(address)
    rows = pd.read_parquet(name + ".parquet")
    scored = model.predict(rows)
    assert list(scored.columns) == ["probability"] and scored.index.equals(rows.index)
    scored.to_parquet(name + "_scored.parquet")
    assert len(model.predict(model.input_example)) == len(model.input_example) > 0
    assert model.predict(rows.assign(log_ts=rows.log_ts.dt.tz_localize(None))).equals(scored)
assert "torch" not in sys.modules
"""


def test_tracked_runs_are_models_that_mlflow_loads_without_this_repository(
    validated: dict[str, tuple[Path, pa.Table]], tracking_uri: str, tmp_path: Path
) -> None:
    at, runs = ["--tracking-uri", tracking_uri], {name: run for name, (run, _) in validated.items()}
    tracked = main(["track", *at, "--artifacts", *map(str, runs.values())])["tracked"]
    main(["promote", *at, "--artifacts", str(runs["mmoe_content"])])
    addresses = {f"runs:/{tracked[run.name]}/model": name for name, run in runs.items() if name != "mmoe_content"}
    addresses["models:/antm2c_demo@champion"] = "mmoe_content"
    for name, (_, rows) in validated.items():
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ELSEWHERE, tracking_uri, json.dumps(addresses)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    for name, run in runs.items():
        scored = pq.read_table(tmp_path / f"{name}_scored.parquet")["probability"].to_numpy()
        expected = pq.read_table(run / "predictions.parquet")["probability"].to_numpy()
        np.testing.assert_allclose(scored, expected, atol=1e-5, err_msg=name)
    version = MlflowClient(tracking_uri).get_model_version_by_alias("antm2c_demo", "champion")
    metrics = json.loads((runs["mmoe_content"] / "val_metrics.json").read_text())
    shown = "| all | {rows} | {clicked:.1%} | {auc:.4f} ({auc_low:.4f} to {auc_high:.4f}) |"
    assert shown.format(clicked=metrics["positives"] / metrics["rows"], **metrics) in version.description
    assert f"as of {metrics['as_of']} ({runs['mmoe_content'].name})" in version.description
    assert "| items: few |" in version.description
    assert "report.html" in version.description
