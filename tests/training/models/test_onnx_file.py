"""Networks in ONNX, run by onnxruntime, against the same networks in torch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.impression_sequences import AGES
from training.data.input_shape import InputShape
from training.model_names import GBDT, MODEL_NAMES, reads_history, reads_texts
from training.models.build import build_model
from training.models.model_settings import ModelSettings
from training.models.onnx_file import write_onnx
from training.scoring.network import Network
from warehouse.tables import SCENES, SEQUENCE_LENGTH

SHAPE = InputShape.without_histories({"user_id": 30, "item_id": 20, "scene": len(SCENES), "hour": 24}, 7)


@pytest.mark.parametrize("name", [name for name in MODEL_NAMES if name != GBDT])
def test_a_network_in_onnx_gives_the_same_logits_for_any_number_of_rows(name: str, tmp_path: Path) -> None:
    text_shape = (2, 6) if reads_texts(name) else None
    model = build_model(name, SHAPE, ModelSettings(text_in_backbone=True), text_shape).eval()
    for weights in model.state_dict().values():
        # lr begins with zeros, which equal anything. Attention scales products of embeddings up.
        weights.normal_(std=0.05 if reads_history(name) else 0.1)
    write_onnx(model, SHAPE, text_shape, tmp_path / "network.onnx")
    network, rng = Network(tmp_path / "network.onnx"), np.random.default_rng(7)
    for rows in (1, 2, 150):
        categorical = np.stack([rng.integers(size, size=rows) for size in SHAPE.categorical_sizes.values()], axis=1)
        numeric = rng.normal(size=(rows, SHAPE.numeric_size)).astype(np.float32)
        texts = rng.normal(size=(rows, *text_shape)).astype(np.float32) if text_shape else None
        history = random_history(rows, rng) if reads_history(name) else None
        features = (categorical, numeric, texts, *(history or ()))
        with torch.inference_mode():
            logits = model(*(None if part is None else torch.from_numpy(part) for part in features))[0].numpy()
        assert rows < 150 or logits.std() > 0.001
        np.testing.assert_allclose(network.logits(categorical, numeric, texts, history), logits, atol=1e-5)


def random_history(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Items and facts of full, partly empty and empty histories."""
    places = (rows, SEQUENCE_LENGTH)
    items = rng.integers(SHAPE.categorical_sizes["item_id"], size=places).astype(np.int32)
    facts = np.stack([rng.integers(size, size=places) for size in (AGES, len(SCENES), 2)], axis=2).astype(np.uint8)
    facts[np.arange(SEQUENCE_LENGTH) >= rng.integers(2 * SEQUENCE_LENGTH, size=(rows, 1))] = 0
    return items, facts
