"""Deferred Adam against torch's dense Adam, and the settings that shape a step."""

import copy

import pytest
import torch
from torch import nn

from tests.training.fitting.test_loop import fresh_model, random_rows, undropped_model
from training.data.rows import Rows
from training.fitting.deferred_adam import DeferredAdam, _later_moves
from training.fitting.loop_settings import LoopSettings
from training.fitting.optimizer import ModelOptimizer

ROWS, SIZE = 60, 4


def constant(_: int) -> float:
    return 1e-2


def rising(step: int) -> float:
    return 1e-2 * min(1.0, step / 40)


class Pair:
    """The same table stepped by both, with gradients that differ from row to row."""

    def __init__(self, schedule, eps: float = 1e-8) -> None:
        torch.manual_seed(3)
        self.schedule = schedule
        self.dense = nn.Embedding(ROWS, SIZE)
        self.deferred = copy.deepcopy(self.dense)
        self.first = self.dense.weight.detach().clone()
        self.target = torch.randn(ROWS, SIZE)
        self.adam = torch.optim.Adam(self.dense.parameters(), eps=eps)
        self.ours = DeferredAdam([self.deferred], schedule, eps=eps)
        self.steps = 0

    def step(self, index: torch.Tensor) -> None:
        self.steps += 1
        self.adam.param_groups[0]["lr"] = self.schedule(self.steps)
        for embedding, optimizer in ((self.dense, self.adam), (self.deferred, self.ours)):
            optimizer.zero_grad()
            ((embedding(index) - self.target[index]) ** 2).mean().backward()
            optimizer.step()

    def largest_gap(self) -> float:
        """Of what dense Adam has moved the furthest."""
        moved = (self.dense.weight - self.first).abs().max()
        return float((self.dense.weight - self.deferred.weight).abs().max() / moved)


@pytest.mark.parametrize("schedule", [constant, rising])
@pytest.mark.parametrize("steps", [1, 7, 300])
def test_rows_move_as_by_dense_adam(schedule, steps) -> None:
    pair = Pair(schedule)
    generator = torch.Generator().manual_seed(steps)
    for _ in range(steps):
        pair.step(torch.randint(ROWS, (5,), generator=generator))
    pair.ours.flush()
    assert pair.largest_gap() < 2e-4


def test_a_row_that_is_looked_up_after_a_long_time_is_where_dense_adam_has_it() -> None:
    pair = Pair(constant)
    pair.step(torch.tensor([0, 1]))
    for _ in range(50):
        pair.step(torch.tensor([2]))
    looked_up = pair.deferred(torch.tensor([1]))
    torch.testing.assert_close(looked_up, pair.dense(torch.tensor([1])), atol=1e-5, rtol=1e-4)
    assert not torch.equal(pair.deferred.weight[0], pair.dense.weight[0])  # it is made up for when it is needed


def test_evaluating_changes_nothing() -> None:
    pair = Pair(constant)
    pair.step(torch.tensor([0, 1]))
    pair.step(torch.tensor([2]))
    before = pair.deferred.weight.detach().clone()
    pair.deferred.eval()(torch.tensor([0]))
    assert torch.equal(pair.deferred.weight, before)


@pytest.mark.parametrize("step", [1, 12, 39, 500, 20_000, 20_001])
def test_later_moves_are_the_sum_of_all_steps_without_a_gradient(step: int) -> None:
    b1, b2 = 0.9, 0.999
    moves = [
        rising(s) * (b1 / b2**0.5) ** (s - step) * (1 - b2**s) ** 0.5 / (1 - b1**s) for s in range(step + 1, step + 600)
    ]
    table = _later_moves(rising, settled=20_000)
    assert float(table[min(step, len(table) - 1)]) == pytest.approx(sum(moves), rel=1e-6)


def stepped(**settings) -> tuple[nn.Module, nn.Module]:
    """A model before and after one step."""
    model, rows = undropped_model(), random_rows()
    before = copy.deepcopy(model)
    optimizer = ModelOptimizer(model, LoopSettings(**settings))
    optimizer.zero_grad()
    (1e4 * model(rows).square().mean()).backward()
    optimizer.step()
    return before, model


def test_the_learning_rate_rises_over_the_warm_up() -> None:
    settings = LoopSettings(learning_rate=0.5, warmup_steps=10)
    assert [settings.rate_of(step) for step in (1, 5, 10, 11)] == [0.05, 0.25, 0.5, 0.5]
    assert LoopSettings(learning_rate=0.5).rate_of(1) == 0.5
    before, after = stepped(learning_rate=0.1, warmup_steps=10)
    moves = torch.cat([(a - b).flatten().abs() for a, b in zip(before.parameters(), after.parameters(), strict=True)])
    assert float(moves.max()) == pytest.approx(0.01, rel=1e-2)  # Adam's first step is the learning rate


def test_a_gradient_beyond_the_limit_is_cut_to_it() -> None:
    model = fresh_model()
    optimizer = ModelOptimizer(model, LoopSettings(clip_norm=0.5))
    optimizer.zero_grad()
    (1e4 * model(random_rows()).square().mean()).backward()
    optimizer.step()
    embeddings = {id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    kept = [p.grad.norm() for p in model.parameters() if id(p) not in embeddings and p.grad is not None]
    assert torch.stack(kept).norm() == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("decay", "moved"), [(0.0, False), (0.1, True)])
def test_embeddings_decay_where_that_is_asked_for(decay: float, moved: bool) -> None:
    rows = random_rows()
    model = fresh_model(id_dropout=0, unseen_rate=0)
    unused = model.model.inputs.embeddings["user_id"].weight[0].detach().clone()
    optimizer = ModelOptimizer(model, LoopSettings(embedding_decay=decay))
    optimizer.zero_grad()
    model(Rows(rows.categorical.clamp(min=1), rows.numeric, rows.label)).sum().backward()
    optimizer.step()
    assert bool((model.model.inputs.embeddings["user_id"].weight[0] != unused).any()) is moved
