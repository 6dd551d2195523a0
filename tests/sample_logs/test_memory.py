"""Memory holds the population and one block, whatever the number of rows."""

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sample_logs.logs import Block, SampleLogs
from sample_logs.settings import PRESETS
from sample_logs.traffic import BLOCK_ROWS
from tests.sample_logs.conftest import SMALL, Written

LONG_DAY = replace(SMALL, rows=4 * BLOCK_ROWS + 5, days=1)


def test_blocks_are_bounded_and_add_up_to_the_day() -> None:
    sizes = [len(block.user) for block in SampleLogs(LONG_DAY).blocks(0)]
    assert sizes == [BLOCK_ROWS] * 4 + [5]


def test_blocks_of_a_day_follow_each_other_in_time() -> None:
    seconds = [block.seconds for block in SampleLogs(LONG_DAY).blocks(0)]
    assert (np.diff(np.concatenate(seconds)) >= 0).all()


def test_writing_lets_go_of_a_block_before_the_one_after_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Block] = weakref.WeakSet()
    most = 0
    make_blocks = SampleLogs.blocks

    def watched(logs: SampleLogs, day: int) -> Iterator[Block]:
        nonlocal most
        for block in make_blocks(logs, day):
            alive.add(block)
            most = max(most, len(alive))
            yield block

    monkeypatch.setattr(SampleLogs, "blocks", watched)
    monkeypatch.setattr(Block, "__hash__", object.__hash__)
    monkeypatch.setattr(Block, "__eq__", object.__eq__)
    assert Written(tmp_path, LONG_DAY).write() == [LONG_DAY.rows]
    assert most <= 2


@pytest.mark.parametrize("rows", [20_000, 200_000, 20_000_000])
def test_the_population_grows_with_the_root_of_the_rows(rows: int) -> None:
    demo = PRESETS["demo"]
    assert demo.resized(rows, 14).users == pytest.approx(demo.users * (rows / demo.rows) ** 0.5, abs=1)
