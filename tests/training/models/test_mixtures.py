"""Experts, gates, towers, MMoE and PLE against the papers' formulas, written out row by row."""

import numpy as np
import pytest
import torch

from training.data.input_shape import InputShape
from training.data.rows import SCENE, Rows
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.experts import Experts, GroupedLinear
from training.models.gate_statistics import GateStatistics
from training.models.gates import SceneGates
from training.models.mmoe import MMoE
from training.models.model_settings import ModelSettings
from training.models.ple import PLE
from training.models.towers import SceneTowers

SCENES = 3
SIZES = {"user_id": 9, "item_id": 7, "scene": SCENES, "hour": 24}
NUMERIC = 5
SHAPE = InputShape.without_histories(SIZES, NUMERIC)


def random_rows(n=17, seed=0):
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randint(size, (n,), generator=generator) for size in SIZES.values()]
    return Rows(torch.stack(columns, dim=1), torch.randn(n, NUMERIC, generator=generator), torch.zeros(n))


def randomised(model, seed=1):
    """Every weight drawn anew, larger than at the start, so that no term is too small to matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.7)
    return model


def array(tensor):
    return tensor.detach().double().numpy()


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def expert_output(experts: Experts, group: int, number: int, x):
    """One expert's output on one row."""
    per_group = experts.shape[1]
    width = experts.first.weight.shape[2] // per_group
    part = slice(number * width, (number + 1) * width)
    hidden = relu(x @ array(experts.first.weight)[group][:, part] + array(experts.first.bias)[group, 0, part])
    at = group * per_group + number
    for layer in experts.others:
        hidden = relu(hidden @ array(layer.weight)[at] + array(layer.bias)[at, 0])
    return hidden


def gate_weights(gates: SceneGates, scene: int, x):
    logits = array(gates.logits.weight) @ x + array(gates.logits.bias)
    return softmax(logits.reshape(gates.scenes, -1)[scene])


def tower_logit(towers: SceneTowers, scene: int, x):
    width = towers.hidden.out_features // towers.scenes
    part = slice(scene * width, (scene + 1) * width)
    hidden = relu(array(towers.hidden.weight)[part] @ x + array(towers.hidden.bias)[part])
    output = array(towers.output)[scene]
    return hidden @ output[:-1] + output[-1]


def weighted(weights, outputs):
    return sum(weight * output for weight, output in zip(weights, outputs, strict=True))


def mmoe_logit(model: MMoE, scene: int, x):
    outputs = [expert_output(model.experts, 0, number, x) for number in range(model.experts.shape[1])]
    return tower_logit(model.towers, scene, weighted(gate_weights(model.gates, scene, x), outputs))


def ple_logit(model: PLE, scene: int, x):
    by_scene, shared = [x] * SCENES, x
    for level in model.levels:
        own = [
            [expert_output(level.of_scenes, s, number, by_scene[s]) for number in range(level.of_scenes.shape[1])]
            for s in range(SCENES)
        ]
        common = [expert_output(level.shared, 0, number, shared) for number in range(level.shared.shape[1])]
        weight, bias = array(level.gates.weight), array(level.gates.bias)
        gates = [softmax(by_scene[s] @ weight[s] + bias[s, 0]) for s in range(SCENES)]
        shared_gate = softmax(array(level.shared_gate.weight) @ shared + array(level.shared_gate.bias))
        by_scene = [weighted(gates[s], [*own[s], *common]) for s in range(SCENES)]
        shared = weighted(shared_gate, [*(output for outputs in own for output in outputs), *common])
    last, per_scene = model.last, model.last.counts[0]
    own = [expert_output(last.of_scenes, 0, scene * per_scene + k, by_scene[scene]) for k in range(per_scene)]
    common = [expert_output(last.shared, 0, number, shared) for number in range(last.shared.shape[1])]
    mixed = weighted(gate_weights(last.gates, scene, by_scene[scene]), [*own, *common])
    return tower_logit(model.towers, scene, mixed)


@pytest.mark.parametrize("sizes", [(6,), (6, 4), (6, 4, 3)])
def test_mmoe_is_the_formula(sizes):
    model, rows = randomised(MMoE(NUMERIC, SCENES, experts=4, expert_sizes=sizes, tower_size=3)), random_rows()
    expected = [mmoe_logit(model, s, x) for s, x in zip(rows.scene.tolist(), array(rows.numeric), strict=True)]
    assert array(model(rows.numeric, rows.scene)[0]) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize(("scene_experts", "shared_experts"), [(1, 1), (2, 3)])
def test_ple_is_the_formula_with_any_number_of_levels(levels, scene_experts, shared_experts):
    model = randomised(PLE(NUMERIC, SCENES, levels, scene_experts, shared_experts, (6, 4), tower_size=3))
    rows = random_rows()
    expected = [ple_logit(model, s, x) for s, x in zip(rows.scene.tolist(), array(rows.numeric), strict=True)]
    assert array(model(rows.numeric, rows.scene)[0]) == pytest.approx(expected, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("name", ["mmoe", "ple"])
def test_a_row_depends_on_its_own_scenes_gate_and_tower_only(name):
    """The last gates and the towers of scenes that a batch lacks get no gradient; their own scene's get one."""
    torch.manual_seed(3)
    model, rows = RowModel(build_model(name, SHAPE, ModelSettings())), random_rows()
    rows.categorical[:, SCENE] = 1
    model(rows).sum().backward()
    backbone = model.model.backbone
    gates, towers = (backbone.gates if name == "mmoe" else backbone.last.gates), backbone.towers
    for layer, scenes in ((gates.logits, gates.scenes), (towers.hidden, towers.scenes)):
        by_scene = layer.weight.grad.reshape(scenes, -1).abs().sum(1)
        assert by_scene[1] > 0
        assert by_scene.sum() == by_scene[1]
    assert towers.output.grad[[s for s in range(towers.scenes) if s != 1]].abs().sum() == 0


@pytest.mark.parametrize("name", ["mmoe", "ple"])
def test_a_row_alone_gets_the_logit_that_it_gets_among_others(name):
    model, rows = RowModel(build_model(name, SHAPE, ModelSettings())).eval(), random_rows()
    alone = torch.cat([model(rows.slice(at, at + 1)) for at in range(len(rows))])
    assert array(alone) == pytest.approx(array(model(rows)), abs=1e-5)


def test_each_layer_starts_within_the_bounds_of_its_own_fan_in():
    experts = Experts(2, 3, 100, (50, 4))
    for layer, fan_in in ((experts.first, 100), (experts.others[0], 50)):
        assert isinstance(layer, GroupedLinear)
        assert 0.9 * fan_in**-0.5 < layer.weight.abs().max() <= fan_in**-0.5


@pytest.mark.parametrize("name", ["mmoe", "ple"])
def test_gate_statistics_are_means_over_each_scenes_rows(name):
    model, rows = randomised(RowModel(build_model(name, SHAPE, ModelSettings()))).eval(), random_rows(50)
    statistics = GateStatistics()
    for start in (0, 20):
        part = rows.slice(start, start + 20 if start == 0 else 50)
        statistics.add(part.scene, {gate: w.detach() for gate, w in model.with_gates(part)[1].items()})
    report = statistics.report()
    for gate, weights in model.with_gates(rows)[1].items():
        by_row = array(weights)
        assert by_row.sum(1) == pytest.approx(np.ones(50), abs=1e-5)
        assert report[gate]["by_scene"].keys() == {str(s) for s in rows.scene.tolist()}
        for scene, of_scene in report[gate]["by_scene"].items():
            chosen = by_row[rows.scene.numpy() == int(scene)]
            assert of_scene["weights"] == pytest.approx(chosen.mean(0), abs=1e-5)
            entropy = [-sum(w * np.log(w) for w in row if w > 0) for row in chosen]
            assert of_scene["entropy"] == pytest.approx(np.mean(entropy), abs=1e-5)


def test_an_expert_that_no_scene_uses_is_named():
    statistics = GateStatistics()
    weights = torch.tensor([[0.5, 0.02, 0.48], [0.02, 0.01, 0.97]])
    statistics.add(torch.tensor([0, 2]), {"experts": weights})
    assert statistics.report()["experts"]["collapsed"] == [1]
