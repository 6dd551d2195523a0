"""The rule by which a challenger replaces the champion. It uses paired DeLong tests of the difference in AUC.

The challenger must be better over all rows, and significantly worse in no scene and at no cold-start level.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from training.evaluation.auc import AucDifference, auc_difference
from training.evaluation.prediction_table import Scored, scored
from training.evaluation.segments import OVERALL, SEGMENTS_BY, Segment, entity_of

Tests = dict[str, AucDifference | None]  # by the segment's name
_OVERALL = "overall"
_FEWEST_ROWS = 10  # of each class: with fewer, an interval may have no width at all


@dataclass(frozen=True)
class Decision:
    """Whether to promote the challenger, and why. tests: the challenger's lead over the champion by segment."""

    promote: bool
    reason: str
    tests: Tests = field(default_factory=dict)


def lead_by_segment(predictions: pa.Table, champion: np.ndarray) -> Tests:
    """Test by how much the challenger's AUC exceeds the champion's, over all rows and by segment.

    predictions: the challenger's. champion: the champion's logits on the same rows, [n]. A segment in which a class has
    too few rows gets None.
    """
    rows = scored(predictions)
    segments = {_OVERALL: OVERALL}
    for kind, named in SEGMENTS_BY.items():
        segments |= {f"{entity_of(kind)} {name}": segment for name, segment in named}
    return {name: _lead(champion, rows, segment) for name, segment in segments.items()}


def _lead(champion: np.ndarray, rows: Scored, segment: Segment) -> AucDifference | None:
    mask = rows.mask(segment)
    label = rows.label[mask]
    clicked = int(label.sum())
    if min(clicked, len(label) - clicked) < _FEWEST_ROWS:
        return None
    return auc_difference(champion[mask], rows.logit[mask], label)


def decide(tests: Tests) -> Decision:
    """Decide whether to promote the challenger. tests: the result of lead_by_segment."""
    lead = tests[_OVERALL]
    if lead is None or lead.low <= 0:
        return Decision(False, f"its lead over the champion is not significant: {_shown(lead)}", tests)
    worse = [f"{name} {_shown(test)}" for name, test in tests.items() if test and test.high < 0]
    if worse:
        return Decision(False, f"it is significantly worse on {'; '.join(worse)}", tests)
    return Decision(True, f"it is better by {_shown(lead)}, and nowhere significantly worse", tests)


def _shown(test: AucDifference | None) -> str:
    return f"{test.difference:+.4f} AUC ({test.low:+.4f} to {test.high:+.4f})" if test else "too few rows to tell"
