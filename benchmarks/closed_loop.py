"""Let policies choose what is shown on sample logs, day by day, and count the clicks that each wins.

A policy's models learn only from what the policy itself has shown. The clicks come from the true probabilities.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import logit

from benchmarks.figure import Figure
from benchmarks.logs import DATASET
from benchmarks.opportunities import Opportunities, OpportunityDays
from benchmarks.stages import WarmStages, warm_stages
from benchmarks.trained_models import quietly
from sample_logs.settings import PRESETS
from training.watching.given_scores import given_scores
from warehouse.catalog import Catalog

_START, _DAYS = 4, 14  # days on which a policy shows what is drawn at random, and days on which it chooses
_A_DAY, _CANDIDATES = 1_500, 10
_SETTINGS = PRESETS["demo"].resized(rows=(_START + _DAYS) * _A_DAY, days=_START + _DAYS)
_MODEL, _RETRAINED_EVERY = "mmoe_text", 3  # days
_EXPLORATION = 0.3  # standard deviation of the noise, in logits
_RESAMPLED = 2_000

Choose = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # probabilities [N, K] -> which is shown [N]


def best(probability: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Choose the most probable candidate."""
    return probability.argmax(axis=1)


def exploring(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose the best after noise on the logits, so that candidates that are nearly as good are shown as well."""
    return (logit(probability) + rng.normal(scale=_EXPLORATION, size=probability.shape)).argmax(axis=1)


def at_random(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose any candidate."""
    return rng.integers(probability.shape[1], size=len(probability))


_POLICIES: dict[str, Choose] = {"champion": best, "champion with exploration": exploring}


@dataclass(frozen=True)
class Loop:
    """One policy with its own warehouse, runs and champions."""

    name: str
    choose: Choose
    world: OpportunityDays
    folder: Path
    stages: WarmStages

    @property
    def catalog(self) -> Catalog:
        return Catalog((self.folder / "warehouse").as_uri(), DATASET)

    def clicks(self) -> Iterator[int]:
        """Live through all days, and yield the clicks of each day of choices."""
        rng = np.random.default_rng(_SETTINGS.seed)
        for number in range(_START):
            day = self.world.day(number)
            self.world.write_logs(self.catalog, day, at_random(day.probability, rng))
        self.stages.run_all(self.catalog, _SETTINGS.dates[0], _SETTINGS.dates[_START - 1])
        for number in range(_START, _SETTINGS.days):
            if (number - _START) % _RETRAINED_EVERY == 0:
                self._crown_new_model(_SETTINGS.dates[number - 1])
            day = self.world.day(number)
            shown = self.choose(self._probabilities(day), rng)
            self.world.write_logs(self.catalog, day, shown)
            self.stages.run_all(self.catalog, day.date, day.date)
            clicks = int(day.clicked(shown).sum())
            print(f"{self.name}, {day.date}: {clicks} clicks", flush=True)
            yield clicks

    def _crown_new_model(self, as_of: str) -> None:
        run = quietly("train", *self._place, "--as-of", as_of, "--model", _MODEL, "--text-encoder", "lsa")
        quietly("promote", *self._tracking, "--artifacts", run["artifacts"])

    def _probabilities(self, day: Opportunities) -> np.ndarray:
        """Score the day's candidates with the champion, [N, K]."""
        keys = self.world.write_candidates(self.catalog, day)
        self.stages.run("score_candidates", self.catalog, day.date, day.date)
        quietly("predict", *self._place, *self._tracking, "--model", "champion", "--date", day.date)
        return given_scores(self.catalog, day.date, keys).reshape(day.item.shape)

    @property
    def _place(self) -> list[str]:
        runs = str(self.folder / "runs")
        return ["--warehouse", self.catalog.storage.root, "--dataset", DATASET, "--artifacts", runs]

    @property
    def _tracking(self) -> list[str]:
        return ["--tracking-uri", f"sqlite:///{self.folder}/mlflow/mlflow.db"]


def measure(folder: Path) -> list[Figure]:
    """Give all policies the same opportunities, and compare their clicks with those of random and of ideal choice."""
    world, rng = OpportunityDays(_SETTINGS, _CANDIDATES), np.random.default_rng(_SETTINGS.seed)
    days = [world.day(number) for number in range(_START, _SETTINGS.days)]
    random, possible = (
        np.array([day.clicked(choose(day.probability, rng)).sum() for day in days]) for choose in (at_random, best)
    )
    with warm_stages(folder / "stages.log") as stages:
        loops = [
            Loop(name, choose, world, folder / name.replace(" ", "_"), stages) for name, choose in _POLICIES.items()
        ]
        by_day = np.array(list(zip(*(loop.clicks() for loop in loops), strict=True)))
    clicks = dict(zip(_POLICIES, by_day.T, strict=True))
    learned = [_against_both(name, own, random, possible) for name, own in clicks.items()]
    all_clicks = {"random choice": random, **clicks, "ideal choice": possible}
    totals = {f"clicks of {name}": float(own.sum()) for name, own in all_clicks.items()}
    gained, low, high = _with_interval(lambda rows: 100 * (possible[rows].sum() / random[rows].sum() - 1))
    ideal = f"{possible.sum():,} against {random.sum():,}, +{gained:.1f}% ({low:.1f}% to {high:.1f}%)"
    return [*learned, Figure("clicks of ideal choice against random choice", ideal, "", None, totals)]


def _against_both(name: str, clicks: np.ndarray, random: np.ndarray, possible: np.ndarray) -> Figure:
    """Compare a policy's clicks of each day, [D], with those of random and of ideal choice."""
    more, low, high = _with_interval(lambda rows: 100 * (clicks[rows].sum() / random[rows].sum() - 1))
    share, least, most = _with_interval(
        lambda rows: 100 * (clicks[rows] - random[rows]).sum() / (possible[rows] - random[rows]).sum()
    )
    return Figure(
        f"clicks of the {name} against random choice, {_DAYS} days of {_A_DAY:,} opportunities",
        f"{clicks.sum():,}, {more:+.1f}% ({low:+.1f}% to {high:+.1f}%); {share:.0f}% ({least:.0f}% to {most:.0f}%) of "
        "what ideal choice gains",
        "more",
        bool(low > 0),
        {f"day {day}": float(own) for day, own in enumerate(clicks, start=1)},
    )


def _with_interval(of_days: Callable[[np.ndarray], float]) -> tuple[float, float, float]:
    """Return a figure over all days, and its 95% interval from resampled days. of_days: takes numbers of days."""
    draws = np.random.default_rng(_SETTINGS.seed).integers(_DAYS, size=(_RESAMPLED, _DAYS))
    low, high = np.percentile([of_days(days) for days in draws], [2.5, 97.5])
    return of_days(np.arange(_DAYS)), float(low), float(high)
