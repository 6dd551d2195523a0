"""The rule by which a challenger replaces the champion.

Over all rows, its AUC must be significantly higher, and its log loss not significantly higher. Its AUC must not be
significantly lower in any scene or at any cold-start level. All tests are paired, with a user's rows as one cluster.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from training.evaluation.auc import Z_95, AucDifference, auc_difference
from training.evaluation.calibration import log_loss
from training.evaluation.prediction_table import Scored, scored
from training.evaluation.segments import FEWEST_ROWS, OVERALL, Segment, named_segments

Tests = dict[str, AucDifference | None]  # by the segment's name
_LEVEL = 0.05  # the share of challengers that are nowhere worse but fail by chance


@dataclass(frozen=True)
class LogLossDifference:
    """The challenger's mean log loss less the champion's, in nats, with its 95% interval. Above 0 it is worse."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """Whether to promote the challenger, and why. tests: the challenger's lead over the champion by segment."""

    promote: bool
    reason: str
    tests: Tests = field(default_factory=dict)
    logloss: LogLossDifference | None = None


def lead_by_segment(predictions: pa.Table, champion: np.ndarray) -> Tests:
    """Test by how much the challenger's AUC exceeds the champion's, over all rows and by segment.

    predictions: the challenger's. champion: the champion's logits on the same rows, [n]. A segment in which a class has
    too few rows gets None.
    """
    rows = scored(predictions)
    return {name: _lead(champion, rows, segment) for name, segment in named_segments().items()}


def logloss_difference(predictions: pa.Table, champion: np.ndarray) -> LogLossDifference:
    """Compare log losses on the same rows. predictions: the challenger's. champion: the champion's logits, [n]."""
    rows = scored(predictions)
    excess = log_loss(rows.logit, rows.label) - log_loss(champion, rows.label)
    difference = float(excess.mean())
    by_user = np.bincount(rows.user, weights=excess - difference) / len(rows)
    users = len(by_user)
    margin = Z_95 * math.sqrt((by_user**2).sum() * users / (users - 1)) if users > 1 else math.inf
    return LogLossDifference(difference, difference - margin, difference + margin)


def _lead(champion: np.ndarray, rows: Scored, segment: Segment) -> AucDifference | None:
    mask = rows.mask(segment)
    label = rows.label[mask]
    clicked = int(label.sum())
    if min(clicked, len(label) - clicked) < FEWEST_ROWS:
        return None
    return auc_difference(champion[mask], rows.logit[mask], label, rows.user[mask])


def decide(tests: Tests, logloss: LogLossDifference) -> Decision:
    """Decide whether to promote the challenger. tests: the result of lead_by_segment."""
    lead = tests[OVERALL.segment]
    if lead is None or lead.low <= 0:
        return Decision(False, f"its lead over the champion is not significant: {_shown(lead)}", tests, logloss)
    if logloss.low > 0:
        worse = f"{logloss.difference:+.4f} ({logloss.low:+.4f} to {logloss.high:+.4f})"
        return Decision(False, f"its probabilities are significantly worse: {worse} in log loss", tests, logloss)
    behind = significantly_behind({name: test for name, test in tests.items() if name != OVERALL.segment})
    if behind:
        named = "; ".join(f"{name} {_shown(tests[name])}" for name in behind)
        return Decision(False, f"it is significantly worse on {named}", tests, logloss)
    return Decision(True, f"it is better by {_shown(lead)}, and nowhere significantly worse", tests, logloss)


def significantly_behind(tests: Tests) -> list[str]:
    """Return the segments in which the challenger's AUC is lower, at a level of 5% over all segments (Holm, 1979).

    Without the correction, four in ten equally good challengers would fail in one of eleven segments.
    """
    by_p_value = sorted((_one_sided(test), name) for name, test in tests.items() if test)
    behind = []
    for rank, (p_value, name) in enumerate(by_p_value):
        if p_value > _LEVEL / (len(by_p_value) - rank):
            break
        behind.append(name)
    return behind


def _one_sided(test: AucDifference) -> float:
    """Return how probable a lead as low as this one is if the challenger is not behind."""
    return test.p_value / 2 if test.difference < 0 else 1 - test.p_value / 2


def _shown(test: AucDifference | None) -> str:
    return f"{test.difference:+.4f} AUC ({test.low:+.4f} to {test.high:+.4f})" if test else "too few rows to tell"
