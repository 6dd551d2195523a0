"""Logistic regression against its formula."""

import pytest
import torch

from tests.training.fitting.test_loop import SHAPE, SIZES, random_rows
from training.models import logistic_regression
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings


def random_model() -> RowModel:
    model = build_model("lr", SHAPE, ModelSettings())
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    return RowModel(model)


def test_a_logit_is_a_sum_of_weights() -> None:
    model, rows = random_model(), random_rows(30)
    weights = model.model.state_dict()
    for row, logit in enumerate(model.score(rows)[0].tolist()):
        total = weights["backbone.numeric.bias"].item()
        for name, index in zip(SIZES, rows.categorical[row].tolist(), strict=True):
            total += weights[f"inputs.embeddings.{name}.weight"][index].item()
        for value, weight in zip(rows.numeric[row], weights["backbone.numeric.weight"][0], strict=True):
            total += (value * weight).item()
        assert logit == pytest.approx(total, abs=1e-4)


def test_many_ids_share_few_weights_and_unseen_ids_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_regression, "ID_WEIGHTS", 4)
    model, rows = random_model(), random_rows(1)
    assert len(model.model.state_dict()["inputs.embeddings.user_id.weight"]) == 5
    users = torch.arange(SIZES["user_id"])
    same = rows.take(torch.zeros(len(users), dtype=torch.int64))
    same.categorical[:, 0] = users
    logits = model.score(same)[0].tolist()
    for user in users[5:].tolist():
        assert logits[user] == logits[user - 4]
    assert len(set(logits)) == 5
    assert logits.count(logits[0]) == 1
