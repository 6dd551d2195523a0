"""The rule under daily looking, against a slow integration, and on days drawn with and without a change."""

import numpy as np
import pytest

from benchmarks.watched_days import watched_days
from training.watching import fading
from training.watching.fading import ALPHA, Day, verdicts


def days(entropies: np.ndarray, error: float = 0.006) -> list[Day]:
    return [Day(f"day {number}", float(value), error) for number, value in enumerate(entropies)]


def density(values: np.ndarray, means: np.ndarray, spread: float, error: float) -> np.ndarray:
    """Of all days together. values: [n]; means: [M, n]."""
    variance = spread**2 + error**2
    return np.exp(-((values - means) ** 2).sum(axis=1) / (2 * variance)) / variance ** (len(values) / 2)


def slow_evidence(entropies: list[float], error: float) -> float:
    """How probable the days are with a change, divided by how probable they are without, both summed over grids."""
    values, means = np.array(entropies), np.linspace(0.7, 1.2, 501)[:, None]
    after = np.arange(len(values))
    shifts = np.linspace(0, 1.6, 401)
    prior = sum(2 / s * np.exp(-((shifts / s) ** 2) / 2) for s in fading._USUAL_SHIFTS)
    prior /= prior.sum()
    changed = same = 0.0
    for spread in fading._SPREADS:
        weight = spread * np.exp(-spread / fading._USUAL_SPREAD)
        same += weight * density(values, means + 0 * after, spread, error).sum()
        for start in range(1, len(values)):
            one = sum(
                share * density(values, means + shift * (after >= start), spread, error).sum()
                for shift, share in zip(shifts, prior, strict=True)
            )
            changed += weight * one / (start * (start + 1))
    return changed / same


def test_the_evidence_is_how_much_likelier_a_change_makes_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fading, "_SPREADS", fading._SPREADS[20::9])
    entropies = [0.93, 0.92, 0.97]
    found = verdicts(days(np.array(entropies[:1]), 0.02)[0], days(np.array(entropies), 0.02)[1:])[-1]
    assert found.evidence == pytest.approx(slow_evidence(entropies, 0.02), rel=0.02)


@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_without_a_change_hardly_any_history_of_60_days_warns(spread: float) -> None:
    rng = np.random.default_rng(7)
    warned = 0
    for _ in range(10):
        chosen, *since = days(0.93 + rng.normal(scale=np.hypot(0.006, spread), size=61))
        warned += verdicts(chosen, since)[-1].warned_on is not None
    assert warned <= 1


@pytest.mark.parametrize("change", [3, 30])
def test_a_change_is_told_within_three_days_and_stays_told(change: int) -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        entropies = 0.93 + rng.normal(scale=0.008, size=change + 10)
        entropies[change:] += 0.08
        chosen, *since = days(entropies)
        found = verdicts(chosen, since)
        warned = [verdict.warned_on for verdict in found]
        assert not any(warned[: change - 1])
        assert warned[change + 1] in [f"day {change + number}" for number in range(3)]
        assert len({*warned[change + 1 :]}) == 1
        assert found[-1].since == f"day {change}"
        assert found[-1].after - found[-1].before == pytest.approx(0.08, abs=0.02)


def test_on_sample_logs_it_warns_of_other_tastes_and_of_nothing_else() -> None:
    """A small part of `python -m benchmarks watch`."""
    for seed in range(3):
        chosen, *since = watched_days(seed, days=12, rows=800)
        assert verdicts(chosen, since)[-1].warned_on is None
        chosen, *since = watched_days(seed, days=8, rows=800, change=6)
        assert verdicts(chosen, since)[-1].warned_on in [day.date for day in since[5:8]]


def test_a_champion_that_has_become_better_is_no_reason_to_warn() -> None:
    chosen, *since = days(np.array([0.95] * 5 + [0.85] * 5))
    assert max(verdict.evidence for verdict in verdicts(chosen, since)) < 1 < 1 / ALPHA
