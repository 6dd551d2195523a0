"""The champions over dates, with the verdict on each, from the table of the watch. Does not load torch."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from training.evaluation.segments import OVERALL
from training.watching.fading import ALPHA, Day, Verdict, verdicts
from training.watching.table import read_watch
from warehouse.catalog import Catalog
from warehouse.tables import WATCH

# The board asks for the same dates and champions again and again.
_DATES, _CHAMPIONS = 4096, 64
_verdicts = lru_cache(_CHAMPIONS)(verdicts)
_TOO_FEW = "too few clicked rows, too few unclicked rows, or only one user"


def judged_on(catalog: Catalog, dates: Sequence[str]) -> list[dict[str, Any]]:
    """Return the judged line over all rows of each of these dates, ascending. Raises TrainingError.

    Besides these dates, only those since their champions were chosen are read. Dates that are not published have none.
    """
    lines = _overall_lines(catalog, dates)
    if not lines:
        return []
    since, last = min(line["as_of"] for line in lines), max(dates)
    others = [date for date in catalog.dates(WATCH) if since < date <= last and date not in dates]
    return [line for line in _with_verdicts([*lines, *_overall_lines(catalog, others)]) if line["date"] in dates]


def _overall_lines(catalog: Catalog, dates: Iterable[str]) -> list[dict[str, Any]]:
    manifests = [catalog.manifest(WATCH, date) for date in dates]
    return [
        line
        for manifest in manifests
        if manifest
        for line in _overall(catalog.storage.root, catalog.dataset, manifest.date, manifest.version)
    ]


@lru_cache(_DATES)  # a version never changes
def _overall(warehouse: str, dataset: str, date: str, _version: str) -> list[dict[str, Any]]:
    lines = read_watch(Catalog(warehouse, dataset), date)
    return [{"date": date, **line} for line in lines if line["segment"] == OVERALL.segment]


def _with_verdicts(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each line, by date, evidence, warned_on and a sentence, `says`, without its full stop.

    Each champion is judged by the days that it was watched on. evidence is None if a day has too few rows.
    """
    by_champion: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line["date"]):
        by_champion[line["run"], line["version"]].append(line)
    found = [line for own in by_champion.values() for line in _judged(own)]
    return sorted(found, key=lambda line: line["date"])


def _judged(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judge the lines of one champion, ascending."""
    chosen = _day(lines[0]["as_of"], lines[0], "chosen_")
    days = [day for line in lines if chosen and (day := _day(line["date"], line))]
    by_date = {verdict.date: verdict for verdict in (_verdicts(chosen, tuple(days)) if chosen else [])}
    found, warning = [], None
    for line in lines:
        verdict = by_date.get(line["date"])
        if verdict and verdict.warned_on:
            warning = warning or verdict  # what is said about the change stays what it was on the day of the warning
        told = {"evidence": verdict.evidence if verdict else None, "warned_on": warning.warned_on if warning else None}
        found.append({**line, **told, "says": _sentence(line, verdict, warning)})
    return found


def _day(date: str, line: dict[str, Any], prefix: str = "") -> Day | None:
    entropy, error = line[f"{prefix}levelled_entropy"], line[f"{prefix}levelled_entropy_error"]
    return None if entropy is None or error is None else Day(date, entropy, error)


def _sentence(line: dict[str, Any], verdict: Verdict | None, warning: Verdict | None) -> str:
    champion = f"the champion, version {line['version']} as of {line['as_of']},"
    if warning:
        since = f"since {warning.since}, normalised entropy {warning.after:.4f} after {warning.before:.4f}"
        now = _areas(line) if verdict else f"{line['date']} itself has {_TOO_FEW}"
        return f"{champion} is worse than when it was chosen: {since}; first reported on {warning.warned_on}; {now}"
    if verdict is None:
        return f"{champion} cannot be judged: {_TOO_FEW}"
    return (
        f"{champion} is as good as when it was chosen, as far as can be told: {_areas(line)}; evidence of a change "
        f"{verdict.evidence:.2g}, a warning needs {1 / ALPHA:.0f}"
    )


def _areas(line: dict[str, Any]) -> str:
    return f"AUC {line['auc']:.4f}, {line['chosen_auc']:.4f} when it was chosen"
