"""Who should be the champion."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from tests.training.conftest import Published
from tests.training.logs import publish
from training.cli import main
from training.commands.challenge import lead_by_segment, verdict
from training.errors import TrainingError
from training.evaluation.auc import AucDifference
from training.evaluation.predictions import LEVELS
from warehouse.tables import SCENES, TRAIN

AHEAD, LEVEL, BEHIND = (AucDifference(at, at - 0.01, at + 0.01, 0.5) for at in (0.02, 0.001, -0.02))


def challenge(uri: str, *folders: Path) -> dict:
    return main(["challenge", "--tracking-uri", uri, "--artifacts", *map(str, folders)])


def crown(uri: str, folder: Path | str) -> None:
    main(["promote", "--tracking-uri", uri, "--artifacts", str(folder)])


def predictions(rows: int = 900) -> pa.Table:
    rng = np.random.default_rng(3)
    levels = {f"{entity}_level": pa.array(rng.choice(LEVELS, rows)).dictionary_encode() for entity in ("user", "item")}
    label = rng.integers(2, size=rows)
    logit = (label + rng.normal(size=rows)).round(1)
    user = pa.array(rng.integers(9, size=rows).astype(str)).dictionary_encode()
    columns = {"user_id": user, "scene": rng.choice(SCENES[:4], rows)}
    return pa.table({**columns, "label": label, "logit": logit, "probability": 1 / (1 + np.exp(-logit)), **levels})


def test_the_lead_in_each_segment_is_that_of_its_rows() -> None:
    table = predictions()
    champion = np.random.default_rng(4).normal(size=len(table)) + table["label"].to_numpy()
    tests = lead_by_segment(table, champion)
    lines = [{**line, "champion": score} for line, score in zip(table.to_pylist(), champion, strict=True)]
    segments = {f"scene {scene}": [line for line in lines if line["scene"] == scene] for scene in SCENES}
    for entity in ("user", "item"):
        for level in LEVELS:
            segments[f"{entity} {level}"] = [line for line in lines if line[f"{entity}_level"] == level]
    assert set(tests) == {"overall", *segments}
    for name, chosen in {"overall": lines, **segments}.items():
        if not chosen:  # a scene without rows
            assert tests[name] is None
            continue
        labels = [line["label"] for line in chosen]
        of_each = [roc_auc_score(labels, [line[who] for line in chosen]) for who in ("logit", "champion")]
        assert tests[name].difference == pytest.approx(of_each[0] - of_each[1], abs=1e-12)


@pytest.mark.parametrize(
    ("tests", "promote", "reason"),
    [
        ({"overall": AHEAD, "scene 0": LEVEL, "item zero": None}, True, "it is better by +0.0200 AUC"),
        ({"overall": LEVEL, "scene 0": AHEAD}, False, "its lead is not above 0 for certain, +0.0010 AUC"),
        ({"overall": None}, False, "its lead is not above 0 for certain, too few rows to say"),
        (
            {"overall": AHEAD, "scene 0": BEHIND, "item zero": AHEAD},
            False,
            "it is significantly worse on scene 0 -0.",
        ),
    ],
)
def test_a_lead_counts_where_it_is_certain_and_costs_nobody(tests: dict, promote: bool, reason: str) -> None:
    decision = verdict(tests)
    assert decision.promote is promote
    assert decision.reason.startswith(reason)


@pytest.fixture(scope="module")
def untrained(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the same window whose weights have hardly moved."""
    artifacts = tmp_path_factory.mktemp("untrained")
    return Path(main(published.arguments(artifacts, "--learning-rate", "1e-9", "--seed", "2"))["artifacts"])


def test_the_best_run_takes_the_place_of_a_champion_that_it_beats(
    finished: tuple[Path, dict], untrained: Path, tracking_uri: str
) -> None:
    first = challenge(tracking_uri, untrained)
    assert (first["promote"], first["reason"]) == (True, "there is no champion yet")
    crown(tracking_uri, untrained)
    decision = challenge(tracking_uri, untrained, finished[0])
    assert decision["promote"]
    assert decision["challenger"] == str(finished[0])
    assert decision["champion"]["run"] == untrained.name
    side_by_side = main(["compare", "--artifacts", str(untrained), str(finished[0])])["runs"]
    assert decision["tests"]["overall"] == pytest.approx(side_by_side[1]["against_first"], abs=1e-6)


def test_a_champion_stays_where_no_run_beats_it_or_is_itself_the_best(
    finished: tuple[Path, dict], untrained: Path, tracking_uri: str
) -> None:
    crown(tracking_uri, finished[0])
    assert challenge(tracking_uri, untrained, finished[0])["reason"] == "it is the champion"
    decision = challenge(tracking_uri, untrained)
    assert not decision["promote"]
    assert decision["reason"].startswith("its lead is not above 0 for certain, -0.")


def test_a_champion_of_an_earlier_day_is_judged_on_todays_rows(
    worded: Published, finished_content: tuple[Path, dict], tracking_uri: str, tmp_path: Path
) -> None:
    day_before = worded.arguments(tmp_path, "--model", "dnn_content", "--text-encoder", "lsa")
    day_before[day_before.index("--as-of") + 1] = worded.catalog.dates(TRAIN)[-2]
    day_before[day_before.index("--train-days") + 1] = str(worded.world.days - 2)
    crown(tracking_uri, main(day_before)["artifacts"])
    tests = challenge(tracking_uri, finished_content[0])["tests"]
    assert tests["overall"]["low"] < tests["overall"]["difference"] < tests["overall"]["high"]


def test_a_handful_of_rows_decides_nothing() -> None:
    table = predictions(300)
    labels = table["label"].to_numpy().copy()
    few = table["scene"].to_numpy() == SCENES[0]
    labels[few] = np.arange(few.sum()) < 9  # clicked rows
    tests = lead_by_segment(table.set_column(2, "label", pa.array(labels)), -labels.astype(float))
    assert tests[f"scene {SCENES[0]}"] is None
    assert tests["overall"].high < 1


@pytest.mark.parametrize("days_back", [1, 3])
def test_a_champion_that_has_seen_the_rows_or_later_ones_is_not_judged_by_them(
    published: Published, finished: tuple[Path, dict], tracking_uri: str, tmp_path: Path, days_back: int
) -> None:
    crown(tracking_uri, finished[0])
    trained_on = published.catalog.dates(TRAIN)[:-1]
    earlier = published.arguments(tmp_path, "--train-days", "2")
    earlier[earlier.index("--as-of") + 1] = trained_on[-days_back]
    decision = challenge(tracking_uri, Path(main(earlier)["artifacts"]))
    assert not decision["promote"]
    assert f"the champion has seen rows up to {trained_on[-1]}" in decision["reason"]


def test_rows_that_have_changed_since_are_named(own_published: Published, tracking_uri: str, tmp_path: Path) -> None:
    run = Path(main(own_published.arguments(tmp_path / "a"))["artifacts"])
    other = Path(main(own_published.arguments(tmp_path / "b", "--seed", "5"))["artifacts"])
    crown(tracking_uri, run)
    date = own_published.world.last_date
    publish(own_published.catalog, date, own_published.world.tables[date].slice(1))
    with pytest.raises(TrainingError, match=f"{date} has changed since {other.name}"):
        challenge(tracking_uri, other)
