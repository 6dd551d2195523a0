"""Simulate the days of a champion on sample logs, with and without a change of tastes.

The champion knows the tastes of the first day, except for some noise. Click rates and the noise differ from day to day.
"""

from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from sample_logs.logs import SampleLogs
from sample_logs.settings import Settings
from training.watching.fading import Day
from training.watching.levelled_entropy import levelled_entropy

_NOISE, _NOISE_VARIES, _RATE_VARIES = 0.5, 0.2, 0.2  # standard deviations, the first and the last one of logits


def watched_days(seed: int, days: int, rows: int, change: int | None = None) -> list[Day]:
    """Return the champion's levelled entropy on the day that it was chosen on and on `days` later ones.

    change: how many days after the choice tastes change. rows: of a day.
    """
    settings = Settings(rows=(days + 1) * rows, days=days + 1, users=400, items=500, seed=seed)
    known, rng = SampleLogs(settings), np.random.default_rng((seed, 1))
    true = known if change is None else SampleLogs(replace(settings, tastes_change=settings.dates[change]))
    of_user, of_item = (rng.normal(scale=_NOISE, size=size) for size in (settings.users, settings.items))
    found = []
    for day, date in enumerate(settings.dates):
        rate, noise = rng.normal(scale=_RATE_VARIES), _NOISE * np.exp(rng.normal(scale=_NOISE_VARIES))
        parts = [
            (
                logit(one.probability)
                + of_user[one.user]
                + of_item[one.item]
                + rng.normal(scale=noise, size=len(one.user)),
                rng.random(len(one.user)) < expit(logit(other.probability) + rate),
                one.user,
            )
            for one, other in zip(known.blocks(day), true.blocks(day), strict=True)
        ]
        measured = levelled_entropy(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        assert measured
        found.append(Day(date, *measured))
    return found
