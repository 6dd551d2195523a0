"""The predict command on candidates that are published as Spark would publish them."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import Published
from training.cli import main
from training.commands import predict as predict_command
from training.errors import TrainingError
from training.evaluation.score_ranks import ranked, whole_users
from training.evaluation.scores_table import write_scores
from training.tracking.champion import Champion
from training.tracking.champion_history import Reign, reigns_of
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State
from warehouse.manifest import Input
from warehouse.publish import Content, StagedPartition
from warehouse.tables import CANDIDATE_FEATURES, SCENES, SCORES, TRAIN, VALID_CANDIDATES


def publish_candidates(published: Published, date: str, rows: pa.Table | None = None, files: int = 1) -> None:
    """The rows of a training table without labels, those of a user and scene one after the other in one file."""
    catalog, table = published.catalog, published.world.tables[date] if rows is None else rows
    columns = [list(column) for column in CANDIDATE_FEATURES.columns]
    with StagedPartition(catalog, VALID_CANDIDATES, date) as staged:
        staged.publish(Content(len(table), [list(column) for column in VALID_CANDIDATES.columns], str(len(table))), [])
    with StagedPartition(catalog, CANDIDATE_FEATURES, date) as staged:
        for scene in SCENES:
            of_scene = table.filter(pa.compute.equal(table["scene"], scene)).drop_columns(["scene", "label"])
            number = np.array([int(user[1:]) % files for user in of_scene["user_id"].to_pylist()])
            for file in range(files):
                folder = Path(staged.path) / f"scene={scene}"
                folder.mkdir(exist_ok=True)
                part = of_scene.filter(pa.array(number == file)).sort_by("user_id")
                pq.write_table(part, folder / f"part-{file}.parquet", row_group_size=50)
        staged.publish(Content(len(table), columns, str(len(table))), [catalog.input(VALID_CANDIDATES, date)])


def predict(published: Published, *arguments: str, date: str | None = None) -> dict:
    place = ["--warehouse", published.folder.as_uri(), "--dataset", "demo"]
    return main(["predict", *place, "--date", date or published.world.last_date, *arguments])


def scores(catalog: Catalog, date: str) -> list[dict]:
    return [
        row for file in Path(catalog.path(SCORES, date)).glob("*.parquet") for row in pq.read_table(file).to_pylist()
    ]


def key(row: dict) -> tuple:
    return row["user_id"], row["item_id"], row["log_ts"], row["scene"]


def scored_as(row: dict) -> tuple:
    return (*key(row), row["probability"])


@pytest.fixture(scope="module")
def candidates(published: Published) -> Published:
    publish_candidates(published, published.world.last_date, files=2)
    return published


@pytest.fixture(scope="module")
def run(finished: tuple[Path, dict]) -> Path:
    return finished[0]


def test_every_candidate_is_scored_as_in_validation_and_ranked_within_its_user_and_scene(
    candidates: Published, run: Path
) -> None:
    summary = predict(candidates, "--model", str(run))
    found = scores(candidates.catalog, candidates.world.last_date)
    validated = sorted(pq.read_table(run / "predictions.parquet").to_pylist(), key=scored_as)
    assert [key(row) for row in sorted(found, key=scored_as)] == [key(row) for row in validated]
    assert [row["probability"] for row in sorted(found, key=scored_as)] == pytest.approx(
        [row["probability"] for row in validated], abs=1e-7
    )
    by_user = defaultdict(list)
    for row in found:
        by_user[row["user_id"], row["scene"]].append(row)
    for rows in by_user.values():
        best_first = sorted(rows, key=lambda row: (-row["probability"], row["item_id"], row["log_ts"]))
        assert [row["rank"] for row in best_first] == list(range(1, len(rows) + 1))
    assert {row["run"] for row in found} == {run.name} == {summary["run"]}
    manifest = candidates.catalog.manifest(SCORES, candidates.world.last_date)
    assert (manifest.rows, manifest.scored_by["antm2c.run"]) == (len(found), run.name)
    assert Freshness(candidates.catalog).verdict(SCORES, candidates.world.last_date).fresh


def test_the_best_of_each_user_and_scene_may_be_kept_alone(candidates: Published, run: Path) -> None:
    date = candidates.world.last_date
    predict(candidates, "--model", str(run))
    everyone = scores(candidates.catalog, date)
    predict(candidates, "--model", str(run), "--top", "2")
    best = scores(candidates.catalog, date)
    assert sorted(map(str, best)) == sorted(str(row) for row in everyone if row["rank"] <= 2)
    assert candidates.catalog.manifest(SCORES, date).parameters == {"top": 2}


def test_the_version_depends_on_the_content_and_not_on_the_order(candidates: Published, run: Path) -> None:
    date, catalog = candidates.world.last_date, candidates.catalog
    version = predict(candidates, "--model", str(run))["published"][0]["version"]
    assert predict(candidates, "--model", str(run))["published"][0]["version"] == version
    (file,) = Path(catalog.path(SCORES, date)).glob("*.parquet")
    table = pq.read_table(file)
    shuffled = table.take(np.random.default_rng(7).permutation(len(table)))
    changed = table.set_column(0, "user_id", table["user_id"].take(np.roll(np.arange(len(table)), 1)))
    with StagedPartition(catalog, SCORES, date) as staged:
        first, second, third = (
            write_scores([rows.slice(0, 90), rows.slice(90)], staged, catalog.storage)
            for rows in (table, shuffled, changed)
        )
    assert first == second
    assert first.checksum != third.checksum


def test_a_user_is_not_cut_where_a_piece_ends() -> None:
    users = [user for user in range(9) for _ in range(user)]
    whole = pa.table({"user_id": [f"u{user}" for user in users], "scene": [user % 2 for user in users]})
    whole = whole.append_column("item_id", pa.array([str(number) for number in range(len(users))]))
    whole = whole.append_column("log_ts", pa.array([0] * len(users)))
    whole = whole.append_column("probability", pa.array(np.random.default_rng(7).random(len(users))))
    pieces = [whole.slice(start, 4) for start in range(0, len(users), 4)]
    regrouped = list(whole_users(pieces, least_rows=5))
    assert len(regrouped) > 3
    assert pa.concat_tables(map(ranked, regrouped)).equals(ranked(whole))
    assert list(whole_users([])) == []


def test_the_champion_scores_and_a_champion_that_moves_meanwhile_is_told(
    candidates: Published, run: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(TrainingError, match=r"dataset demo has no champion yet in sqlite:.*: promote a run"):
        predict(candidates, "--model", "champion", "--tracking-uri", tracking_uri)
    main(["promote", "--tracking-uri", tracking_uri, "--artifacts", str(run)])
    summary = predict(candidates, "--model", "champion", "--tracking-uri", tracking_uri)
    assert (summary["run"], summary["version"], summary["champion_now"]) == (run.name, "1", None)
    other = Champion("2", "artifacts_mmoe_run_20230720-000000", "", "")
    monkeypatch.setattr(predict_command, "champion_of", Mock(return_value=other))
    assert predict(candidates, "--model", "champion", "--tracking-uri", tracking_uri)["champion_now"] == "2"
    assert f"the champion is now version 2 ({other.run})" in capsys.readouterr().out


def test_each_date_may_be_scored_by_the_champion_of_its_time(
    own_published: Published, run: Path, tracking_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = own_published.catalog.dates(TRAIN)[-2:]
    for date in (first, last):
        publish_candidates(own_published, date)
    main(["promote", "--tracking-uri", tracking_uri, "--artifacts", str(run)])
    (real,) = reigns_of(tracking_uri, "demo")
    crowned = datetime.fromisoformat(last).replace(tzinfo=UTC) - timedelta(hours=1)
    earlier = replace(real, as_of="2023-07-01", crowned=(datetime(2023, 7, 2, tzinfo=UTC),), present=False)
    later = Reign(replace(real.champion, version="2"), "2023-07-02", (crowned,), present=True)
    monkeypatch.setattr(predict_command, "reigns_of", Mock(return_value=[earlier, later]))
    place = ["--warehouse", own_published.folder.as_uri(), "--dataset", "demo", "--tracking-uri", tracking_uri]
    asked = ["predict", *place, "--model", "champion-then", "--start-date", first, "--end-date", last]
    summary = main(asked)
    assert [(entry["date"], entry["champion"]) for entry in summary["published"]] == [(first, "1"), (last, "2")]
    assert (summary["run"], summary["version"], summary["champion_now"]) == (run.name, "2", None)
    monkeypatch.setattr(predict_command, "reigns_of", Mock(return_value=[replace(real, as_of=last)]))
    version = own_published.catalog.version(SCORES, first)
    with pytest.raises(TrainingError, match=rf"no champion before {first}; the first, version 1, was promoted on "):
        main(asked)
    assert own_published.catalog.version(SCORES, first) == version


def test_candidates_that_are_missing_or_stale_are_named(own_published: Published, run: Path) -> None:
    date, catalog = own_published.world.last_date, own_published.catalog
    with pytest.raises(TrainingError, match=rf"candidate_features_demo_parquet date={date} is missing: .*run score_"):
        predict(own_published, "--model", str(run))
    publish_candidates(own_published, date)
    predict(own_published, "--model", str(run))
    with StagedPartition(catalog, VALID_CANDIDATES, date) as staged:
        staged.publish(Content(1, [list(column) for column in VALID_CANDIDATES.columns], "late rows"), [])
    with pytest.raises(TrainingError, match=rf"date={date} is stale: valid_candidates date={date} has changed"):
        predict(own_published, "--model", str(run))
    assert Freshness(catalog).verdict(SCORES, date).state is State.STALE


def test_a_killed_predict_leaves_the_old_scores_and_running_it_again_repairs_them(
    own_published: Published, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = own_published.world.last_date
    publish_candidates(own_published, date)
    before = predict(own_published, "--model", str(run))["published"][0]["version"]
    with monkeypatch.context() as killed:
        killed.setattr(StagedPartition, "__exit__", lambda *_: None)  # nobody cleans up after a kill
        killed.setattr(predict_command, "require_unchanged", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            predict(own_published, "--model", str(run), "--top", "1")
    assert own_published.catalog.version(SCORES, date) == before
    after = predict(own_published, "--model", str(run), "--top", "1")["published"][0]["version"]
    assert own_published.catalog.version(SCORES, date) == after != before


def test_a_range_is_scored_date_by_date(own_published: Published, run: Path) -> None:
    first, last = own_published.catalog.dates(TRAIN)[-2:]
    for date in (first, last):
        publish_candidates(own_published, date)
    place = ["--warehouse", own_published.folder.as_uri(), "--dataset", "demo"]
    main(["predict", *place, "--model", str(run), "--start-date", first, "--end-date", last])
    assert own_published.catalog.dates(SCORES) == [first, last]
    with pytest.raises(TrainingError, match="either --date, or both"):
        main(["predict", *place, "--model", str(run), "--start-date", first])


def test_new_ids_and_missing_texts_are_scored_as_in_training(
    worded: Published, finished_content: tuple[Path, dict]
) -> None:
    rows = worded.world.tables[worded.world.last_date]
    new = rows.set_column(0, "user_id", pa.array(["u999999"] * len(rows)))
    new = new.set_column(new.column_names.index("item_title"), "item_title", pa.array([""] * len(rows)))
    publish_candidates(worded, worded.world.last_date, new)
    predict(worded, "--model", str(finished_content[0]))
    found = scores(worded.catalog, worded.world.last_date)
    assert len(found) == len(rows)
    assert all(0 < row["probability"] < 1 for row in found)


def test_a_run_of_another_dataset_is_refused(candidates: Published, run: Path) -> None:
    other = Catalog(str(candidates.folder), "other")
    with StagedPartition(other, CANDIDATE_FEATURES, candidates.world.last_date) as staged:
        staged.publish(
            Content(0, [list(column) for column in CANDIDATE_FEATURES.columns], "0-0"),
            [Input(TRAIN.folder, candidates.world.last_date, None)],
        )
    place = ["--warehouse", candidates.folder.as_uri(), "--dataset", "other", "--date", candidates.world.last_date]
    with pytest.raises(TrainingError, match="was trained on dataset demo, and cannot score dataset other"):
        main(["predict", *place, "--model", str(run)])
