"""Networks in ONNX, run by onnxruntime, against the same networks in torch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.input_shape import InputShape
from training.model_names import GBDT, MODEL_NAMES, reads_texts
from training.models.build import build_model
from training.models.model_settings import ModelSettings
from training.models.onnx_file import write_onnx
from training.scoring.network import Network
from warehouse.tables import SCENES

SHAPE = InputShape.without_histories({"user_id": 30, "item_id": 20, "scene": len(SCENES), "hour": 24}, 7)


@pytest.mark.parametrize("name", [name for name in MODEL_NAMES if name != GBDT])
def test_a_network_in_onnx_gives_the_same_logits_for_any_number_of_rows(name: str, tmp_path: Path) -> None:
    text_shape = (2, 6) if reads_texts(name) else None
    model = build_model(name, SHAPE, ModelSettings(text_in_backbone=True), text_shape).eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.1)  # lr begins with zeros, which equal anything
    write_onnx(model, SHAPE, text_shape, tmp_path / "network.onnx")
    network, rng = Network(tmp_path / "network.onnx"), np.random.default_rng(7)
    for rows in (1, 2, 150):
        categorical = np.stack([rng.integers(size, size=rows) for size in SHAPE.categorical_sizes.values()], axis=1)
        numeric = rng.normal(size=(rows, SHAPE.numeric_size)).astype(np.float32)
        texts = rng.normal(size=(rows, *text_shape)).astype(np.float32) if text_shape else None
        with torch.inference_mode():
            features = [torch.from_numpy(part) for part in (categorical, numeric, texts) if part is not None]
            logits = model(*features)[0].numpy()
        assert rows < 150 or logits.std() > 0.001
        np.testing.assert_allclose(network.logits(categorical, numeric, texts), logits, atol=1e-5)
