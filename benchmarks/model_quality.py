"""Measure how much of the reachable AUC the models reach, and what texts add for new items, on three sample logs.

For comparison, there is an ideal observer, who knows everything except the traits of users and items. A model can
hardly be better.
"""

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import ideal_observer
from benchmarks.figure import Figure
from benchmarks.logs import write_logs
from benchmarks.stages import warm_stages
from benchmarks.trained_models import Lead, Run, leads, mean_difference, train
from sample_logs.settings import PRESETS, Settings
from warehouse.catalog import Catalog

_SEEDS = (7, 8, 9)
_TRAIN_DAYS = 12
_WINDOW = ("--as-of", PRESETS["demo"].dates[-1], "--train-days", str(_TRAIN_DAYS))
_LEAST_SHARE, _LEAST_ITEM_ZERO_SHARE = 0.76, 0.66
_WITHOUT_TEXTS = ("gbdt", "dnn", "mmoe", "ple")
_TEXT = "mmoe_text"
_MODELS = (*_WITHOUT_TEXTS, "dnn_text", _TEXT, "mmoe_content")
_SEGMENTS = ("overall", "item zero", "user zero")  # as lead_by_segment names them
# Observers who see less: what they are called, and what they learn users' tastes from.
_SEEING_LESS = {
    " with tastes from clicks alone": (ideal_observer.CLICKS,),
    " with tastes from texts alone": (ideal_observer.TEXTS,),
    " without tastes": (),
}


Runs = dict[str, list[Run]]  # by contender, one per seed
Areas = tuple[float, float]  # the AUC that was reached, and the best reachable one


def measure(folder: Path) -> list[Figure]:
    """Train the models with default settings, and the one with texts with other settings for them."""
    trained: Runs = {}
    for seed in _SEEDS:
        catalog = _training_tables(folder / str(seed), seed)
        for name, (model, arguments) in _CONTENDERS.items():
            run = train(catalog, folder / f"runs {seed}", model, *_WINDOW, *arguments)
            trained.setdefault(name, []).append(run)
            print(f"seed {seed}, {name}: {_described(run)}", flush=True)
    return [
        _share("overall", trained, _LEAST_SHARE),
        _share("item zero", trained, _LEAST_ITEM_ZERO_SHARE),
        *_observers_shares("", PRESETS["demo"]),
        *_observers_shares(" with half the users", replace(PRESETS["demo"], users=PRESETS["demo"].users // 2)),
        *(share for case, seen in _SEEING_LESS.items() for share in _observers_shares(case, PRESETS["demo"], seen)),
        *(_above(other, where, trained) for where in _SEGMENTS for other in _WITHOUT_TEXTS),
        *(_beside(other, trained) for other in _CONTENDERS if other not in (*_WITHOUT_TEXTS, _TEXT)),
    ]


_CONTENDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{name: (name, ()) for name in _MODELS},
    "itself without the user's bills and services": (_TEXT, ("--text-mode", "split")),
    "itself with texts whitened to 128 dimensions": (_TEXT, ("--whitened-size", "128")),
}


def _training_tables(folder: Path, seed: int) -> Catalog:
    logs = replace(PRESETS["demo"], seed=seed)
    catalog = write_logs(folder, logs)
    with warm_stages(folder / "stages.log") as stages:
        stages.run_all(catalog, logs.dates[0], logs.dates[-1])
    return catalog


def _share(where: str, trained: Runs, least: float) -> Figure:
    """Every model's (AUC - 0.5) / (best reachable AUC - 0.5), both summed over the seeds."""
    shares = {name: _pooled_share(runs, where) for name, runs in trained.items()}
    return Figure(
        f"share of the reachable AUC, {where}, {len(_SEEDS)} seeds",
        ", ".join(f"{name} {shares[name]:.3f}" for name in _MODELS),
        f"{_TEXT} at least {least:.2f}",
        shares[_TEXT] >= least,
        shares,
    )


def _observers_shares(
    case: str, logs: Settings, tastes_from: tuple[str, ...] = ideal_observer.TASTES_FROM
) -> list[Figure]:
    seeds = [ideal_observer.reached(replace(logs, seed=seed), _TRAIN_DAYS, tastes_from) for seed in _SEEDS]
    shares = {where: _pooled([areas[where] for areas in seeds]) for where in _SEGMENTS}
    return [
        Figure(f"share of the reachable AUC, {where}, of an ideal observer{case}", f"{share:.3f}", "", None)
        for where, share in shares.items()
    ]


def _above(other: str, where: str, trained: Runs) -> Figure:
    lead = _pooled_lead(trained[_TEXT], trained[other], where)
    return Figure(f"{_TEXT} against {other}, {where}, AUC", lead.in_words(), "above 0", lead.low > 0, asdict(lead))


def _beside(other: str, trained: Runs) -> Figure:
    """Compare the default settings with other ones. The target is that the defaults are not worse."""
    leads = {where: _pooled_lead(trained[_TEXT], trained[other], where) for where in _SEGMENTS}
    return Figure(
        f"{_TEXT} against {other}, AUC",
        "; ".join(f"{where} {lead.in_words()}" for where, lead in leads.items()),
        "not below 0 overall",
        leads["overall"].high >= 0,
        {where: lead.difference for where, lead in leads.items()},
    )


def _pooled_share(runs: list[Run], where: str) -> float:
    return _pooled([_reached_and_reachable(run.metrics, where) for run in runs])


def _pooled(areas: list[Areas]) -> float:
    reached, reachable = (sum(area - 0.5 for area in side) for side in zip(*areas, strict=True))
    return reached / reachable


def _reached_and_reachable(metrics: dict[str, Any], where: str) -> Areas:
    if where == "overall":
        return metrics["auc"], metrics["best_reachable_auc"]
    entity, level = where.split()
    reached, reachable = (metrics[name][f"{entity}_level"][level] for name in ("auc_by", "best_reachable_auc_by"))
    return reached, reachable


def _pooled_lead(own: list[Run], others: list[Run], where: str) -> Lead:
    """The mean of the seeds' paired tests. Each seed has logs of its own, so that the variances add up."""
    tests = leads(own, others, where)
    difference = mean_difference(tests)
    margin = math.hypot(*((test.high - test.low) / 2 for test in tests)) / len(tests)
    return Lead(difference, difference - margin, difference + margin)


def _described(run: Run) -> str:
    return ", ".join(f"{where} {_pooled_share([run], where):.3f}" for where in _SEGMENTS)
