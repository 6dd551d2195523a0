"""The presets, and settings that are refused."""

from dataclasses import replace

import pytest

from sample_logs.settings import PRESETS, SCENES, Settings

# Rows, users and items of the AntM2C release by scene.
RELEASE = [
    (653_257, 34_569, 24_973),
    (2_757_994, 46_717, 11_663),
    (5_698_072, 67_133, 10_549),
    (1_269_308, 28_407, 17_497),
    (812_354, 14_930, 20_655),
]


def test_scenes_are_the_releases() -> None:
    assert [(scene.rows, scene.users, scene.items) for scene in SCENES] == RELEASE


def test_the_10m_preset_has_the_releases_size() -> None:
    settings = PRESETS["10m"]
    assert (settings.rows, settings.users, settings.days, settings.deep_features) == (11_190_985, 67_624, 30, True)
    assert settings.items == sum(items for _, _, items in RELEASE)
    assert (settings.dates[0], settings.dates[-1]) == ("2023-07-10", "2023-08-08")


def test_the_demo_preset_has_200_000_rows_on_14_days() -> None:
    assert (PRESETS["demo"].rows, PRESETS["demo"].days, PRESETS["demo"].deep_features) == (200_000, 14, False)


def test_the_10k_preset_has_10_000_rows() -> None:
    assert PRESETS["10k"].rows == 10_000


def test_scenes_click_rates_give_the_releases_overall() -> None:
    rows = sum(scene.rows for scene in SCENES)
    assert sum(scene.rows * scene.ctr for scene in SCENES) / rows == pytest.approx(0.337, abs=0.001)


def test_dates_run_over_a_leap_day() -> None:
    settings = replace(PRESETS["10k"], start_date="2024-02-28", days=3)
    assert settings.dates == ["2024-02-28", "2024-02-29", "2024-03-01"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"days": 0}, "days is 0"),
        ({"days": -3}, "days is -3"),
        ({"rows": 4}, "5 dates need at least 5 rows"),
        ({"seed": -1}, "may not be negative"),
        ({"start_date": "2023-7-10"}, "write it like 2023-07-10"),
        ({"start_date": "20230710"}, "write it like 2023-07-10"),
        ({"start_date": "2023-02-30"}, "write it like 2023-07-10"),
        ({"start_date": "9999-12-30"}, "write it like 2023-07-10"),
        ({"items": 9_000_001}, "seven digits"),
    ],
)
def test_settings_without_logs_are_refused(changed: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(PRESETS["10k"], **changed)


def test_few_rows_still_have_users_and_items_in_every_scene() -> None:
    assert isinstance(PRESETS["demo"].resized(14, 14), Settings)
    assert PRESETS["demo"].resized(14, 14).users >= 200
