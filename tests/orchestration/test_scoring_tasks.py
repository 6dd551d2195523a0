"""What the scoring DAG calls."""

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.assets import SCORES
from orchestration.scoring_tasks import check_candidates, predict
from orchestration.task_failures import TaskFailure
from orchestration.task_messages import MESSAGE
from orchestration.training_command import run_here
from tests.dags.conftest import DATASET, HandMadeWarehouse
from training.errors import TrainingError
from training.tracking.champion import ALIAS
from training.tracking.champion_history import THEN
from warehouse.errors import StorageError
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATES, FEATURES_ITEM, FEATURES_UI, FEATURES_USER

FORM = {"date": None, "last_date": None, "run": None, "champion_then": False, "top": None}
RUN = "artifacts_dnn_run_20230720-000000"
ONE_DATE = {"date": "2023-07-12", "rows": 90, "version": "aa", "seconds": 1.5, "run": RUN, "champion": "3"}
SCORED = {"run": RUN, "version": "3", "published": [ONE_DATE]}


@pytest.fixture
def two_dates(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    """The features of two dates; those of the second are not yet complete. Candidates for the day after each."""
    for day, tables in (("2023-07-11", [FEATURES_USER, FEATURES_ITEM, FEATURES_UI]), ("2023-07-12", [FEATURES_USER])):
        warehouse.receive(day)
        warehouse.publish_from_logs(day, *tables)
    put_candidates(warehouse, "2023-07-12")
    return warehouse


def put_candidates(warehouse: HandMadeWarehouse, day: str) -> None:
    folder = Path(warehouse.catalog.path(CANDIDATES, day))
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("user_id,item_id,log_time,scene\n")


@pytest.mark.usefixtures("two_dates")
def test_the_date_is_the_day_after_the_newest_with_all_features_or_that_of_the_form() -> None:
    assert check_candidates(FORM, Mock()) == ["2023-07-12"]
    assert check_candidates({**FORM, "date": "2023-07-12"}, Mock()) == ["2023-07-12"]


def test_a_range_needs_candidates_for_each_of_its_dates(two_dates: HandMadeWarehouse) -> None:
    form = {**FORM, "date": "2023-07-11", "last_date": "2023-07-13"}
    put_candidates(two_dates, "2023-07-13")
    with pytest.raises(TaskFailure, match=r"no candidates for 2023-07-11: put files into .*date=2023-07-11, or choose"):
        check_candidates(form, Mock())
    put_candidates(two_dates, "2023-07-11")
    assert check_candidates(form, Mock()) == ["2023-07-11", "2023-07-12", "2023-07-13"]


@pytest.mark.usefixtures("two_dates")
@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"last_date": "2023-07-12"}, "2023-07-12 is the last date of a range: give its first date"),
        ({"date": "2023-07-13", "last_date": "2023-07-12"}, "give its first date as Date, not after it"),
        ({"run": "a", "champion_then": True}, "names a run and asks for the champion of the time: choose one"),
    ],
)
def test_a_form_that_contradicts_itself_is_refused(form: dict, why: str) -> None:
    with pytest.raises(TaskFailure, match=why):
        check_candidates({**FORM, **form}, Mock())


def test_a_date_without_candidates_is_skipped_and_the_note_says_so(two_dates: HandMadeWarehouse) -> None:
    ti = Mock()
    with pytest.raises(AirflowSkipException, match=r"no candidates for 2023-07-13: .*put the files into ") as skipped:
        check_candidates({**FORM, "date": "2023-07-13"}, ti)
    ti.xcom_push.assert_called_once_with(key=MESSAGE, value=str(skipped.value))
    assert two_dates.catalog.uri(CANDIDATES, "2023-07-13") in str(skipped.value)


def test_a_folder_that_is_not_a_date_is_told_and_not_tried_again(two_dates: HandMadeWarehouse) -> None:
    Path(two_dates.catalog.path(FEATURES_ITEM, "2023-02-30")).mkdir()
    with pytest.raises(TaskFailure, match=r"date=2023-02-30 is not a date: .*; rename the folder") as failure:
        check_candidates(FORM, Mock())
    assert not failure.value.may_pass


@pytest.mark.usefixtures("warehouse")
def test_a_file_system_that_is_gone_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.scoring_tasks.Catalog", Mock(side_effect=StorageError("the NameNode is gone")))
    with pytest.raises(TaskFailure, match="the NameNode is gone") as failure:
        check_candidates(FORM, Mock())
    assert failure.value.may_pass


@pytest.mark.usefixtures("warehouse")
def test_without_any_features_there_is_nothing_to_score() -> None:
    with pytest.raises(AirflowSkipException, match="no date has features yet"):
        check_candidates(FORM, Mock())


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize(
    ("form", "model", "more"),
    [
        ({}, ALIAS, []),
        ({"champion_then": True}, THEN, []),
        ({"run": RUN}, f"{{artifacts}}/{RUN}", []),
        ({"run": "/elsewhere/artifacts_dnn_run_20230720-000000", "top": 5}, "{run}", ["--top=5"]),
    ],
)
def test_the_command_is_given_what_the_form_says(
    monkeypatch: pytest.MonkeyPatch, form: dict, model: str, more: list[str]
) -> None:
    main = Mock(return_value=SCORED)
    monkeypatch.setattr("training.cli.main", main)
    events = {SCORES: SimpleNamespace()}
    assert predict(["2023-07-12"], {**FORM, **form}, events, run_here) == RUN
    settings = read_settings()
    places = [f"--warehouse={settings.warehouse}", f"--dataset={DATASET}", f"--artifacts={settings.artifacts}"]
    model = model.format(artifacts=settings.artifacts, run=form.get("run"))
    dates = ["--start-date=2023-07-12", "--end-date=2023-07-12"]
    asked = [f"--tracking-uri={settings.tracking_uri}", f"--model={model}", *dates, *more]
    main.assert_called_once_with(["predict", *places, *asked])
    assert events[SCORES].extra == ONE_DATE


@pytest.mark.usefixtures("warehouse")
def test_the_event_sums_up_a_range() -> None:
    later = {**ONE_DATE, "date": "2023-07-13", "rows": 10, "champion": "4"}
    events, command = {SCORES: SimpleNamespace()}, Mock(return_value={**SCORED, "published": [ONE_DATE, later]})
    predict(["2023-07-12", "2023-07-13"], FORM, events, command)
    assert events[SCORES].extra == {**later, "date": "2023-07-12 to 2023-07-13", "rows": 100}


@pytest.mark.usefixtures("warehouse")
def test_a_dataset_without_a_champion_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "dataset test has no champion yet"
    monkeypatch.setattr("training.cli.main", Mock(side_effect=TrainingError(sentence)))
    with pytest.raises(TaskFailure, match=sentence) as failure:
        predict(["2023-07-12"], FORM, {}, run_here)
    assert not failure.value.may_pass
