"""The watch command, against slow recomputations of its figures."""

import math
import shutil
from collections.abc import Callable, Iterator
from datetime import date as calendar_date
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pytest

from tests.training.commands.test_predict import key, predict, publish_candidates, scores
from tests.training.conftest import Published
from tests.training.logs import World, publish
from training.cli import main
from training.commands import watch as watch_command
from training.errors import TrainingError
from training.tracking.champion_history import reigns_of
from training.watching.given_scores import given_scores
from training.watching.table import read_watch
from warehouse.catalog import Catalog
from warehouse.frames import read_frame
from warehouse.freshness import Freshness, State
from warehouse.publish import Content, StagedPartition
from warehouse.tables import CANDIDATE_FEATURES, SCENES, SCORES, TRAIN, VALID_CANDIDATES, WATCH

Watch = Callable[..., dict]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, new_tracking_database: Path) -> tuple[Published, str, Path]:
    """Six dates, of which the fourth chose the champion; the address of MLflow; the champion's folder."""
    folder, world = tmp_path_factory.mktemp("watched"), World(days=6, rows=2_400)
    published = Published(world, folder / "warehouse", world.publish(folder / "warehouse"))
    (folder / "mlflow").mkdir()
    shutil.copy(new_tracking_database, folder / "mlflow")
    uri = f"sqlite:///{folder}/mlflow/{new_tracking_database.name}"
    # Of an option that is given twice, the last counts. A model with histories needs one more table.
    days = ["--model", "din", "--as-of", sorted(world.tables)[3], "--train-days", "3"]
    run = Path(main([*published.arguments(folder / "runs", *days), "--epochs", "2"])["artifacts"])
    main(["promote", "--tracking-uri", uri, "--artifacts", str(run)])
    return published, uri, run


@pytest.fixture
def watch(champion: tuple[Published, str, Path]) -> Iterator[Watch]:
    """Runs the command on the dates from first to last. What a test publishes besides impressions is removed."""
    published, uri, run = champion
    place = ["--warehouse", published.folder.as_uri(), "--dataset", "demo", "--artifacts", str(run.parent)]

    def command(first: str, last: str | None = None, alone: bool = False) -> dict:
        dates = ["--date", first] if alone else ["--start-date", first, "--end-date", last or first]
        return main(["watch", *place, "--tracking-uri", uri, *dates])

    yield command
    for table in (VALID_CANDIDATES, CANDIDATE_FEATURES, SCORES, WATCH):
        shutil.rmtree(published.catalog.table_path(table), ignore_errors=True)


def labels(published: Published, date: str) -> dict[tuple, list[int]]:
    """The labels of each key of a date: impressions of one second may share a key."""
    found: dict[tuple, list[int]] = {}
    for row in published.world.tables[date].to_pylist():
        found.setdefault(key(row), []).append(row["label"])
    return found


def slow_auc(pairs: list[tuple[float, int]]) -> float:
    clicked, others = ([p for p, label in pairs if label == one] for one in (1, 0))
    return sum((c > o) + 0.5 * (c == o) for c in clicked for o in others) / (len(clicked) * len(others))


def test_the_scores_given_before_a_date_are_held_against_its_clicks(
    champion: tuple[Published, str, Path], watch: Watch
) -> None:
    published, uri, run = champion
    date = published.world.last_date
    publish_candidates(published, date)
    predict(published, "--model", str(run))
    (told,) = watch(date)["published"]
    given = {key(row): row["probability"] for row in scores(published.catalog, date)}
    clicks = labels(published, date)
    by_segment = {line["segment"]: line for line in read_watch(published.catalog, date)}
    impressions = len(published.world.tables[date])
    assert told["how"][-1] == f"{impressions} of {impressions} impressions had been scored as candidates"
    assert told["says"].startswith("the champion, version 1 as of ")
    assert told["warned_on"] is None
    (reign,) = reigns_of(uri, "demo")
    assert (reign.champion.run, reign.present, len(reign.crowned)) == (run.name, True, 1)
    for name, scene in (("overall", None), ("scene 4", 4)):
        pairs = [(p, label) for k, p in given.items() if scene in (None, k[3]) for label in clicks[k]]
        losses = [-math.log(p if label else 1 - p) for p, label in pairs]
        rate = sum(label for _, label in pairs) / len(pairs)
        entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
        line = by_segment[name]
        assert (line["rows"], line["clicks"]) == (len(pairs), sum(label for _, label in pairs))
        assert line["auc"] == pytest.approx(slow_auc(pairs))
        assert line["logloss"] == pytest.approx(sum(losses) / len(losses))
        assert line["normalised_entropy"] == pytest.approx(line["logloss"] / entropy)
        assert line["predicted_by_observed"] == pytest.approx(sum(p for p, _ in pairs) / line["clicks"])
        assert line["auc_low"] < line["auc"] < line["auc_high"]
    assert {(line["run"], line["version"], line["scored"]) for line in by_segment.values()} == {
        (run.name, "1", "candidates")
    }
    assert len(read_frame("watch", date, date, warehouse=str(published.folder), dataset="demo")) == len(by_segment)
    assert {*by_segment} >= {"overall", *(f"scene {s}" for s in SCENES), "user zero", "item few"}


def test_without_candidates_the_champion_that_knows_nothing_of_the_date_scores_its_impressions(
    champion: tuple[Published, str, Path], watch: Watch
) -> None:
    published, _, run = champion
    first, date = sorted(published.world.tables)[3], published.world.last_date
    told = watch(first, date)
    assert [skipped["date"] for skipped in told["skipped"]] == [first]
    assert f"no champion before {first}; the first, version 1, was promoted on " in told["skipped"][0]["why"]
    assert "no champion had been promoted by" in told["published"][-1]["how"][0]
    overall = read_watch(published.catalog, date)[0]
    publish_candidates(published, date)
    predict(published, "--model", str(run))
    state = Freshness(published.catalog).verdict(WATCH, date)
    assert (state.state, state.reason) == (State.STALE, f"scores date={date} arrived later")
    watch(date)
    again = read_watch(published.catalog, date)[0]
    assert Freshness(published.catalog).verdict(WATCH, date).fresh
    assert (overall.pop("scored"), again.pop("scored")) == ("impressions", "candidates")
    assert again == pytest.approx(overall, abs=1e-5)


def test_impressions_that_were_not_candidates_are_scored_now_so_that_all_count(
    champion: tuple[Published, str, Path], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, _, run = champion
    date = published.world.last_date
    publish_candidates(published, date)
    predict(published, "--model", str(run))
    own = {key(row): row["probability"] for row in scores(published.catalog, date)}
    predict(published, "--model", str(run), "--top", "1")
    best = {key(row) for row in scores(published.catalog, date)}
    rows = published.world.tables[date].to_pylist()
    asked: list[list[dict]] = []

    def odd_scores(catalog: Catalog, day: str, keys: pa.Table) -> np.ndarray:
        asked.append(keys.to_pylist())
        found = given_scores(catalog, day, keys)
        assert [*np.isfinite(found)] == [key(row) in best for row in asked[0]]
        return np.where(np.isfinite(found), 0.123, np.nan)

    monkeypatch.setattr(watch_command, "given_scores", odd_scores)
    (told,) = watch(date)["published"]
    known = sum(key(row) in best for row in rows)
    assert 0 < known < len(rows)
    assert told["how"][-1] == f"{known} of {len(rows)} impressions had been scored as candidates"
    pairs = [(0.123 if key(row) in best else own[key(row)], row["label"]) for row in rows]
    overall = read_watch(published.catalog, date)[0]
    assert (overall["rows"], overall["scored"]) == (len(rows), "impressions")
    assert overall["auc"] == pytest.approx(slow_auc(pairs))
    assert overall["predicted_clicks"] == pytest.approx(sum(p for p, _ in pairs), rel=1e-5)


def test_the_figures_when_chosen_are_those_of_the_run_and_drift_is_told_by_feature(
    champion: tuple[Published, str, Path], watch: Watch
) -> None:
    published, _, run = champion
    date = published.world.last_date
    watch(date)
    overall = read_watch(published.catalog, date)[0]
    assert overall["chosen_auc"] == pytest.approx(main(["evaluate", "--artifacts", str(run)])["auc"])
    assert overall["feature"].split("_")[1] in ("imp", "clk"), "counts of all days grow fastest"
    assert overall["feature_psi"] > overall["score_psi"] >= 0
    few = next(line for line in read_watch(published.catalog, date) if line["rows"] < 20)
    assert few["score_psi"] is None


def test_a_killed_watch_leaves_the_old_figures_and_running_it_again_repairs_them(
    champion: tuple[Published, str, Path], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, _, run = champion
    date = published.world.last_date
    before = watch(date)["published"][0]["partition"]
    publish_candidates(published, date)
    predict(published, "--model", str(run))
    with monkeypatch.context() as killed:
        killed.setattr(StagedPartition, "__exit__", lambda *_: None)  # nobody cleans up after a kill
        killed.setattr(watch_command, "require_unchanged", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            watch(date)
    assert published.catalog.version(WATCH, date) == before
    after = watch(date)["published"][0]["partition"]
    assert published.catalog.version(WATCH, date) == after != before


def test_scores_of_another_run_are_not_the_champions(champion: tuple[Published, str, Path], watch: Watch) -> None:
    published, date = champion[0], champion[0].world.last_date
    with StagedPartition(published.catalog, SCORES, date) as staged:
        columns = [list(column) for column in SCORES.columns]
        staged.publish(Content(0, columns, "none"), [], scored_by={"antm2c.run": "artifacts_dnn_run_20230101-000000"})
    (told,) = watch(date)["published"]
    assert "dnn_run_20230101-000000, which never was the champion" in told["how"][1]


def test_impressions_that_are_missing_or_of_no_row_are_told(
    champion: tuple[Published, str, Path], watch: Watch
) -> None:
    published = champion[0]
    with pytest.raises(TrainingError, match=r"date=2024-01-01 is missing: .*run the stages for 2024-01-01"):
        watch("2024-01-01", alone=True)
    last = published.world.last_date
    told = watch(last, (calendar_date.fromisoformat(last) + timedelta(days=1)).isoformat())
    assert [line["date"] for line in told["published"]] == [last]
    assert "is missing" in told["skipped"][0]["why"]
    publish(published.catalog, "2024-01-01", published.world.tables[published.world.last_date].slice(0, 0))
    assert watch("2024-01-01")["skipped"] == [{"date": "2024-01-01", "why": "2024-01-01 has no impressions"}]
    shutil.rmtree(published.catalog.path(TRAIN, "2024-01-01"))
