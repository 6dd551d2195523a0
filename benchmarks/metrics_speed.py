"""Measure the cost of metrics and texts: exact AUC and AUC per user against scikit-learn, whitening, and lsa."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from benchmarks.figure import Figure, at_least
from benchmarks.random_predictions import random_predictions
from benchmarks.scripts import run_script
from benchmarks.texts import distinct_texts
from benchmarks.whitening_run import DIMENSIONS, TEXTS
from training.evaluation.auc import auc
from training.evaluation.gauc import gauc
from training.evaluation.metrics import auc_within
from training.evaluation.prediction_table import scored
from training.evaluation.segments import OVERALL, all_segments
from training.text.embedding import embed
from training.text.lsa import LsaEncoder

_ROWS = 10_000_000
_SEGMENTS = [OVERALL, *(s for s in all_segments() if s.segment in ("scene", "scene_x_user_level"))]
_USER_ROWS, _USERS = 1_000_000, 100_000
_SAMPLED_USERS = 2_000  # scikit-learn's loop over all users would take minutes
_LSA_TEXTS = 200_000
_TOLERANCE = 1e-12
_REPEATS = 3

_Result = TypeVar("_Result")


def measure(folder: Path) -> list[Figure]:
    """CPU seconds of this process with one thread. Raises RuntimeError if results differ by more than 1e-12."""
    predictions = random_predictions(_ROWS, _USERS)
    return [
        _overall(predictions),
        _by_segment(predictions),
        _by_user(random_predictions(_USER_ROWS, _USERS)),
        _whitening(folder),
        _lsa(),
    ]


def _overall(predictions: pa.Table) -> Figure:
    logit, label = predictions["logit"].to_numpy(), predictions["label"].to_numpy()
    own_seconds, own = _least_cpu(lambda: auc(logit, label))
    their_seconds, theirs = _cpu(lambda: roc_auc_score(label, logit))
    _require_equal(own, theirs)
    return _against_scikit_learn(f"exact AUC, {_ROWS / 1e6:g}M rows", own_seconds, their_seconds, 15)


def _by_segment(predictions: pa.Table) -> Figure:
    """Measure from the predictions table on, as evaluation does. scikit-learn gets the same rows of each segment."""

    def own_areas() -> list[float | None]:
        rows = scored(predictions)
        return [auc_within(rows, segment) for segment in _SEGMENTS]

    def their_areas() -> list[float]:
        rows = scored(predictions)
        masks = (rows.mask(segment) for segment in _SEGMENTS)
        return [roc_auc_score(rows.label[mask], rows.logit[mask]) for mask in masks]

    own_seconds, own = _least_cpu(own_areas)
    their_seconds, theirs = _cpu(their_areas)
    _require_equal(own, theirs)
    name = f"exact AUC, {_ROWS / 1e6:g}M rows and {len(_SEGMENTS) - 1} segments of them"
    return _against_scikit_learn(name, own_seconds, their_seconds, 5)


def _by_user(predictions: pa.Table) -> Figure:
    rows = scored(predictions)
    own_seconds, _ = _least_cpu(lambda: gauc(rows.logit, rows.label, rows.user))
    order = np.argsort(rows.user, kind="stable")
    ends = np.cumsum(np.bincount(rows.user))[:_SAMPLED_USERS]
    sample = order[: ends[-1]]

    def their_mean() -> float:
        areas, weights = [], []
        for user_rows in np.split(sample, ends[:-1]):
            label = rows.label[user_rows]
            if 0 < label.sum() < len(label):
                areas.append(roc_auc_score(label, rows.logit[user_rows]))
                weights.append(len(label))
        return float(np.average(areas, weights=weights))

    sampled_seconds, theirs = _cpu(their_mean)
    _require_equal(gauc(rows.logit[sample], rows.label[sample], rows.user[sample]), theirs)
    name = (
        f"AUC per user, {_USER_ROWS / 1e6:g}M rows of {_USERS:,} users (scikit-learn's loop timed on "
        f"{_SAMPLED_USERS:,} of them)"
    )
    return _against_scikit_learn(name, own_seconds, sampled_seconds * _USERS / _SAMPLED_USERS, 300)


def _whitening(folder: Path) -> Figure:
    # One thread, because a second one would spin while it waits, and that would count as CPU time.
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    cost = run_script(sys.executable, "benchmarks.whitening_run", [], folder, one_thread)
    seconds, peak = cost["fit_cpu_s"] + cost["apply_cpu_s"], cost["peak_gb"]
    return Figure(
        f"whitening of {TEXTS / 1e6:g}M x {DIMENSIONS} texts, fit and application",
        f"{seconds:.1f} CPU-s, {peak:.1f} GB, the embeddings included",
        "under 20 CPU-s and 6 GB",
        seconds < 20 and peak < 6,
        cost,
    )


def _lsa() -> Figure:
    texts = distinct_texts(_LSA_TEXTS)
    fit_seconds, encoder = _cpu(lambda: LsaEncoder.fit(texts, seed=7))
    embed_seconds, _ = _cpu(lambda: embed(texts, encoder))
    seconds = fit_seconds + embed_seconds
    details = {"fit_cpu_s": fit_seconds, "embed_cpu_s": embed_seconds}
    name = f"lsa, fitted on and embedding {_LSA_TEXTS:,} distinct texts"
    return Figure(name, f"{seconds:.1f} CPU-s", "under 60 CPU-s", seconds < 60, details)


def _cpu(work: Callable[[], _Result]) -> tuple[float, _Result]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _least_cpu(work: Callable[[], _Result]) -> tuple[float, _Result]:
    runs = [_cpu(work) for _ in range(_REPEATS)]
    return min(seconds for seconds, _ in runs), runs[-1][1]


def _against_scikit_learn(name: str, own_seconds: float, their_seconds: float, least: float) -> Figure:
    details = {"own_cpu_s": own_seconds, "scikit_learn_cpu_s": their_seconds}
    return at_least(name, their_seconds / own_seconds, least, "x scikit-learn's speed", details)


def _require_equal(own: object, theirs: object) -> None:
    if np.abs(np.array(own) - np.array(theirs)).max() > _TOLERANCE:
        raise RuntimeError(f"the AUCs are {own}, scikit-learn's {theirs}")
