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
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATES, FEATURES_ITEM, FEATURES_UI, FEATURES_USER

FORM = {"date": None, "run": None, "top": None}
SCORED = {
    "run": "artifacts_dnn_run_20230720-000000",
    "version": "3",
    "published": [{"date": "2023-07-12", "rows": 90, "version": "aa", "seconds": 1.5}],
}


@pytest.fixture
def two_dates(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    """The features of two dates; those of the second are not yet complete. Candidates for the day after each."""
    for day, tables in (("2023-07-11", [FEATURES_USER, FEATURES_ITEM, FEATURES_UI]), ("2023-07-12", [FEATURES_USER])):
        warehouse.receive(day)
        warehouse.publish_from_logs(day, *tables)
    folder = Path(warehouse.catalog.path(CANDIDATES, "2023-07-12"))
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("user_id,item_id,log_time,scene\n")
    return warehouse


@pytest.mark.usefixtures("two_dates")
def test_the_date_is_the_day_after_the_newest_with_all_features_or_that_of_the_form() -> None:
    assert check_candidates(FORM, Mock()) == "2023-07-12"
    assert check_candidates({**FORM, "date": "2023-07-12"}, Mock()) == "2023-07-12"


def test_a_date_without_candidates_is_skipped_and_the_note_says_so(two_dates: HandMadeWarehouse) -> None:
    ti = Mock()
    with pytest.raises(AirflowSkipException, match=r"no candidates for 2023-07-13: .*put the files into ") as skipped:
        check_candidates({**FORM, "date": "2023-07-13"}, ti)
    ti.xcom_push.assert_called_once_with(key=MESSAGE, value=str(skipped.value))
    assert two_dates.catalog.uri(CANDIDATES, "2023-07-13") in str(skipped.value)


@pytest.mark.usefixtures("warehouse")
def test_without_any_features_there_is_nothing_to_score() -> None:
    with pytest.raises(AirflowSkipException, match="no date has features yet"):
        check_candidates(FORM, Mock())


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize(
    ("form", "model", "more"),
    [
        ({}, ALIAS, []),
        ({"run": "artifacts_dnn_run_20230720-000000"}, "{artifacts}/artifacts_dnn_run_20230720-000000", []),
        ({"run": "/elsewhere/artifacts_dnn_run_20230720-000000", "top": 5}, "{run}", ["--top=5"]),
    ],
)
def test_the_command_is_given_what_the_form_says(
    monkeypatch: pytest.MonkeyPatch, form: dict, model: str, more: list[str]
) -> None:
    main = Mock(return_value=SCORED)
    monkeypatch.setattr("training.cli.main", main)
    events = {SCORES: SimpleNamespace()}
    assert predict("2023-07-12", {**FORM, **form}, events, run_here) == SCORED["run"]
    settings = read_settings()
    places = [f"--warehouse={settings.warehouse}", f"--dataset={DATASET}", f"--artifacts={settings.artifacts}"]
    model = model.format(artifacts=settings.artifacts, run=form.get("run"))
    asked = [f"--tracking-uri={settings.tracking_uri}", f"--model={model}", "--date=2023-07-12", *more]
    main.assert_called_once_with(["predict", *places, *asked])
    assert events[SCORES].extra == {"run": SCORED["run"], "champion": "3", **SCORED["published"][0]}


@pytest.mark.usefixtures("warehouse")
def test_a_dataset_without_a_champion_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "dataset test has no champion yet"
    monkeypatch.setattr("training.cli.main", Mock(side_effect=TrainingError(sentence)))
    with pytest.raises(TaskFailure, match=sentence) as failure:
        predict("2023-07-12", FORM, {}, run_here)
    assert not failure.value.may_pass
