"""The lead of each run over the champion, with its paired interval. Each is computed once."""

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.evaluation.auc import AucDifference
from training.runs.paired_lead import paired_lead, validated_on
from training.runs.summary import RunSummary
from training.tracking.champion import Champion

_MOST_ROWS = 2_000_000  # of validation; more would hold up Airflow's server for seconds
_kept = lru_cache(4096)(paired_lead)  # a run's folder never changes


def lead_over(
    champion: Champion | None, summary: RunSummary | None, run: RunSummary, artifacts: Path
) -> dict[str, Any]:
    """Return difference, low, high and p_value, or only `why_not`: the end of a sentence.

    summary: the champion's, None if its folder is gone.
    """
    if champion is None:
        return {"why_not": "there is no champion yet"}
    if run.name == champion.run:
        return {"why_not": "it is the champion"}
    if summary is None:
        return {"why_not": "the champion's folder is gone"}
    try:
        return _lead(champion, summary, run, artifacts)
    except TrainingError as error:
        return {"why_not": str(error)}


def _lead(champion: Champion, summary: RunSummary, run: RunSummary, artifacts: Path) -> dict[str, Any]:
    folder, over = artifacts / run.name, artifacts / summary.name
    if not champion.is_of(over):
        return {"why_not": "the champion is another run with the same name as one here"}
    if not (rows := validated_on(run)) or rows != validated_on(summary):
        return {"why_not": "the champion was validated on other rows; only a retraining tests it on these"}
    if run.rows > _MOST_ROWS:
        return {"why_not": f"it has more than {_MOST_ROWS:,} rows: use python -m training compare"}
    lead: AucDifference | None = _kept(folder, over)
    return {"why_not": "too few rows of a class"} if lead is None else asdict(lead)
