"""The figures of the watch: how good the champion is on a date, and how far scores and features have drifted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation.calibration import log_loss, normalised_entropy
from training.evaluation.cold_start_report import figures_within
from training.evaluation.prediction_table import Scored
from training.evaluation.segments import named_segments
from training.watching.drift import Bins, stability_index
from training.watching.levelled_entropy import levelled_entropy

_KEPT_OF_CHOSEN = ("auc", "auc_low", "auc_high", "levelled_entropy", "levelled_entropy_error")


@dataclass(frozen=True)
class WhenChosen:
    """The champion on the rows that it was chosen on, and the bins of its scores and features there.

    features: bins [m, F], or None if the features are no longer known. names: of the features.
    """

    rows: Scored
    quality: dict[str, dict[str, Any]]
    score_bins: Bins
    scores: np.ndarray
    names: Sequence[str]
    feature_bins: Bins | None = None
    features: np.ndarray | None = None

    @staticmethod
    def of(rows: Scored, features: np.ndarray | None, names: Sequence[str]) -> "WhenChosen":
        """Measure the champion on its validation rows.

        rows: at least one. features: of the same rows, [m, F], or None if they are not known.
        """
        scores = rows.probability[:, None]
        score_bins, feature_bins = Bins.of(scores), None if features is None else Bins.of(features)
        places = feature_bins.places(features) if feature_bins is not None and features is not None else None
        losses = log_loss(rows.logit, rows.label)
        quality = {name: _qualities(rows, losses, rows.mask(segment)) for name, segment in named_segments().items()}
        return WhenChosen(rows, quality, score_bins, score_bins.places(scores), names, feature_bins, places)


def watch_figures(rows: Scored, features: np.ndarray | None, chosen: WhenChosen) -> list[dict[str, Any]]:
    """Return one line for each segment: its figures now, its drift, and its main figures when the champion was chosen.

    Undefined figures are None. features: of the same rows, [n, F].
    """
    scores = chosen.score_bins.places(rows.probability[:, None])
    places = chosen.feature_bins.places(features) if chosen.feature_bins and features is not None else None
    losses, lines = log_loss(rows.logit, rows.label), []
    for name, segment in named_segments().items():
        now, before = rows.mask(segment), chosen.rows.mask(segment)
        of_score = stability_index(chosen.scores[before], scores[now])
        of_features = None
        if places is not None and chosen.features is not None:
            of_features = stability_index(chosen.features[before], places[now])
        most = None if of_features is None else int(of_features.argmax())
        drift = {
            "score_psi": None if of_score is None else float(of_score[0]),
            "feature_psi": None if of_features is None else float(of_features[most]),
            "feature": None if most is None else chosen.names[most],
        }
        when_chosen = {f"chosen_{figure}": chosen.quality[name][figure] for figure in _KEPT_OF_CHOSEN}
        lines.append({"segment": name, **_qualities(rows, losses, now), **drift, **when_chosen})
    return lines


def _qualities(rows: Scored, losses: np.ndarray, mask: np.ndarray) -> dict[str, Any]:
    """Return how good predictions are on the rows of a mask, bool [n]. losses: the log loss of each row, [n]."""
    figures = figures_within(rows, losses, mask)
    levelled = levelled_entropy(rows.logit[mask], rows.label[mask], rows.user[mask])
    clicks, predicted = figures.positives, float(rows.probability[mask].sum())
    return {
        "rows": figures.rows,
        "clicks": clicks,
        "auc": figures.auc,
        "auc_low": figures.auc_low,
        "auc_high": figures.auc_high,
        "logloss": figures.logloss,
        "normalised_entropy": normalised_entropy(figures.logloss, figures.ctr),
        "levelled_entropy": levelled.value if levelled else None,
        "levelled_entropy_error": levelled.error if levelled else None,
        "predicted_clicks": predicted,
        "predicted_by_observed": predicted / clicks if clicks else None,
    }
