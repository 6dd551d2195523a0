"""What the retraining DAG calls."""

import errno
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException

from orchestration import training_tasks
from orchestration.assets import MODELS
from orchestration.task_failures import TaskFailure
from orchestration.task_messages import MESSAGE
from orchestration.training_command import run_here
from orchestration.training_tasks import check_window, compare, embed, train
from tests.dags.conftest import DATASET, HandMadeWarehouse, Run
from training.errors import TrackingError, TrainingError
from warehouse.calendar_days import days
from warehouse.errors import StorageError
from warehouse.tables import LOGS, RAW, TRAIN

OF_WINDOW = {"train_days": 3, "val_days": 1, "text_encoder": "lsa"}
FORM = {**OF_WINDOW, "models": ["dnn"], "epochs": 2, "batch_size": 512, "seed": 11, "notes": None}
WINDOW = days("2023-07-10", "2023-07-13")
AS_OF = WINDOW[-1]
REQUEST = {"model": "dnn", "as_of": AS_OF, **OF_WINDOW, "epochs": 2, "batch_size": 512, "seed": 11}
BY_HAND, SCHEDULED = (SimpleNamespace(run_type=run_type) for run_type in ("manual", "scheduled"))
TRAINED = {
    "artifacts": "/somewhere",
    "model": "dnn",
    "as_of": AS_OF,
    "train_days": 3,
    "rows": 90,
    "auc": 0.7,
    "auc_low": 0.6,
    "auc_high": 0.8,
}
PLACES = "--warehouse=hdfs://namenode:9000/data/antm2c --dataset=10m --artifacts=/artifacts"


@pytest.fixture
def full_window(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    for day in WINDOW:
        warehouse.receive(day)
        warehouse.publish_from_logs(day, TRAIN)
    return warehouse


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> Mock:
    main = Mock(return_value=TRAINED)
    monkeypatch.setattr("training.cli.main", main)
    return main


@pytest.mark.usefixtures("full_window")
def test_a_fresh_window_gives_the_arguments_of_one_task_a_model() -> None:
    models = ["dnn", "mmoe"]
    assert check_window(AS_OF, {**FORM, "models": models}, BY_HAND, Mock()) == [
        {"request": {**REQUEST, "model": model}} for model in models
    ]


@pytest.mark.usefixtures("full_window")
def test_a_date_before_the_window_or_after_it_may_be_missing() -> None:
    assert check_window("2023-07-12", {**FORM, "train_days": 1}, BY_HAND, Mock())


@pytest.mark.usefixtures("full_window")
def test_a_window_takes_the_training_days_that_are_there(caplog: pytest.LogCaptureFixture) -> None:
    [arguments] = check_window(AS_OF, {**FORM, "train_days": 12}, BY_HAND, Mock())
    assert arguments["request"]["train_days"] == 3
    assert "3 training days, 2023-07-10 to 2023-07-12; the form asked for at most 12" in caplog.text


@pytest.mark.usefixtures("full_window")
def test_a_window_with_too_few_training_days_is_refused() -> None:
    with pytest.raises(
        TaskFailure, match=r"there are only 2 training days from the first logs, of 2023-07-10, .*least 3"
    ):
        check_window("2023-07-12", {**FORM, "train_days": 12}, BY_HAND, Mock())


def test_a_date_without_raw_logs_is_not_backfilled(full_window: HandMadeWarehouse) -> None:
    """Its logs have to be added first."""
    later = "2023-07-16"
    full_window.receive(later)
    with pytest.raises(TaskFailure) as failure:
        check_window(later, {**FORM, "train_days": 12}, BY_HAND, Mock())
    sentence = str(failure.value)
    uri = full_window.catalog.uri(RAW, "2023-07-14")
    assert f"no raw logs for 2023-07-14 to 2023-07-15: add them to {uri} and so on" in sentence
    assert "--from-date 2023-07-16 --to-date 2023-07-16 " in sentence


def test_a_missing_and_a_stale_date_are_named_with_what_mends_them(full_window: HandMadeWarehouse) -> None:
    full_window.publish(LOGS, "2023-07-11", content="late rows")
    full_window.catalog.storage.remove(full_window.catalog.path(TRAIN, "2023-07-12"))
    with pytest.raises(TaskFailure) as failure:
        check_window(AS_OF, FORM, BY_HAND, Mock())
    sentence = str(failure.value)
    assert f"train_{DATASET}_parquet date=2023-07-11 is stale: logs date=2023-07-11 has changed" in sentence
    assert f"train_{DATASET}_parquet is missing for 2023-07-12;" in sentence
    assert "date=2023-07-10" not in sentence
    assert "--dag-id antm2c_etl_daily --from-date 2023-07-11 --to-date 2023-07-12 --reprocess-behavior" in sentence


@pytest.mark.usefixtures("full_window")
def test_a_file_system_that_is_down_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_tasks, "require_published", Mock(side_effect=StorageError("no NameNode")))
    with pytest.raises(TaskFailure, match="no NameNode") as failure:
        check_window(AS_OF, FORM, BY_HAND, Mock())
    assert failure.value.may_pass


def test_a_scheduled_run_without_any_table_in_its_window_is_skipped(full_window: HandMadeWarehouse) -> None:
    ti = Mock()
    with pytest.raises(AirflowSkipException, match="no training table from 2026-11-20 to 2026-11-23"):
        check_window("2026-11-23", FORM, SCHEDULED, ti)
    ti.xcom_push.assert_called_once_with(key=MESSAGE, value="no training table from 2026-11-20 to 2026-11-23")
    with pytest.raises(TaskFailure, match="missing"):
        check_window("2026-11-23", FORM, BY_HAND, Mock())
    with pytest.raises(TaskFailure, match="missing"):
        check_window(days(AS_OF, "2023-07-16")[-1], FORM, SCHEDULED, Mock())
    assert full_window


@pytest.mark.parametrize(
    ("conf", "expected"),
    [({}, "2023-07-31"), ({"as_of": "2023-07-13"}, "2023-07-13")],
    ids=["when it was due", "what the form says"],
)
def test_the_window_ends_at(dag: Callable[[str], DAG], conf: dict, expected: str) -> None:
    task = Run(conf=conf).render(dag("antm2c_retrain"), "check_window")
    assert task.op_kwargs == {"as_of": expected}


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_WAREHOUSE", "hdfs://namenode:9000/data/antm2c")
    monkeypatch.setenv("ANTM2C_DATASET", "10m")
    monkeypatch.setenv("ANTM2C_ARTIFACTS", "/artifacts")


@pytest.mark.usefixtures("places")
def test_training_is_given_exactly_what_the_form_says(command_line: Mock) -> None:
    events = {MODELS: SimpleNamespace()}
    assert train(REQUEST, outlet_events=events, run_command=run_here) == "/somewhere"
    window = "--as-of=2023-07-13 --train-days=3 --val-days=1 --text-encoder=lsa"
    form = f"--model=dnn {window} --epochs=2 --batch-size=512 --seed=11"
    command_line.assert_called_once_with(["train", *PLACES.split(), *form.split()])
    assert events[MODELS].extra == TRAINED


@pytest.mark.usefixtures("full_window")
def test_notes_are_passed_on(command_line: Mock) -> None:
    [arguments] = check_window(AS_OF, {**FORM, "notes": "- more dropout?"}, BY_HAND, Mock())
    train(**arguments, outlet_events={MODELS: SimpleNamespace()}, run_command=run_here)
    assert command_line.call_args[0][0][-1] == "--notes=- more dropout?"


@pytest.mark.usefixtures("places")
def test_texts_are_embedded_once_for_the_models_that_see_them(command_line: Mock) -> None:
    form = {**FORM, "models": ["dnn", "mmoe_content", "ple_content"]}
    assert embed(AS_OF, "3", form, run_here) == command_line.return_value
    words = "--as-of=2023-07-13 --train-days=3 --val-days=1 --text-encoder=lsa --seed=11"
    command_line.assert_called_once_with(["embed", *PLACES.split(), *words.split()])


def test_nothing_is_embedded_where_no_model_sees_texts(command_line: Mock) -> None:
    assert embed(AS_OF, "3", {**FORM, "models": ["dnn", "mmoe"]}, run_here) is None
    command_line.assert_not_called()


def test_the_comparison_is_of_what_trained_and_names_what_did_not(command_line: Mock) -> None:
    run = {"artifacts": "/a", "model": "dnn", "auc": 0.7, "auc_low": 0.6, "auc_high": 0.8, "against_first": None}
    command_line.return_value = {"runs": [run]}
    shown = {name: value for name, value in run.items() if name != "artifacts"}
    assert compare(["/a"], {"models": ["dnn"]}, run_here) == [shown]
    assert compare(["/a"], {"models": ["mmoe", "dnn"]}, run_here) == [shown, {"model": "mmoe", "failed": True}]
    command_line.assert_called_with(["compare", "--artifacts", "/a"])


def test_a_training_error_is_not_retried(command_line: Mock) -> None:
    command_line.side_effect = TrainingError("the window holds no clicks: take more days")
    with pytest.raises(TaskFailure, match="the window holds no clicks: take more days"):
        train(REQUEST, outlet_events={}, run_command=run_here)


def test_a_fault_of_the_file_system_is_retried(command_line: Mock) -> None:
    command_line.side_effect = TrainingError("OSError: the disk is full")
    command_line.side_effect.__cause__ = OSError(errno.ENOSPC, "the disk is full")
    with pytest.raises(TaskFailure, match="the disk is full") as failure:
        train(REQUEST, outlet_events={}, run_command=run_here)
    assert failure.value.may_pass


def test_a_tracking_server_that_does_not_answer_is_asked_again(command_line: Mock) -> None:
    command_line.side_effect = TrackingError("MLflow could not be used")
    with pytest.raises(TaskFailure, match="MLflow could not be used") as failure:
        train(REQUEST, outlet_events={}, run_command=run_here)
    assert failure.value.may_pass


def test_a_window_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(TaskFailure, match=r"there is no date .* days before"):
        check_window(AS_OF, {**FORM, "train_days": 999_999}, BY_HAND, Mock())


def test_any_other_error_is_retried(command_line: Mock) -> None:
    command_line.side_effect = MemoryError("killed by its neighbours")
    with pytest.raises(MemoryError):
        train(REQUEST, outlet_events={}, run_command=run_here)
