"""Training by torchrun on two processes, as a user starts it, against one process."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from tests.training.conftest import Published, command, read_json
from training import cli, distributed
from training.data.feature_fitting import fit_features
from training.data.row_encoder import RowEncoder
from training.data.rows import Rows
from training.data.streaming import StreamedBatches, shards
from training.data.training_table import row_groups
from training.errors import TrainingError
from training.fitting.epoch_losses import EpochLosses
from training.fitting.loop import _summed_loss
from training.fitting.loop_settings import LoopSettings
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings
from warehouse.settings import REPOSITORY
from warehouse.tables import TRAIN

NOTHING_DROPPED = ("--dropout", "0", "--id-dropout", "0", "--unseen-rate", "0")
LONG = ("--epochs", "40", "--patience", "40", "--learning-rate", "0.0001")
# The CLI, with every embedding counting as a large one and little memory holding few rows.
SMALL_LIMITS = """
import sys
import training.cli, training.fitting.optimizer, training.commands.train
training.fitting.optimizer._LARGE = 1
training.commands.train.BYTES_PER_ROW = 2_500
sys.exit(training.cli.run())
"""


def torchrun(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def summary_of(run: subprocess.Popen) -> dict:
    output, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


@pytest.fixture
def small_limits(tmp_path: Path) -> str:
    script = tmp_path / "small_limits.py"
    script.write_text(SMALL_LIMITS)
    return str(script)


def weights(summary: dict) -> dict[str, torch.Tensor]:
    return torch.load(next(Path(summary["artifacts"]).glob("*_state.pt")), weights_only=True)


def assert_about_equal(one: dict, two: dict) -> None:
    assert two["auc"] == pytest.approx(one["auc"], abs=1e-3)
    for name, weight in weights(one).items():
        torch.testing.assert_close(weights(two)[name], weight, atol=2e-3, rtol=2e-2)


def test_two_processes_end_as_one(published: Published, tmp_path: Path, small_limits: str) -> None:
    """The last batch is uneven, scenes count differently; two processes defer steps of embeddings, one does not."""
    more = (*NOTHING_DROPPED, "--batch-size", "39", "--scene-weights", "9,1,1,5,1", "--clip-norm", "0.5")
    one = summary_of(command(published.arguments(tmp_path / "one", *more)))
    two = summary_of(torchrun(small_limits, *published.arguments(tmp_path / "two", *more)))
    assert_about_equal(one, two)
    folders = [Path(summary["artifacts"]) for summary in (one, two)]
    assert len({frozenset(path.name for path in folder.iterdir()) for folder in folders}) == 1
    assert [read_json(folder / "dnn_config.json")["processes"] for folder in folders] == [1, 2]


def test_streamed_row_groups_and_deferred_embeddings_end_as_in_memory(
    worded: Published, tmp_path: Path, small_limits: str
) -> None:
    """A step takes all rows: whatever the order, the weights are the same."""
    more = ("--model", "mmoe_content", "--text-encoder", "lsa", *NOTHING_DROPPED, "--batch-size", "5000")
    arguments = [*more, "--epochs", "4", "--learning-rate", "0.01"]
    one = summary_of(command(worded.arguments(tmp_path / "one", *arguments)))
    run = torchrun(small_limits, *worded.arguments(tmp_path / "two", *arguments, "--memory-mb", "1"))
    output, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    assert "streamed" in output
    two = json.loads(output.splitlines()[-1])
    assert_about_equal(one, two)


def test_more_processes_than_gpus_are_refused(monkeypatch, capsys) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert cli.run() == 1
    assert "more processes on this machine than it has GPUs: pass --nproc-per-node 2" in capsys.readouterr().err


def test_row_groups_are_dealt_out_evenly_and_none_is_lost(published: Published) -> None:
    groups = row_groups(published.catalog, published.catalog.dates(TRAIN))
    dealt = shards(groups, 3)
    assert sorted(map(id, groups)) == sorted(id(group) for shard in dealt for group in shard)
    rows = [sum(group.rows for group in shard) for shard in dealt]
    assert sum(rows) == published.world.rows
    assert max(rows) - min(rows) <= max(group.rows for group in groups)


def test_a_process_without_a_row_group_takes_every_step_with_no_rows(published: Published, monkeypatch) -> None:
    groups = row_groups(published.catalog, published.catalog.dates(TRAIN))[:2]
    rows, space = sum(group.rows for group in groups), fit_features(published.catalog, published.catalog.dates(TRAIN))
    monkeypatch.setattr(distributed, "count", lambda: 3)
    of_ranks = []
    for rank in range(3):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        batches = StreamedBatches(groups, rows, RowEncoder(space), batch_size=4, buffer_rows=100)
        of_ranks.append(list(batches.epoch(torch.Generator().manual_seed(rank))))
    assert [sum(map(len, batches)) for batches in of_ranks] == [
        *sorted((group.rows for group in groups), reverse=True),
        0,
    ]
    assert {len(batches) for batches in of_ranks} == {math.ceil(rows / 4)}
    model = RowModel(build_model("mmoe", space.input_shape, ModelSettings()))
    loss, weight = _summed_loss(model(of_ranks[2][0]), of_ranks[2][0], None)
    loss.backward()
    assert (loss.item(), weight.item()) == (0, 0)
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in model.parameters())


def test_a_loss_that_is_not_finite_stops_a_process_without_rows_too() -> None:
    nothing = Rows(torch.empty(0, 3, dtype=torch.int64), torch.empty(0, 4), torch.empty(0))
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, batch 1 of 5 \(0 rows, 0 clicked"):
        EpochLosses(LoopSettings(), epoch=1, steps=5).add(torch.tensor(math.nan), torch.tensor(9.0), nothing)


def test_killed_processes_go_on_and_end_as_undisturbed_ones(published: Published, tmp_path: Path) -> None:
    killed = torchrun("-m", "training", *published.arguments(tmp_path / "killed", *LONG))
    for line in killed.stdout:
        if line.startswith("epoch 2/"):
            break
    workers = Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
    os.kill(int(workers[-1]), signal.SIGKILL)  # torchrun ends the others
    _, errors = killed.communicate(timeout=60)
    assert killed.returncode == 1
    assert errors.count("run the same command again") == 1
    assert "training/cli.py" not in errors, "the only traceback is torchrun's own"
    resumed = torchrun("-m", "training", *published.arguments(tmp_path / "killed", *LONG))
    output, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert len(re.findall(r"resumed after epoch \d+", output)) == 1
    whole = summary_of(torchrun("-m", "training", *published.arguments(tmp_path / "whole", *LONG)))
    again = json.loads(output.splitlines()[-1])
    first, second = (pq.read_table(Path(s["artifacts"]) / "predictions.parquet")["logit"] for s in (again, whole))
    assert first.to_pylist() == pytest.approx(second.to_pylist(), abs=1e-5)


def test_what_is_refused_is_said_once(published: Published, tmp_path: Path) -> None:
    arguments = published.arguments(tmp_path, "--as-of", "2023-09-01")
    run = torchrun("-m", "training", *arguments)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 1
    assert errors.count("error: ") == 1
    assert "cannot be used" in errors
    assert "training/cli.py" not in errors, "the only traceback is torchrun's own"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promote", "--artifacts", "somewhere"], "promote runs in one process only: start it without torchrun"),
        (
            ["train", "--model", "dnn", "--as-of", "2023-07-16", "--batch-size", "1"],
            "--batch-size 1 is smaller than the number of processes, 2",
        ),
    ],
)
def test_what_several_processes_cannot_do_is_refused(monkeypatch, capsys, arguments, sentence) -> None:
    for module in ("cli", "commands.train"):
        monkeypatch.setattr(f"training.{module}.count", lambda: 2)
    monkeypatch.setattr(sys, "argv", ["training", *arguments])
    assert cli.run() == 1
    assert sentence in capsys.readouterr().err
