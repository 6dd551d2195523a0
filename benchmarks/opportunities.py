"""Days of opportunities to show something, with candidates whose true click probabilities are known."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import csv

from sample_logs.clicks import ClickModel, sigmoid
from sample_logs.columns import raw_batch, truth_batch
from sample_logs.logs import Block, SampleLogs
from sample_logs.settings import SCENES, Settings
from warehouse.catalog import Catalog
from warehouse.tables import CANDIDATES, RAW, Table


@dataclass(frozen=True)
class Opportunities:
    """N opportunities of a day with K candidates each. Positions of users and items are those in the sample logs.

    user, scene, seconds: [N]; item, probability: [N, K]. luck: uniform from 0 to 1, [N]. What is shown is clicked if
    its probability is larger, so that policies do not differ by chance when they show the same.
    """

    date: str
    user: np.ndarray
    scene: np.ndarray
    seconds: np.ndarray
    item: np.ndarray
    probability: np.ndarray
    luck: np.ndarray

    def clicked(self, shown: np.ndarray) -> np.ndarray:
        """Return whether what is shown is clicked, bool [N]. shown: which of the candidates, [N]."""
        return self.luck < np.take_along_axis(self.probability, shown[:, None], axis=1)[:, 0]


class OpportunityDays:
    """Opportunities instead of the impressions of sample logs: the same users, scenes and times."""

    def __init__(self, settings: Settings, candidates: int) -> None:
        self._logs, self._candidates = SampleLogs(settings), candidates
        logs = self._logs
        self._clicks = ClickModel(settings, logs.users, logs.items, logs.scene_tastes)

    def day(self, number: int) -> Opportunities:
        """Draw the opportunities of a day, from 0. Candidates are drawn from what the scene shows on that day."""
        blocks, rng = list(self._logs.blocks(number)), np.random.default_rng((self._logs.settings.seed, number))
        user, scene, seconds, shown = (
            np.concatenate([getattr(block, name) for block in blocks]) for name in ("user", "scene", "seconds", "item")
        )
        item = np.empty((len(user), self._candidates), dtype=np.int64)
        for number_of_scene in range(len(SCENES)):
            rows = scene == number_of_scene
            item[rows] = rng.choice(shown[rows], (rows.sum(), self._candidates))
        each = (np.repeat(part, self._candidates) for part in (user, scene, seconds))
        return Opportunities(
            date=self._logs.settings.dates[number],
            user=user,
            scene=scene,
            seconds=seconds,
            item=item,
            probability=self._probability(number, item.ravel(), *each).reshape(item.shape),
            luck=rng.random(len(user)),
        )

    def write_candidates(self, catalog: Catalog, day: Opportunities) -> pa.Table:
        """Write all candidates of a day to the warehouse. Returns their keys, in the order of `item`."""
        user, scene, seconds = (np.repeat(part, self._candidates) for part in (day.user, day.scene, day.seconds))
        block = self._block(user, scene, seconds, day.item.ravel(), np.zeros(day.item.size, dtype=np.int64))
        _write_csv(catalog, CANDIDATES, day.date, raw_batch(self._logs, block, day.date).drop_columns("label"))
        return pa.Table.from_batches([truth_batch(self._logs, block, day.date)])

    def write_logs(self, catalog: Catalog, day: Opportunities, shown: np.ndarray) -> None:
        """Write the raw logs of a day. shown: which of the candidates was shown, [N]."""
        item = np.take_along_axis(day.item, shown[:, None], axis=1)[:, 0]
        label = day.clicked(shown).astype(np.int64)
        block = self._block(day.user, day.scene, day.seconds, item, label)
        _write_csv(catalog, RAW, day.date, raw_batch(self._logs, block, day.date))

    def _probability(
        self, day: int, item: np.ndarray, user: np.ndarray, scene: np.ndarray, seconds: np.ndarray
    ) -> np.ndarray:
        return sigmoid(self._logs.base[scene] + self._clicks.logit(user, item, scene, seconds, day))

    def _block(
        self, user: np.ndarray, scene: np.ndarray, seconds: np.ndarray, item: np.ndarray, label: np.ndarray
    ) -> Block:
        text = self._logs.items.first_entity_text[item]
        return Block(user, item, text, scene, seconds, probability=np.zeros(len(user)), label=label)


def _write_csv(catalog: Catalog, table: Table, date: str, rows: pa.RecordBatch) -> None:
    folder = catalog.path(table, date)
    catalog.storage.make_folder(folder)
    csv.write_csv(rows, f"{folder}/part-0.csv", csv.WriteOptions(quoting_header="none"))
