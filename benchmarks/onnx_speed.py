"""Measure a request's worth of candidates through an exported network against the same network in PyTorch."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.figure import Figure, at_most
from training.data.input_shape import InputShape
from training.data.numeric_features import FEATURE_NAMES
from training.data.text_columns import MODES
from training.models.build import build_model
from training.models.model_settings import ModelSettings
from training.models.onnx_file import write_onnx
from training.scoring.network import Network
from training.text.whitening import MOST_DIMENSIONS
from warehouse.tables import SCENES

_SIZES = {"user_id": 100_000, "item_id": 20_000, "scene": len(SCENES), "hour": 24}
_TEXT_SHAPE = len(MODES["profile"]), MOST_DIMENSIONS  # of a row: texts, and numbers of each
_CANDIDATES, _WARM_UP, _TURNS, _REQUESTS = 100, 50, 20, 50
_MOST_OF_TORCH = 0.7


def measure(folder: Path) -> list[Figure]:
    """Score the same rows with both, one thread each, by turns. The networks are untrained, which costs the same."""
    torch.set_num_threads(1)
    return [_figure(folder, "mmoe", None), _figure(folder, "mmoe_content", _TEXT_SHAPE)]


def _figure(folder: Path, name: str, text_shape: tuple[int, int] | None) -> Figure:
    shape, rng = InputShape.without_histories(_SIZES, len(FEATURE_NAMES)), np.random.default_rng(7)
    model = build_model(name, shape, ModelSettings(), text_shape).eval()
    write_onnx(model, shape, text_shape, folder / f"{name}.onnx")
    network = Network(folder / f"{name}.onnx")
    categorical = np.stack([rng.integers(0, size, _CANDIDATES) for size in _SIZES.values()], axis=1)
    numeric = rng.standard_normal((_CANDIDATES, len(FEATURE_NAMES)), dtype=np.float32)
    texts = rng.standard_normal((_CANDIDATES, *text_shape), dtype=np.float32) if text_shape else None
    tensors = [torch.from_numpy(part) for part in (categorical, numeric, texts) if part is not None]

    @torch.inference_mode()
    def in_torch() -> np.ndarray:
        return model(*tensors)[0].numpy()

    def in_onnx() -> np.ndarray:
        return network.logits(categorical, numeric, texts)

    np.testing.assert_allclose(in_onnx(), in_torch(), atol=1e-5)
    turns = [(_milliseconds(in_onnx), _milliseconds(in_torch)) for _ in range(_TURNS)]
    own, other = (median(side) for side in zip(*turns, strict=True))
    ratio = median(onnx / eager for onnx, eager in turns)
    what = f"{name} in ONNX, {_CANDIDATES} candidates, one thread"
    return at_most(what, ratio, _MOST_OF_TORCH, "x eager PyTorch", {"onnx_ms": own, "torch_ms": other})


def _milliseconds(score: Callable[[], np.ndarray]) -> float:
    """Return the CPU time of a call, after some to warm up."""
    for _ in range(_WARM_UP):
        score()
    started = time.process_time()
    for _ in range(_REQUESTS):
        score()
    return 1000 * (time.process_time() - started) / _REQUESTS
