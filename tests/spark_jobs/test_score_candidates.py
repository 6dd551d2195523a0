"""Candidates are what their impressions would have been, in every cell and to the last bit of a score."""

import csv
import io
import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.feature_sources import MemorySource
from serving.models import ModelSource
from serving.service import Service
from tests.serving.test_no_skew import ask
from tests.spark_jobs.conftest import DATASET, Warehouse, bag, naive
from tests.spark_jobs.odd_logs import write_odd_logs
from tests.spark_jobs.oracle import Oracle
from training.cli import main
from warehouse.calendar_days import days_before
from warehouse.freshness import Freshness, State
from warehouse.tables import (
    CANDIDATE_FEATURES,
    CANDIDATE_REJECTS,
    CANDIDATES,
    LOGS,
    RAW,
    SCORES,
    SEQUENCES_USER,
    TRAIN,
    VALID_CANDIDATES,
)

LENIENT = ("--max-reject-rate", "1")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[str]]:
    """Odd logs of three days through all stages. Tests add candidates."""
    warehouse = Warehouse(tmp_path_factory.mktemp("loaded"))
    days = write_odd_logs(warehouse.raw, seed=5, offsets=[0, 1, 2], rows=120)
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    return warehouse, days


def candidates_of(warehouse: Warehouse, day: str) -> Path:
    folder = Path(warehouse.catalog.path(CANDIDATES, day))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def without(rows: list[dict], *names: str) -> list[dict]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def test_candidates_of_a_date_without_logs_are_checked_and_joined_as_logs_are(
    loaded: tuple[Warehouse, list[str]], tmp_path: Path
) -> None:
    """Odd files of the day after the logs, with a column of another name instead of the label."""
    warehouse, _ = loaded
    shutil.copytree(warehouse.raw, tmp_path / "raw")
    (day,) = write_odd_logs(tmp_path / "raw", seed=6, offsets=[3])
    candidates = candidates_of(warehouse, day)
    for file in (tmp_path / "raw" / f"date={day}").iterdir():
        header, *records = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""))) or [["label"]]
        at = header.index("label")
        good = [[*r[:at], "0", *r[at + 1 :]] if len(r) == len(header) else r for r in records]
        for place, name in ((file, "label"), (candidates / file.name, "other")):
            with place.open("w", encoding="utf-8", newline="") as written:
                csv.writer(written).writerows([[*header[:at], name, *header[at + 1 :]], *good] if good else [])
    warehouse.run("score_candidates", "--date", day, *LENIENT)

    oracle = Oracle(tmp_path / "raw")
    assert bag(warehouse.rows(VALID_CANDIDATES, day)) == bag(without(oracle.logs[day], "label"))
    assert bag(warehouse.rows(CANDIDATE_FEATURES, day)) == bag(without(oracle.training(day), "label"))
    rejects = Counter((row["source_file"], row["reason"]) for row in warehouse.rows(CANDIDATE_REJECTS, day))
    assert rejects == Counter(oracle.rejects[day])
    manifest = warehouse.catalog.manifest(VALID_CANDIDATES, day)
    assert manifest is not None
    assert manifest.rows_in == manifest.rows + len(oracle.rejects[day]) > manifest.rows > 0
    sequences = {row.pop("user_id"): row for row in warehouse.rows(SEQUENCES_USER, day)}
    assert sequences == oracle.sequences(day)


@pytest.mark.parametrize("model", ["dnn", "mmoe_content", "gbdt", "mmoe_din_text"])
def test_the_impressions_of_a_date_get_the_features_and_scores_that_they_had_with_labels(
    loaded: tuple[Warehouse, list[str]], tmp_path: Path, model: str
) -> None:
    warehouse, days = loaded
    day = days[-1]
    place = ("--warehouse", warehouse.uri, "--dataset", DATASET, "--artifacts", str(tmp_path))
    options = ("--model", model, "--text-encoder", "lsa", "--epochs", "1", "--train-days", "2")
    run = Path(main(["train", *place, "--as-of", day, *options])["artifacts"])
    impressions = [{"log_time": row["log_ts"].isoformat(), **row} for row in warehouse.rows(LOGS, day)]
    impressions = without(impressions, "label", "log_ts")
    with (candidates_of(warehouse, day) / "a.csv").open("w", encoding="utf-8", newline="") as written:
        writer = csv.DictWriter(written, list(impressions[0]))
        writer.writeheader()
        writer.writerows(impressions)
    warehouse.run("score_candidates", "--date", day)
    main(["predict", *place, "--model", str(run), "--date", day])

    assert bag(warehouse.rows(CANDIDATE_FEATURES, day)) == bag(without(warehouse.rows(TRAIN, day), "label"))
    assert answered(warehouse, run, day) == pytest.approx(
        {key(row): row["probability"] for row in warehouse.rows(SCORES, day)}, abs=1e-5
    )
    predicted = pq.read_table(run / "predictions.parquet").to_pylist()
    before = sorted((*key(row), row["probability"]) for row in predicted)
    after = sorted((*key(row), row["probability"]) for row in warehouse.rows(SCORES, day))
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert [row[-1] for row in after] == pytest.approx([row[-1] for row in before], abs=1e-7)
    ranks = defaultdict(list)
    for row in warehouse.rows(SCORES, day):
        ranks[row["user_id"], row["scene"]].append((row["rank"], -row["probability"]))
    assert all([rank for rank, _ in sorted(of)] == list(range(1, len(of) + 1)) for of in ranks.values())
    assert all(sorted(of) == sorted(of, key=lambda pair: (pair[1], pair[0])) for of in ranks.values())


def answered(warehouse: Warehouse, run: Path, day: str) -> dict[tuple, float]:
    """The probabilities that the endpoint gives the date's candidates, with the features of the day before."""
    features = MemorySource(warehouse.catalog, days_before(day, 1))
    service = Service(warehouse.catalog, features, ModelSource(str(run), warehouse.catalog, ""))
    service.refresh()
    assert service.problems == []
    rows = warehouse.rows(VALID_CANDIDATES, day)
    answers = ask(TestClient(create_app(service)), rows)
    return {key(row): answer["scores"][0]["probability"] for row, answer in zip(rows, answers, strict=True)}


def key(row: dict) -> tuple:
    return row["user_id"], row["item_id"], naive(row["log_ts"]), row["scene"]


def test_a_date_is_refused_until_the_logs_of_the_day_before_have_arrived(
    loaded: tuple[Warehouse, list[str]], capfd: pytest.CaptureFixture
) -> None:
    warehouse, _ = loaded
    (candidates_of(warehouse, "2023-07-06") / "a.csv").write_text("user_id,item_id,log_time,scene\n")
    with pytest.raises(SystemExit) as ended:
        warehouse.run("score_candidates", "--date", "2023-07-06")
    assert ended.value.code == 1
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: score_candidates 2023-07-06: features_user_{DATASET} date=2023-07-05 is missing")


def test_the_mapping_and_the_formats_of_raw_logs_hold_for_candidates(warehouse: Warehouse) -> None:
    """Names, times and scenes as mapping.toml of the raw logs has them. There is no label, and none is needed."""
    days, names = ("2023-07-01", "2023-07-02"), ("uid", "item_id", "at", "page")
    for table, day, label in ((RAW, days[0], ["label"]), (CANDIDATES, days[1], [])):
        folder = Path(warehouse.catalog.path(table, day))
        folder.mkdir(parents=True)
        row = ["u", "i", day.replace("-", "") + " 01:30", "home", *["1" for _ in label]]
        (folder / "a.csv").write_text(f"{','.join([*names, *label])}\n{','.join(row)}\n")
    shown = dict(zip(names, ["v", "j", "20230702 23:59", "home"], strict=True))
    (folder / "b.jsonl").write_text(json.dumps(shown) + "\n")
    pq.write_table(pa.Table.from_pylist([{**shown, "page": "other"}]), folder / "c.parquet")
    (warehouse.raw / "mapping.toml").write_text(
        '[columns]\nuid = "user_id"\nat = "log_time"\npage = "scene"\n'
        '[time]\nformat = "yyyyMMdd HH:mm"\nzone = "Asia/Shanghai"\n[scenes]\nhome = 3\nlast = 4\n'
    )
    warehouse.run_all("--date", days[0])
    warehouse.run("score_candidates", "--date", days[1], *LENIENT)

    found = [
        (row["user_id"], row["log_ts"].isoformat(), row["scene"]) for row in warehouse.rows(VALID_CANDIDATES, days[1])
    ]
    assert sorted(found) == [("u", "2023-07-01T17:30:00", 3), ("v", "2023-07-02T15:59:00", 3)]
    histories = {row["user_id"]: row["ui_imp_hist"] for row in warehouse.rows(CANDIDATE_FEATURES, days[1])}
    assert histories == {"u": 1, "v": 0}
    (reject,) = warehouse.rows(CANDIDATE_REJECTS, days[1])
    assert (reject["source_file"], reject["reason"]) == ("c.parquet", "bad_scene")
    assert Freshness(warehouse.catalog).verdict(CANDIDATE_FEATURES, days[1]).fresh
    with (warehouse.raw / "mapping.toml").open("a") as mapping:
        mapping.write("other = 1\n")
    assert Freshness(warehouse.catalog).verdict(VALID_CANDIDATES, days[1]).state is State.STALE
