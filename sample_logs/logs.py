"""Generate sample logs, date by date and block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sample_logs.clicks import ClickModel, base_for_rate, sigmoid
from sample_logs.deep_features import DeepFeatures
from sample_logs.population import draw_items, draw_scene_tastes, draw_users, with_other_tastes
from sample_logs.settings import SCENES, Settings
from sample_logs.traffic import DayTraffic, blocks_of, rows_by_day, seconds_of_day

# Separate random streams, so that none changes when another draws more.
_SCENE_TASTES, _USERS, _ITEMS, _CALIBRATION, _ROWS, _DEEP_FEATURES, _OTHER_TASTES = range(7)
_CALIBRATION_DAYS = 15
_CALIBRATION_ROWS = 1_000  # per scene and day: sets the click rate to within about 0.2 points


@dataclass(frozen=True)
class Block:
    """N impressions of one day, in order of time. All fields are [N]. user, item, entity_text: positions."""

    user: np.ndarray
    item: np.ndarray
    entity_text: np.ndarray
    scene: np.ndarray
    seconds: np.ndarray
    probability: np.ndarray
    label: np.ndarray


class SampleLogs:
    """Generates logs that depend only on the settings. Only the users, the items and one block are in memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scene_tastes = draw_scene_tastes(self._stream(_SCENE_TASTES))
        self.users = draw_users(settings, self._stream(_USERS))
        self.items = draw_items(settings, self.scene_tastes, self._stream(_ITEMS))
        self.deep_features = (
            DeepFeatures(self.users, self.items, self._stream(_DEEP_FEATURES)) if settings.deep_features else None
        )
        self._clicks = ClickModel(settings, self.users, self.items, self.scene_tastes)
        self._later_clicks = self._changed_clicks() if settings.tastes_change else self._clicks
        self._rows = rows_by_day(settings)
        self.base = self._calibrated_base()

    def rows(self, day: int) -> int:
        return int(self._rows[day].sum())

    def blocks(self, day: int) -> Iterator[Block]:
        """Yield the impressions of a day, in blocks. Days are numbered from 0."""
        traffic, changed = self._traffic(day), self.settings.tastes_change
        clicks = self._later_clicks if changed and changed <= self.settings.dates[day] else self._clicks
        for first_row, rows in blocks_of(self._rows[day]):
            rng = self._stream(_ROWS, day, first_row)
            user, item, scene = traffic.draw(rows, rng)
            seconds = seconds_of_day(first_row, len(user), self.rows(day), rng)
            probability = sigmoid(self.base[scene] + clicks.logit(user, item, scene, seconds, day))
            variant = (rng.random(len(item)) * self.items.variants[item]).astype(np.int64)
            yield Block(
                user=user,
                item=item,
                entity_text=self.items.first_entity_text[item] + variant,
                scene=scene,
                seconds=seconds,
                probability=probability,
                label=(rng.random(len(user)) < probability).astype(np.int64),
            )

    def _calibrated_base(self) -> np.ndarray:
        """Return the base logits [S] with which the click rates of scenes over all days are those in the settings."""
        rng = self._stream(_CALIBRATION)
        last = self.settings.days - 1
        days = np.unique(np.linspace(0, last, min(last + 1, _CALIBRATION_DAYS)).round().astype(int))
        rows = np.full(len(SCENES), _CALIBRATION_ROWS)
        logits, scenes = [], []
        for day in days.tolist():
            user, item, scene = self._traffic(day).draw(rows, rng)
            seconds = rng.permutation(seconds_of_day(0, len(user), len(user), rng))
            logits.append(self._clicks.logit(user, item, scene, seconds, day))
            scenes.append(scene)
        logit, scene = np.concatenate(logits), np.concatenate(scenes)
        return np.array([base_for_rate(logit[scene == s], SCENES[s].ctr) for s in range(len(SCENES))])

    def _changed_clicks(self) -> ClickModel:
        users, tastes = with_other_tastes(self.users, self.scene_tastes, self._stream(_OTHER_TASTES))
        return ClickModel(self.settings, users, self.items, tastes)

    def _traffic(self, day: int) -> DayTraffic:
        return DayTraffic(self.users, self.items, self.settings, day)

    def _stream(self, *name: int) -> np.random.Generator:
        return np.random.default_rng((self.settings.seed, *name))
