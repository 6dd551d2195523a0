"""Training on a GPU. Parts that also run on a CPU are tested everywhere, the whole only if there is a GPU."""

import ctypes
import math
import os
import resource
import shutil
import subprocess
import sys

import pytest
import torch

from tests.training.conftest import near
from tests.training.fitting.test_loop import SHAPE, random_rows, train, undropped_model
from training.cli import main
from training.errors import TrainingError
from training.evaluation.prediction import predict
from training.fitting.device import denormals_flushed, on_device, resolve_device
from training.fitting.epoch_losses import EpochLosses
from training.fitting.loop_settings import LoopSettings
from training.model_names import BACKBONES
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings
from warehouse.settings import REPOSITORY

PAGES_TOUCHED = """
import resource, sys, torch
from training.fitting.device import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for step in range(8):  # the first ones find the heap too small
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [torch.ones(2**20) for _ in range(8)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")


def test_auto_is_a_gpu_if_there_is_one(monkeypatch):
    for available, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        assert resolve_device("auto") == device
        assert resolve_device("cpu") == "cpu"


def test_a_missing_gpu_is_an_error(monkeypatch, published, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"--device cuda needs a GPU, but torch .* finds none: .* --device cpu"):
        main(published.arguments(tmp_path, "--device", "cuda"))


@pytest.mark.parametrize(("free", "moves"), [(2.1, True), (1.9, False)])
def test_rows_go_to_the_gpu_if_they_leave_half_of_its_free_memory(monkeypatch, free, moves):
    rows = random_rows()
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (int(free * rows.bytes), 0))
    monkeypatch.setattr("training.data.rows.Rows.to", lambda *_: "on the GPU")
    assert (on_device(rows, "cuda") == "on the GPU") is moves
    assert on_device(rows, "cpu") is rows


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="C's library is not glibc")
def test_a_step_reuses_the_memory_that_the_one_before_has_freed():
    # By default glibc gives back most of it or nothing, depending on the layout of the heap.
    all_given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    touched = {
        how: int(
            subprocess.check_output([sys.executable, "-c", PAGES_TOUCHED, how], cwd=REPOSITORY, env=all_given_back)
        )
        for how in ("kept", "given back")
    }
    assert touched["kept"] < 100 < 8 * 2**20 * 4 / resource.getpagesize() / 2 < touched["given back"]


def test_the_bytes_of_rows_are_those_of_their_tensors():
    assert random_rows(400).bytes == 400 * (4 * 8 + 6 * 4 + 4)


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("content", [False, True])
def test_products_in_bfloat16_train_to_about_the_same_weights(tmp_path, monkeypatch, name, content):
    """With the CPU's bfloat16 instead of a GPU's."""
    rows = random_rows()
    if content:
        text = torch.randint(30, (len(rows), 2), generator=torch.Generator().manual_seed(1))
        rows = type(rows)(rows.categorical, rows.numeric, rows.label, text)
    table = torch.randn(30, 6, generator=torch.Generator().manual_seed(2))

    def trained(folder):
        torch.manual_seed(5)
        model = build_model(name, SHAPE, ModelSettings(dropout=0), (2, 6) if content else None)
        model = RowModel(model, table if content else None)
        return train(tmp_path / folder, rows=rows, model=model, epochs=3)

    whole, _ = trained("float32")
    monkeypatch.setattr(
        "training.fitting.loop.training_precision", lambda _: torch.autocast("cpu", dtype=torch.bfloat16)
    )
    half, _ = trained("bfloat16")
    assert {weight.dtype for weight in half.parameters()} == {torch.float32}
    torch.testing.assert_close(predict(half, rows), predict(whole, rows), atol=0.05, rtol=0.05)
    assert not torch.equal(predict(half, rows), predict(whole, rows))


@pytest.mark.parametrize("every", [1, 3, 100])
def test_losses_read_late_come_to_the_same_mean(monkeypatch, every):
    monkeypatch.setattr("training.fitting.epoch_losses._READ_EVERY", {"cpu": every})
    losses = EpochLosses(LoopSettings(), 1, 7)
    for step in range(7):
        losses.add(torch.tensor(float(step)), torch.tensor(step + 1.0), random_rows(step + 1))
    assert losses.mean(28) == sum(step * (step + 1) for step in range(7)) / 28


def test_a_loss_read_late_is_named_by_its_own_batch(monkeypatch):
    monkeypatch.setattr("training.fitting.epoch_losses._READ_EVERY", {"cpu": 5})
    losses = EpochLosses(LoopSettings(), 2, 9)
    for step, value in enumerate((0.5, 0.5, math.inf, math.nan), start=1):
        losses.add(torch.tensor(value), torch.tensor(10.0 * step), random_rows(10 * step))
    with pytest.raises(TrainingError, match=r"the loss is inf in epoch 2, batch 3 of 9 \(30 rows"):
        losses.add(torch.tensor(0.5), torch.tensor(50.0), random_rows(50))


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++ here")
def test_a_compiled_model_trains_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "training.fitting.optimizer._LARGE", 20
    )  # users' embeddings take deferred steps, the others dense ones
    plain, _ = train(tmp_path / "plain", model=undropped_model(), epochs=2)
    faster, _ = train(tmp_path / "compiled", model=undropped_model(), epochs=2, compile=True)
    torch.testing.assert_close(predict(faster, random_rows()), predict(plain, random_rows()), atol=1e-5, rtol=1e-5)
    assert list(faster.state_dict()) == list(plain.state_dict())


def test_compiling_without_a_compiler_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrainingError, match="--compile needs a C\\+\\+ compiler"):
        train(tmp_path, compile=True)


@needs_gpu
@pytest.mark.parametrize("model", ["dnn", "mmoe", "ple", "mmoe_content"])
@pytest.mark.parametrize("large", [1, 20_000])
def test_a_gpu_trains_to_about_the_cpus_metrics_and_its_run_is_evaluated_on_the_cpu(
    worded, tmp_path, monkeypatch, model, large
):
    monkeypatch.setattr("training.fitting.optimizer._LARGE", large)
    by_device = {}
    for device in ("cpu", "cuda"):
        summary = main(
            worded.arguments(tmp_path / device, "--model", model, "--text-encoder", "lsa", "--device", device)
        )
        again = main(["evaluate", "--artifacts", summary["artifacts"]])
        assert {name: summary[name] for name in again} == near(again)
        by_device[device] = summary
    assert abs(by_device["cpu"]["auc"] - by_device["cuda"]["auc"]) < 0.01


def test_denormals_count_as_zero_until_the_training_ends() -> None:
    fading = torch.tensor([1e-39])
    with denormals_flushed():
        inside = fading * 0.5
    assert inside.item() == 0
    assert (fading * 0.5).item() > 0
