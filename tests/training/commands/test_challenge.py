"""The challenge command on real runs."""

from pathlib import Path

import pytest

from tests.training.conftest import Published
from tests.training.logs import publish
from training.cli import main
from training.errors import TrainingError
from warehouse.tables import TRAIN


def challenge(uri: str, *folders: Path) -> dict:
    return main(["challenge", "--tracking-uri", uri, "--artifacts", *map(str, folders)])


def crown(uri: str, folder: Path | str) -> None:
    main(["promote", "--tracking-uri", uri, "--artifacts", str(folder)])


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
    assert decision["reason"].startswith("its lead over the champion is not significant: -0.")


def test_a_champion_of_an_earlier_day_is_judged_on_todays_rows(
    worded: Published,
    finished_content: tuple[Path, dict],
    tracking_uri: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    day_before = worded.arguments(tmp_path, "--model", "dnn_content", "--text-encoder", "lsa")
    day_before[day_before.index("--as-of") + 1] = worded.catalog.dates(TRAIN)[-2]
    day_before[day_before.index("--train-days") + 1] = str(worded.world.days - 2)
    crown(tracking_uri, main(day_before)["artifacts"])
    tests = challenge(tracking_uri, finished_content[0])["tests"]
    assert tests["overall"]["low"] < tests["overall"]["difference"] < tests["overall"]["high"]
    assert capsys.readouterr().err == "", "Airflow shows as an error what goes there"


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
    assert f"the champion was trained on rows up to {trained_on[-1]}" in decision["reason"]


def test_rows_that_have_changed_since_are_named(own_published: Published, tracking_uri: str, tmp_path: Path) -> None:
    run = Path(main(own_published.arguments(tmp_path / "a"))["artifacts"])
    other = Path(main(own_published.arguments(tmp_path / "b", "--seed", "5"))["artifacts"])
    crown(tracking_uri, run)
    date = own_published.world.last_date
    publish(own_published.catalog, date, own_published.world.tables[date].slice(1))
    with pytest.raises(TrainingError, match=f"{date} has changed since {other.name}"):
        challenge(tracking_uri, other)
