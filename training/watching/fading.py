"""The rule by which the watch says that the champion has become worse than when it was chosen.

It may be asked every day: if nothing changes, the probability that it ever warns about a champion is at most ALPHA.

The observations are days: the champion's levelled entropy on the rows that it was chosen on, and on each day since.
Days differ by their sampling errors, which are known, and by all else that varies from day to day, whose spread is not.
A change shifts all days from some day on. The evidence for one is a Bayes factor against no change, with the right Haar
prior on the common mean and a prior on the spread, averaged over the day of the change. It is an e-process (Grünwald,
de Heide and Koolen, Safe testing, JRSS B 2024; over starts: Shin, Ramdas and Rinaldo, E-detectors, 2024), so by Ville's
inequality it ever reaches 1 / ALPHA with a probability of at most ALPHA. This assumes that days are independent and
normal, and that their spread is such as the prior expects; `python -m benchmarks watch` tries it on sample logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp

ALPHA = 0.03
_SPREADS = np.geomspace(1e-4, 0.3, 40)  # of days beyond their sampling errors, in units of entropy
_USUAL_SPREAD = 0.007  # the mean of its exponential prior
_USUAL_SHIFTS = np.array([0.025, 0.1, 0.4])  # the scales of the half-normal priors of a change, equally probable


@dataclass(frozen=True)
class Day:
    """A day's levelled entropy and its standard error."""

    date: str
    entropy: float
    error: float


@dataclass(frozen=True)
class Verdict:
    """The verdict on all days up to `date`.

    evidence: how many times likelier these days are if the champion has become worse. warned_on: the first day on which
    the evidence reached 1 / ALPHA, if any. since: the likeliest day of the change. before, after: the mean entropy up
    to that day and from it on.
    """

    date: str
    evidence: float
    warned_on: str | None
    since: str
    before: float
    after: float


def verdicts(chosen: Day, since: Sequence[Day]) -> list[Verdict]:
    """Return the verdict of each day since the champion was chosen, in their order."""
    days, found, warned_on = [chosen, *since], [], None
    entropy, error = (np.array([getattr(day, name) for day in days]) for name in ("entropy", "error"))
    for last in range(1, len(days)):
        by_start, (before, after) = _log_evidence(entropy[: last + 1], error[: last + 1])
        evidence = float(np.exp(min(logsumexp(by_start), 500.0)))
        if warned_on is None and evidence >= 1 / ALPHA:
            warned_on = days[last].date
        start = int(by_start.argmax())
        means = float(before[start]), float(after[start])
        found.append(Verdict(days[last].date, evidence, warned_on, days[start + 1].date, *means))
    return found


def _log_evidence(entropy: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return the log evidence of a change at day 1 ... n - 1, weighted, [n - 1], and the means before and after it.

    They add up to the evidence of any change. entropy, error: [n].
    """
    variance = error**2 + _SPREADS[:, None] ** 2  # [S, n]
    weight = 1 / variance
    total, moment = weight.cumsum(axis=1), (weight * entropy).cumsum(axis=1)
    mean = moment[:, -1:] / total[:, -1:]
    # How probable each spread is if nothing has changed, with any mean equally probable.
    log_null = -0.5 * (np.log(variance) + weight * (entropy - mean) ** 2).sum(axis=1) - 0.5 * np.log(total[:, -1])
    log_prior = np.log(_SPREADS) - _SPREADS / _USUAL_SPREAD  # on a grid that is even on the logarithm
    log_spread = log_null + log_prior - logsumexp(log_null + log_prior)
    before = moment[:, :-1] / total[:, :-1]
    after = (moment[:, -1:] - moment[:, :-1]) / (total[:, -1:] - total[:, :-1])
    precision = 1 / (1 / total[:, :-1] + 1 / (total[:, -1:] - total[:, :-1]))
    # The mean over the prior of the shift s of exp(precision * ((after - before) * s - s^2 / 2)).
    sharpness, pull = precision + _USUAL_SHIFTS[:, None, None] ** -2, precision * (after - before)
    log_factors = (
        np.log(2 / _USUAL_SHIFTS)[:, None, None]
        - 0.5 * np.log(sharpness)
        + pull**2 / (2 * sharpness)
        + log_ndtr(pull / np.sqrt(sharpness))
    )
    log_factor = logsumexp(log_factors, axis=0) - np.log(len(_USUAL_SHIFTS))
    start = np.arange(1, len(entropy))
    log_start = -np.log(start * (start + 1.0))  # adds up to less than 1, over any number of days
    probable = np.exp(log_spread) @ before, np.exp(log_spread) @ after
    return logsumexp(log_spread[:, None] + log_factor, axis=0) + log_start, probable
