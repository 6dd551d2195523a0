"""Attention over histories against the paper's formula, written out impression by impression."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.training.models.test_mixtures import NUMERIC, SHAPE, SIZES, array, random_rows, randomised, relu
from training.data.impression_sequences import AGES
from training.data.input_shape import InputShape
from training.data.rows import ITEM, USER, Rows
from training.evaluation.auc import auc
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings

LENGTH, TEXTS, TEXT_SIZE = 5, 30, 6
NAMES = ["din", "mmoe_din", "din_text", "mmoe_din_text"]


def rows_with_history(n=17):
    rows, generator = random_rows(n), torch.Generator().manual_seed(5)
    items = torch.randint(SIZES["item_id"], (n, LENGTH), generator=generator, dtype=torch.int32)
    facts = [torch.randint(size, (n, LENGTH), generator=generator) for size in (AGES - 1, 3, 2)]
    facts = torch.stack([facts[0] + 1, *facts[1:]], dim=2).to(torch.uint8)
    shown = torch.randint(LENGTH + 1, (n, 1), generator=generator)
    shown[0] = 0
    facts[torch.arange(LENGTH) >= shown] = 0
    text = torch.randint(TEXTS, (n, 2), generator=generator)
    return Rows(rows.categorical, rows.numeric, rows.label, text, items, facts)


def random_model(name):
    texts = name.endswith("_text")
    table = torch.randn(TEXTS, TEXT_SIZE, generator=torch.Generator().manual_seed(6))
    model = build_model(name, SHAPE, ModelSettings(), (2, TEXT_SIZE) if texts else None)
    if texts:
        item_texts = model.inputs.attention.item_texts
        item_texts.copy_(torch.randn(item_texts.shape, generator=torch.Generator().manual_seed(7)))
    return randomised(RowModel(model, table if texts else None)).eval()


def attended(model, rows, row):
    """One row's attention, one impression after the other."""
    inputs, attention = model.model.inputs, model.model.inputs.attention
    of_items = array(inputs.embeddings["item_id"].weight)
    projected = (lambda text: array(attention.projection.weight) @ text) if attention.projection else None
    query = of_items[rows.categorical[row, ITEM]]
    if projected:
        query = np.append(query, projected(array(model.text_table)[rows.text[row, 0]]))
    total, first, last = np.zeros_like(query), attention.hidden, attention.weight
    facts = rows.history_facts[row].tolist()
    for item, (age, scene, clicked) in zip(rows.history_items[row].tolist(), facts, strict=True):
        if age == 0:
            continue
        key = of_items[item]
        if projected:
            key = np.append(key, projected(array(attention.item_texts)[item]))
        for embedding, value in ((attention.ages, age), (attention.scenes, scene), (attention.clicked, clicked)):
            key = key + array(embedding.weight)[value]
        pair = np.concatenate([query, key, query * key])
        hidden = relu(array(first.weight) @ pair + array(first.bias))
        total += (array(last.weight) @ hidden + array(last.bias)) * key
    products = query * total
    products[: of_items.shape[1]] /= 0.05**2
    return np.concatenate([total, products, [float(any(age for age, _, _ in facts))]])


@pytest.mark.parametrize("name", ["din", "din_text"])
def test_attention_is_the_sum_over_the_history(name):
    model, rows = random_model(name), rows_with_history()
    wanted, seen = np.stack([attended(model, rows, row) for row in range(len(rows))]), []
    model.model.inputs.attention.register_forward_hook(lambda *call: seen.append(call[-1]))
    model(rows)
    assert array(seen[0]) == pytest.approx(wanted, rel=1e-4, abs=1e-3)
    assert set(wanted[:, -1]) == {0, 1}


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_in_an_empty_place_does_not_count(name):
    model, rows = random_model(name), rows_with_history()
    before, empty = model(rows), rows.history_facts[..., 0] == 0
    rows.history_items[empty] = 3
    rows.history_facts[empty] = torch.tensor([0, 2, 1], dtype=torch.uint8)
    assert torch.equal(model(rows), before)


def test_rows_without_history_get_zeros():
    model, rows, seen = random_model("din_text"), rows_with_history(), []
    model.model.inputs.attention.register_forward_hook(lambda *call: seen.append(call[-1]))
    rows.history_facts.zero_()
    model(rows)
    assert not seen[0].any()


def test_a_model_reads_texts_of_items_only_if_items_have_their_own():
    for texts, reads in ((1, False), (2, True)):
        model = build_model("din_text", SHAPE, ModelSettings(), (texts, TEXT_SIZE))
        assert ("inputs.attention.item_texts" in model.state_dict()) is reads


def test_a_forgotten_user_has_no_history():
    rows = rows_with_history()
    model = build_model("din", SHAPE, ModelSettings(unseen_rate=1.0, id_dropout=0, dropout=0))
    model = randomised(RowModel(model)).train()
    forgotten = model(rows)
    rows.categorical[:, USER] = rows.categorical[:, ITEM] = 0
    rows.history_facts.zero_()
    assert array(forgotten) == pytest.approx(array(model.eval()(rows)), abs=1e-5)


TOPICS, ITEMS = 4, 40  # an item's topic is its index modulo TOPICS


def likings(n, seed):
    """Rows of unseen users, who click on the items of one topic alone, as their histories show and nothing else."""
    rng = np.random.default_rng(seed)
    liked, item = rng.integers(TOPICS, size=n), rng.integers(1, ITEMS, size=n)
    shown = rng.integers(1, ITEMS, size=(n, LENGTH * 2))
    categorical = np.stack([np.zeros(n, dtype=np.int64), item, np.zeros_like(item), np.zeros_like(item)], axis=1)
    facts = np.stack([np.ones_like(shown), np.zeros_like(shown), shown % TOPICS == liked[:, None]], axis=2)
    return Rows(
        torch.from_numpy(categorical),
        torch.zeros(n, NUMERIC),
        torch.from_numpy((item % TOPICS == liked).astype(np.float32)),
        history_items=torch.from_numpy(shown.astype(np.int32)),
        history_facts=torch.from_numpy(facts.astype(np.uint8)),
    )


def test_what_is_gained_from_histories_is_lost_if_users_swap_them():
    rows, held_out = likings(4_000, 1), likings(1_000, 2)
    torch.manual_seed(3)
    shape = InputShape.without_histories({**SIZES, "item_id": ITEMS}, NUMERIC)
    model = RowModel(build_model("din", shape, ModelSettings()))
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(8):
        for places in torch.randperm(len(rows), generator=torch.Generator().manual_seed(epoch)).split(200):
            batch = rows.take(places)
            adam.zero_grad()
            binary_cross_entropy_with_logits(model(batch), batch.label).backward()
            adam.step()
    swapped = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(4))
    others = replace(
        held_out,
        history_items=held_out.history_items[swapped],
        history_facts=held_out.history_facts[swapped],
    )
    label = held_out.label.numpy()
    assert auc(model.score(held_out)[0].numpy(), label) > 0.9
    assert auc(model.score(others)[0].numpy(), label) == pytest.approx(0.5, abs=0.06)
