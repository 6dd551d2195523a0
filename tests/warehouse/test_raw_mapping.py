"""mapping.toml says how a dataset's raw files differ, and a mistake in it ends in a sentence."""

import sys
from pathlib import Path

import pytest

from tests.warehouse.conftest import DAY, receive, record
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.freshness import Freshness, State
from warehouse.raw_mapping import RawMapping, parse_mapping
from warehouse.scenes import number_of_scenes
from warehouse.tables import DAILY_USER, LOGS, RAW


def put_mapping(catalog: Catalog, text: str) -> None:
    catalog.storage.write_text(f"{catalog.table_path(RAW)}/mapping.toml", text)


def test_everything_that_it_may_say() -> None:
    mapping = parse_mapping(
        """
        [columns]
        uid = "user_id"
        "Item Brand" = "deep_features_3"
        tags = "deep_features_4"
        [lists]
        Tags = "|"
        deep_features_5 = ", "
        [time]
        format = "d MMM yyyy 'at' h:mm:ss.SSS a XXX"
        zone = "Asia/Shanghai"
        [scenes]
        home = 0
        "101" = 4
        """,
        "mapping.toml",
    )
    assert mapping == RawMapping(
        {"uid": "user_id", "Item Brand": "deep_features_3", "tags": "deep_features_4"},
        "d MMM yyyy 'at' h:mm:ss.SSS a XXX",
        "Asia/Shanghai",
        {"home": 0, "101": 4},
        5,
        {"deep_features_4": "|", "deep_features_5": ", "},
    )
    names = [" UID", "item brand", "label", "user_id", "deep_features_3", "other"]
    assert [*map(mapping.column_of, names)] == ["user_id", "deep_features_3", "label", None, None, None]
    assert parse_mapping("\ufeff", "mapping.toml") == RawMapping()
    assert parse_mapping("scenes = 7\n[columns]", "mapping.toml") == RawMapping(number_of_scenes=7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[columns", "is not TOML"),
        ("[column]\nuid = 'user_id'", "unknown section 'column'; allowed are columns, lists, time, scenes"),
        ("columns = 1", "write it as a section, [columns]"),
        ("[columns]\nuid = 'user'", "maps 'uid' to 'user', which is no column"),
        ("[columns]\na.b = 'user_id'", "in quotes if it has dots"),
        ("[columns]\na = 'label'\nb = 'label'", "maps 'a' and 'b' to label; keep one of them"),
        ("[columns]\na = 'label'\nA = 'scene'", "has 'a' and 'A'"),
        ("[columns]\nLabel = 'scene'", "no column for label; say which"),
        (
            "[lists]\ntags = '|'",
            "[lists] has 'tags', which is no column; map it in [columns] to one of deep_features_0",
        ),
        (
            "[lists]\nuser_id = '|'",
            "[lists] has 'user_id', which is user_id; map it in [columns] to one of deep_features",
        ),
        (
            "[lists]\ndeep_features_1 = ''",
            "gives '' as the separator of 'deep_features_1'; write in quotes the characters",
        ),
        ("[time]\nformats = 'yyyy'", "unknown key in [time] 'formats'; allowed are format, zone"),
        ("[time]\nformat = 7", "write it as a text"),
        ("[time]\nformat = '%Y-%m-%d %H:%M'", "has '%'; use yyyy MM dd"),
        ("[time]\nformat = 'YYYY-MM-dd HH:mm'", "has 'YYYY'; use yyyy MM dd"),
        ("[time]\nformat = 'yyyy-MM-dd hh:mm'", "lacks a; use yyyy MM dd"),
        ("[time]\nformat = 'yyyy-MM-dd'", "lacks H and m; use"),
        ("[time]\nzone = 'Shanghai'", "the time zone 'Shanghai' is unknown; write a name such as \"Asia/Shanghai\""),
        ("[time]\nzone = 8", "the time zone 8 is unknown"),
        ("[time]\nzone = 'localtime'", "the time zone 'localtime' is unknown"),
        ("[scenes]\nhome = '0'", "gives 'home' the number '0'; write a whole number, 0 to 999"),
        ("[scenes]\nhome = true", "write a whole number, 0 to 999"),
        ("scenes = 0", "scenes is 0; write how many there are, 1 to 1000, or their names as a section, [scenes]"),
        ("scenes = ['home']", "write how many there are"),
        ("[scenes]\nhome = 1\nstart = 1", "gives 'home' and 'start' the number 1; a scene has one name"),
        ("[scenes]\nhome = 0\nhome = 1", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(local: Catalog, text: str, says: str) -> None:
    put_mapping(local, text)
    with pytest.raises(WarehouseError) as raised:
        local.raw_mapping()
    assert says in str(raised.value)
    assert f"{local.storage.root}/raw_test/mapping.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "scenes"),
    [("", 5), ("scenes = 7", 7), ("[scenes]\nhome = 0\nsearch = 1", 2), ("[scenes]", 5), ("[time]", 5)],
)
def test_the_mapping_tells_how_many_scenes_there_are(local: Catalog, text: str, scenes: int) -> None:
    put_mapping(local, text)
    assert local.scenes == scenes


def test_a_variable_that_contradicts_the_mapping_is_refused(local: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_SCENES", "6")
    assert local.scenes == 6
    put_mapping(local, "scenes = 6")
    assert local.scenes == 6
    put_mapping(local, "scenes = 7")
    with pytest.raises(WarehouseError, match=r"mapping.toml has 7 scenes, but ANTM2C_SCENES is 6: do not set"):
        _ = local.scenes


def test_another_number_of_scenes_makes_stale_what_has_columns_of_scenes(local: Catalog) -> None:
    for table in (LOGS, DAILY_USER):
        record(local, table, DAY, "v", [])
    put_mapping(local, "scenes = 7")
    freshness = Freshness(local)  # the raw files are archived, so that the mapping counts for nothing else
    assert freshness.verdict(LOGS, DAY).fresh
    assert freshness.verdict(DAILY_USER, DAY).reason == "the columns of its table have changed"
    with pytest.raises(WarehouseError, match=r"has 7 scenes \(mapping.toml\), but this process has begun with 5"):
        local.require_scenes()


@pytest.mark.parametrize(
    ("text", "scenes"),
    # What is wrong must not fail imports, or take forever: require_scenes says it.
    [
        ("scenes = 7", 7),
        ("[scenes]\nhome = 2", 3),
        ("scenes = 10000000", 5),
        ("[scenes]\nhome = 'a'", 5),
        ("[scenes", 5),
    ],
)
def test_a_command_works_with_the_scenes_of_the_dataset_that_it_names(
    local: Catalog, monkeypatch: pytest.MonkeyPatch, text: str, scenes: int
) -> None:
    put_mapping(local, text)
    monkeypatch.setattr(sys, "argv", ["a stage", "--dataset", local.dataset, f"--warehouse={local.storage.root}"])
    number_of_scenes.cache_clear()
    names = DAILY_USER.column_names
    monkeypatch.undo()
    number_of_scenes.cache_clear()
    assert names == ["user_id", *(f"{kind}_s{scene}" for kind in ("imp", "clk") for scene in range(scenes))]


def test_a_mapping_that_arrives_or_changes_makes_logs_stale(catalog: Catalog) -> None:
    receive(catalog, DAY)
    record(catalog, LOGS, DAY, "v1", [catalog.input(RAW, DAY)])
    assert Freshness(catalog).verdict(LOGS, DAY).fresh
    put_mapping(catalog, "[time]\nzone = 'UTC'")
    assert Freshness(catalog).verdict(LOGS, DAY).reason == f"raw date={DAY} has changed since it was read"
    record(catalog, LOGS, DAY, "v2", [catalog.input(RAW, DAY)])
    assert Freshness(catalog).verdict(LOGS, DAY).fresh
    put_mapping(catalog, "[time]\nzone = '+08:00'")
    assert Freshness(catalog).verdict(LOGS, DAY).state is State.STALE
    catalog.storage.remove(catalog.path(RAW, DAY))
    assert Freshness(catalog).verdict(LOGS, DAY).fresh  # archived: it could not be read again
    assert catalog.misplaced_raw() == []


def test_a_mapping_that_cannot_be_read_is_named(local: Catalog) -> None:
    Path(local.mapping_path).parent.mkdir(parents=True)
    Path(local.mapping_path).write_bytes('[scenes]\n"首页" = 0'.encode("gbk"))
    with pytest.raises(WarehouseError, match=r"mapping.toml is not in UTF-8 .* save it in UTF-8"):
        local.raw_mapping()
    Path(local.mapping_path).unlink()
    Path(local.mapping_path).mkdir()
    with pytest.raises(WarehouseError, match=r"mapping.toml is a folder"):
        local.raw_mapping()
