"""Raw files as mapping.toml describes them: other names of columns, times in a format and a zone, scenes by name."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.spark_jobs.conftest import DATASET, Warehouse
from warehouse.scenes import number_of_scenes
from warehouse.tables import FEATURES_USER, LOGS, REJECTS

DAY = "2023-03-26"  # in Berlin, it has 23 hours
BERLIN = ZoneInfo("Europe/Berlin")
FORMAT = "d.M.yyyy, HH:mm"
HEADER = "uid,sku,at,clicked,label,page,brand"
MAPPING = f"""
[columns]
uid = "user_id"
sku = "item_id"
at = "log_time"
clicked = "label"
page = "scene"
brand = "deep_features_7"
[time]
format = "{FORMAT}"
zone = "Europe/Berlin"
[scenes]
home = 0
"It's \\\\ 特价" = 4
"101" = 1
"""


def write(warehouse: Warehouse, lines: list[str], mapping: str | None = MAPPING) -> None:
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("\n".join([HEADER, *lines, ""]))
    if mapping is not None:
        (warehouse.raw / "mapping.toml").write_text(mapping)


def line(time: str, scene: str = "home", user: str = "u", brand: str = "") -> str:
    return f'{user},i,"{time}",1,other,{scene},{brand}'


def test_columns_times_and_scenes_are_read_as_the_mapping_says(warehouse: Warehouse) -> None:
    times = ["26.3.2023, 00:00", "26.3.2023, 23:59", "26.3.2023, 03:30"]
    instants = ["2023-03-25T23:00:00Z", "2023-03-26T21:59:59.5Z"]
    scenes = {"It's \\ 特价": 4, "101": 1, "101.0": 1}
    wrong = {
        "25.3.2023, 23:59": "wrong_date",
        "27.3.2023, 00:00": "wrong_date",
        "2023-03-26T22:00:00Z": "wrong_date",
        "2023-03-26 12:00": "bad_log_time",
        "1679832000": "bad_log_time",
    }
    write(
        warehouse,
        [
            *(line(time, brand="acme") for time in (*times, *instants)),
            *(line(times[0], scene) for scene in scenes),
            *map(line, wrong),
            *(line(times[0], scene) for scene in ("0", "Home", "")),
        ],
    )
    warehouse.run("csv_to_orc", "--date", DAY, "--max-reject-rate", "1")
    rows = warehouse.rows(LOGS, DAY)
    expected = [datetime.strptime(time, "%d.%m.%Y, %H:%M").replace(tzinfo=BERLIN) for time in times]
    expected += map(datetime.fromisoformat, instants)
    home = [row for row in rows if row["scene"] == 0]
    assert sorted(row["log_ts"] for row in home) == sorted(
        time.astimezone(ZoneInfo("UTC")).replace(tzinfo=None) for time in expected
    )
    assert {(row["user_id"], row["item_id"], row["label"], row["deep_features_7"]) for row in home} == {
        ("u", "i", 1, "acme")
    }
    assert sorted(row["scene"] for row in rows if row["scene"]) == sorted(scenes.values())
    reasons = [row["reason"] for row in warehouse.rows(REJECTS, DAY)]
    assert sorted(reasons) == sorted([*wrong.values(), *["bad_scene"] * 3])


def test_rows_in_the_mappings_format_that_a_quote_swallowed_are_rejected(warehouse: Warehouse) -> None:
    good = "u,i,26.3.2023 12:00,1,other,home,"
    write(warehouse, [good, f'{good}"oops', *[good] * 3], MAPPING.replace(FORMAT, "d.M.yyyy HH:mm"))
    warehouse.run("csv_to_orc", "--date", DAY, "--max-reject-rate", "1")
    (reject,) = [row for row in warehouse.rows(REJECTS, DAY) if row["reason"] == "malformed"]
    assert reject["raw_line"].count("12:00") == 4
    assert len(warehouse.rows(LOGS, DAY)) == 1


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (None, "lacks user_id, item_id, log_time, scene; it must name user_id, item_id, log_time, label, scene, or"),
        (MAPPING.replace("uid", "user"), "lacks user; it must name user, sku, at, clicked, page (see mapping.toml)"),
        ("[scenes]\nhome = 7", "has 8 scenes (mapping.toml), but this process has begun with 5"),
        (MAPPING, "a log_time must look like d.M.yyyy, HH:mm or 2023-07-20T21:05:09+08:00 (mapping.toml)"),
    ],
)
def test_what_does_not_fit_ends_in_a_sentence(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, mapping: str | None, says: str
) -> None:
    write(warehouse, [line("2023-03-26 12:00")], mapping)
    with pytest.raises(SystemExit):
        warehouse.run("csv_to_orc", "--date", DAY)
    said = capfd.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert not Path(warehouse.catalog.path(LOGS, DAY)).exists()


@pytest.fixture
def command_on(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """This process works as a command on the warehouse does, whose scenes it then takes. Yields the command's words."""
    place = ["--warehouse", warehouse.uri, "--dataset", DATASET]
    monkeypatch.setattr(sys, "argv", ["a stage", *place])
    number_of_scenes.cache_clear()
    yield place
    monkeypatch.undo()
    number_of_scenes.cache_clear()


def test_seven_scenes_go_through_all_stages_into_a_model(warehouse: Warehouse, command_on: list[str]) -> None:
    random.seed(3)
    days = [f"2023-07-0{day}" for day in (1, 2, 3)]
    for day in days:
        folder = warehouse.raw / f"date={day}"
        folder.mkdir(parents=True)
        lines = [f"u{random.randrange(9)},i,{day} 12:00:00,{random.randrange(2)},{n % 8}" for n in range(80)]
        (folder / "a.csv").write_text("\n".join(["user_id,item_id,log_time,label,scene", *lines]))
    (warehouse.raw / "mapping.toml").write_text("scenes = 7")
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    assert {row["reason"] for row in warehouse.rows(REJECTS, days[0])} == {"bad_scene"}
    users = warehouse.rows(FEATURES_USER, days[-1])
    assert [sum(user[f"u_imp_s{scene}"] for user in users) for scene in range(7)] == [30] * 7
    train = [
        "train",
        *command_on,
        "--artifacts",
        str(warehouse.folder / "runs"),
        "--model",
        "lr",
        "--epochs",
        "1",
        "--train-days",
        "2",
    ]
    command = [sys.executable, "-m", "training", *train, "--as-of", days[-1]]
    trained = subprocess.run(command, capture_output=True, text=True, check=True)
    auc_by_scene = json.loads(trained.stdout.splitlines()[-1])["auc_by"]["scene"]
    assert [*auc_by_scene] == [str(scene) for scene in range(7)]
    assert None not in auc_by_scene.values()
