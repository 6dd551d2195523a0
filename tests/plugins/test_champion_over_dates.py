"""The champion over dates, from watched days that are published by hand."""

import re
from datetime import date, timedelta
from pathlib import Path

from tests.plugins.test_routes import served
from training.watching.history import judged_on
from training.watching.table import write_watch
from warehouse.catalog import Catalog
from warehouse.publish import StagedPartition
from warehouse.tables import WATCH

FIRST = date(2023, 7, 21)
LINE = {"segment": "overall", "rows": 900, "clicks": 300, "auc_low": 0.65, "auc_high": 0.75, "run": "a", "version": "1"}
LINE |= {"levelled_entropy_error": 0.005, "chosen_levelled_entropy": 0.93, "chosen_levelled_entropy_error": 0.005}
LINE |= {"as_of": "2023-07-20", "chosen_auc": 0.71, "chosen_auc_low": 0.66, "chosen_auc_high": 0.76}


def watched(catalog: Catalog, day: int, auc: float | None, entropy: float | None, **other: str) -> str:
    written = (FIRST + timedelta(days=day)).isoformat()
    line = {**LINE, "auc": auc, "levelled_entropy": entropy, **other}
    with StagedPartition(catalog, WATCH, written) as staged:
        staged.publish(write_watch([line, {**line, "segment": "scene 0"}], staged, catalog.storage), [])
    return written


def damage(catalog: Catalog, day: str) -> None:
    (Path(catalog.path(WATCH, day)) / "part-00000.zstd.parquet").write_bytes(b"damaged")


def test_each_champion_is_shown_with_its_days_and_its_warnings(artifacts: Path) -> None:
    catalog, browser = Catalog((artifacts.parent / "warehouse").as_uri(), "demo"), served(artifacts)
    for day in range(8):
        watched(catalog, day, 0.7, 0.93 + 0.004 * (day % 2))
    changed = [watched(catalog, day, 0.55, 1.01) for day in (8, 9, 10)]
    shown = browser.get("data/watch?dataset=demo").json()
    assert len(shown["points"]) == 11
    assert [bool(point["warned_on"]) for point in shown["points"]][:8] == [False] * 8
    assert shown["warns"] is True
    assert f"{changed[-1]}: the champion, version 1 as of 2023-07-20, is worse than when it was chosen" in shown["says"]
    assert (shown["champions"][0]["as_of"], shown["champions"][0]["auc"]) == ("2023-07-20", 0.71)
    warned = next(point["warned_on"] for point in shown["points"] if point["warned_on"])
    change = re.search("since .*; first reported on .*?;", shown["says"])[0]
    assert change.endswith(f"first reported on {warned};")
    for day, auc, entropy in ((11, 0.7, 0.85), (12, None, None)):
        watched(catalog, day, auc, entropy)
        shown = browser.get("data/watch?dataset=demo").json()
        assert shown["warns"] is True
        assert change in shown["says"], "a better day, or one with few clicks, does not change what was told"
    last = watched(catalog, 13, 0.7, 0.93, version="2", run="b", as_of="2023-07-31")
    shown = browser.get("data/watch?dataset=demo").json()
    assert [champion["version"] for champion in shown["champions"]] == ["1", "2"]
    assert shown["warns"] is False, "a new champion begins anew"
    assert (shown["points"][-1]["date"], shown["points"][-1]["positives"]) == (last, 300)
    assert judged_on(catalog, changed[-1:])[0]["warned_on"] == warned, "the days before count, too"


def test_days_before_the_champion_was_chosen_are_not_read(artifacts: Path) -> None:
    catalog = Catalog((artifacts.parent / "warehouse").as_uri(), "demo")
    damage(catalog, watched(catalog, 0, 0.7, 0.93))
    last = watched(catalog, 13, 0.7, 0.93, version="2", run="b", as_of="2023-07-31")
    assert [line["date"] for line in judged_on(catalog, [last])] == [last]


def test_without_a_watched_date_the_board_says_what_to_do(artifacts: Path) -> None:
    shown = served(artifacts).get("data/watch").json()
    assert shown["points"] == []
    assert "antm2c_watch" in shown["says"]


def test_a_damaged_table_is_a_sentence(artifacts: Path) -> None:
    catalog = Catalog((artifacts.parent / "warehouse").as_uri(), "demo")
    damage(catalog, watched(catalog, 0, 0.7, 0.93))
    answer = served(artifacts).get("data/watch")
    assert answer.status_code == 503
    assert "python -m training watch --date 2023-07-21" in answer.json()["detail"]
