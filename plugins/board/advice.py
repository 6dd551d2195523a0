"""What a person should do about partitions that are missing or stale."""

from collections.abc import Sequence

from orchestration.run_dates import DAILY, HISTORY
from warehouse.catalog import Catalog
from warehouse.tables import RAW

_NAMED = 3  # dates at most


def first_steps(catalog: Catalog, own_dataset: str, at_work: Sequence[tuple[str, str]]) -> list[str]:
    """Return what to do if the warehouse has no date of the dataset."""
    if catalog.dataset != own_dataset:
        return [f"This warehouse has no tables of this dataset: this Airflow works on the dataset {own_dataset}."]
    if at_work:
        return [f"Nothing is published yet. {_wait(at_work)}"]
    return [f"Nothing is published yet. Run the DAG {HISTORY} for the dates that have raw logs, then antm2c_retrain."]


def mending(
    catalog: Catalog,
    own_dataset: str,
    problems: Sequence[str],
    without_raw: Sequence[str],
    rejected: Sequence[str],
    at_work: Sequence[tuple[str, str]],
) -> list[str]:
    """Return sentences in the order in which to follow them; none without problems.

    own_dataset: the one that this Airflow's DAGs work on. problems: the dates with partitions that are missing or
    stale, ascending. without_raw: those of them that have no raw logs. rejected: what is told of those with too many
    rejected rows. at_work: the dates of each run under way.
    """
    if not problems:
        return []
    first, last = problems[0], problems[-1]
    sentences = [f"{told}." for told in rejected[:_NAMED]]
    if without_raw:
        sentences.append(_put_raw(catalog, without_raw))
    then = "Then" if sentences else "To repair these partitions,"
    if catalog.dataset != own_dataset:
        return [
            *sentences,
            f"{then} run the stages for {_span(first, last)} with --dataset {catalog.dataset}: the DAGs of this "
            f"Airflow work on the dataset {own_dataset}.",
        ]
    if at_work:
        return [*sentences, _wait(at_work)]
    if first == last:
        return [*sentences, f"{then} run the DAG {DAILY} with the Date {first}."]
    return [*sentences, f"{then} run the DAG {HISTORY} from {first} to {last}."]


def _put_raw(catalog: Catalog, dates: Sequence[str]) -> str:
    named = ", ".join(dates[:_NAMED])
    more = f" and {len(dates) - _NAMED} more dates" if len(dates) > _NAMED else ""
    return (
        f"Put the raw logs of {named}{more} into {catalog.uri(RAW, dates[0])}"
        f"{' and so on' if len(dates) > 1 else ''}; a day without impressions needs a file with only the header."
    )


def _wait(at_work: Sequence[tuple[str, str]]) -> str:
    begin, end = min(dates[0] for dates in at_work), max(dates[1] for dates in at_work)
    return f"Runs are at work on {_span(begin, end)}: start no other until they have ended, then load this page again."


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"
