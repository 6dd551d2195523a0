"""Which version was the champion before a date. MLflow keeps no history of aliases, but `crown` leaves one in tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from training.tracking.champion import ALIAS, CROWNED_TAG, Champion, identity_in, model_name
from training.tracking.client import NOT_FOUND, may_hold_runs, registered_model, tracking
from training.tracking.run_tags import AS_OF_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


THEN = "champion-then"  # as a model to score with: for each date, the champion as it was when the date began


@dataclass(frozen=True)
class Reign:
    """A version that became the champion. as_of: its last validation day. crowned: when, in UTC, ascending.

    present: whether it has the alias now.
    """

    champion: Champion
    as_of: str
    crowned: tuple[datetime, ...]
    present: bool = False


def reigns_of(uri: str, dataset: str) -> list[Reign]:
    """Return every version that was made the champion of the dataset. Raises TrackingError."""
    if not may_hold_runs(uri):
        return []
    name = model_name(dataset)
    with tracking(uri) as client:
        registered = registered_model(client, name)
        if registered is None:
            return []
        present = str(registered.aliases.get(ALIAS, ""))
        found = [_reign(client, version, present) for version in client.search_model_versions(f"name = '{name}'")]
        return [reign for reign in found if reign]


def standing_before(date: str, reigns: Sequence[Reign], zone: tzinfo) -> tuple[Reign | None, str]:
    """Return the champion as it was when the date began, and a sentence on how it was found, without a full stop.

    zone: in which the date begins at midnight.

    A version whose last validation day is the date or later is never chosen, because it may have been trained on what
    happened then. The sentence is empty if the champion is the one that stood by the clock.
    """
    midnight = datetime.fromisoformat(date).replace(tzinfo=zone)
    unaware = [reign for reign in reigns if reign.as_of < date]
    if not unaware:
        first = min(reigns, key=lambda reign: reign.crowned[0], default=None)
        why = f"; the first, {_promotion(first)}" if first else ", and there is none yet"
        return None, f"there was no champion before {date}{why}"
    newest = max(reigns, key=lambda reign: reign.crowned[-1])
    now = next((reign for reign in reigns if reign.present), newest)
    if now != newest and now in unaware:
        return now, (
            f"the alias was moved to version {now.champion.version} by hand, at a time that is not recorded, so it is "
            f"taken for {date}"
        )
    stood = [(when, reign) for reign in unaware for when in reign.crowned if when < midnight]
    if stood:
        return max(stood, key=lambda entry: entry[0])[1], ""
    chosen = max(unaware, key=lambda reign: (reign.as_of, reign.crowned[-1]))
    return chosen, (
        f"no champion had been promoted by {date}, so the newest one that knows nothing of this date is taken, version "
        f"{chosen.champion.version} as of {chosen.as_of}"
    )


def _promotion(reign: Reign) -> str:
    when = f"{reign.crowned[0]:%Y-%m-%d at %H:%M} UTC"
    return f"version {reign.champion.version}, was promoted on {when} and knows rows up to {reign.as_of}"


def _reign(client: "MlflowClient", version: "ModelVersion", present: str) -> Reign | None:
    """Read a version's reign; None if it has no run that says its as-of date. `crown` once left no time of its own."""
    if not version.run_id:
        return None
    as_of = _as_of(client, version.run_id)
    if as_of is None:
        return None
    made = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    crowned = tuple(map(datetime.fromisoformat, version.tags.get(CROWNED_TAG, "").split())) or (made,)
    number = str(version.version)
    return Reign(Champion(number, *identity_in(version.tags), version.run_id), as_of, crowned, number == present)


def _as_of(client: "MlflowClient", run_id: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id).data.tags.get(AS_OF_TAG)
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        return None  # the run has been removed for good, by `mlflow gc`
