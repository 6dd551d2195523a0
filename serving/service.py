"""What answers requests, and how newer features and models take its place while it goes on answering."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from serving.errors import NotReadyError, RequestError
from serving.feature_sources import FeatureSource
from serving.feature_store import FeatureStore
from serving.models import ModelSource
from serving.requests import Answer, Request, ranked, rows_of, time_in
from training.errors import TrainingError
from training.scoring.scorer import Scorer
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.tables import SCENES

_Value = TypeVar("_Value")
_Name = TypeVar("_Name", bound=Hashable)


class Newest(Generic[_Name, _Value]):
    """The newest of something that is loaded.

    value: what was loaded last, or None. problem: why the newest was not loaded, or None.
    """

    def __init__(
        self, find: Callable[[_Name | None], tuple[_Name, str | None]], load: Callable[[_Name], _Value]
    ) -> None:
        """Take what finds and what loads it. Both may raise any error.

        find: is told what is loaded, and returns what names the one to load, and what is wrong with newer ones.
        """
        self._find, self._load = find, load
        self._loaded: _Name | None = None
        self.value: _Value | None = None
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Load the newest, if it is not loaded already, and return whether it was. If that fails, the value stays."""
        try:
            found, problem = self._find(self._loaded)
            if is_newer := found != self._loaded:
                self.value, self._loaded = self._load(found), found
            self.problem = problem
            return is_newer
        except Exception as error:  # whatever it is, requests are answered with what there is
            self.problem = _sentence(error)
            return False


@dataclass(frozen=True)
class Ready:
    """All that answers a request. zone: of times without an offset, and of the dates of the logs."""

    store: FeatureStore
    zone: tzinfo
    scorer: Scorer

    def answer(self, request: Request) -> Answer:
        """Score the candidates of a request.

        Raises RequestError if its time is not after the date of the features, or if the model cannot score it.
        """
        time = time_in(self.zone, request.time)
        if time.date().isoformat() <= self.store.as_of:
            raise RequestError(
                f"time {time.isoformat()} is not after {self.store.as_of}, up to whose end the features count: give "
                "the time at which the items would be shown"
            )
        features = self.store.features(request.user_id, request.item_ids)
        history = self.store.history(request.user_id) if self.scorer.reads_history else None
        rows = rows_of(request, time, features, self.scorer.schema, history)
        try:
            probabilities = self.scorer.probabilities(rows)
        except TrainingError as error:  # the model cannot score such rows
            raise RequestError(str(error)) from error
        scores = ranked(request.item_ids, probabilities.tolist())
        return {"run": self.scorer.run, "features_of": self.store.as_of, "scores": scores}

    def warm_up(self) -> None:
        """Answer for nobody: what is made for the first request is then there, and what cannot answer is not used."""
        tomorrow = datetime.fromisoformat(days_before(self.store.as_of, -1))
        self.answer(Request(user_id="nobody", scene=SCENES[0], time=tomorrow, candidates=[{"item_id": "nothing"}]))


class Service:
    """Answers requests with the newest features and model."""

    def __init__(self, catalog: Catalog, features: FeatureSource, model: ModelSource) -> None:
        self._model = Newest(lambda _: (model.newest(), None), lambda _: model.load())
        self._features = Newest(
            lambda loaded: features.newest(loaded, self._reads_history),
            lambda found: (features.load(found), catalog.raw_mapping().time_zone),
        )
        self._ready: Ready | None = None
        self._mismatch: str | None = None

    def refresh(self) -> None:
        """Look for newer features and a newer model, load them, and answer with them from then on."""
        changed = [part.refresh() for part in (self._model, self._features)]  # the model says which features it needs
        if (any(changed) or self._mismatch) and self._features.value and self._model.value:
            ready = Ready(*self._features.value, self._model.value)
            try:
                ready.warm_up()
                self._ready, self._mismatch = ready, None
            except Exception as error:  # as above
                self._mismatch = _sentence(error)

    @property
    def ready(self) -> Ready:
        """Return what answers now. Raises NotReadyError while features or the model are not loaded."""
        if self._ready is None:
            why = "; ".join(self.problems) or "features and model are being loaded, ask again in a moment"
            raise NotReadyError(f"there is no answer yet: {why}")
        return self._ready

    @property
    def _reads_history(self) -> bool:
        return self._model.value is not None and self._model.value.reads_history

    @property
    def problems(self) -> list[str]:
        """Why newer features or a newer model do not answer."""
        return [problem for problem in (self._features.problem, self._model.problem, self._mismatch) if problem]


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__
