"""What the DAG files come to when Airflow parses them."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Connection, TriggerRule, Variable
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from orchestration.date_waits import WaitForHistory, WaitForRaw
from orchestration.pools import HEAVY_POOL
from orchestration.spark_stage_operator import SparkStageOperator
from orchestration.task_failures import RetryWhatMayPass
from orchestration.training_operators import CommandOperator, DecidingOperator, TrainingOperator
from training.model_names import MODEL_NAMES
from warehouse.settings import REPOSITORY

FEATURES = {"user_features", "item_features", "user_item_features", "user_sequences"}
STAGES = {"csv_to_orc", *FEATURES, "training_table"}
EDGES = {
    "antm2c_etl_daily": {
        "wait_for_raw": {"csv_to_orc"},
        "csv_to_orc": {"wait_for_history"},
        "wait_for_history": FEATURES,
        **{stage: {"training_table"} for stage in FEATURES},
        "training_table": set(),
    },
    "antm2c_etl_history": {
        "csv_to_orc": FEATURES,
        **{stage: {"training_table"} for stage in FEATURES},
        "training_table": set(),
    },
    "antm2c_retrain": {
        "check_window": {"embed", "train"},
        "embed": {"train"},
        "train": {"compare", "track", "challenge"},
        "compare": {"challenge"},
        "track": {"challenge"},
        "challenge": {"approve", "promote"},
        "approve": {"promote"},
        "promote": set(),
    },
    "antm2c_score": {
        "check_candidates": {"score_candidates", "predict"},
        "score_candidates": {"predict"},
        "predict": set(),
    },
    "antm2c_watch": {
        "find_dates": {"watch"},
        "watch": {"retrain"},
        "retrain": set(),
    },
}
KINDS = {
    "wait_for_raw": WaitForRaw,
    "wait_for_history": WaitForHistory,
    "check_window": PythonOperator,
    "check_candidates": PythonOperator,
    "score_candidates": SparkStageOperator,
    "train": TrainingOperator,
    "challenge": DecidingOperator,
    "find_dates": PythonOperator,
    "watch": DecidingOperator,
    "retrain": TriggerDagRunOperator,
    "approve": ApprovalOperator,
    **dict.fromkeys(STAGES, SparkStageOperator),
}
HEAVY = ("torch", "pandas", "pyspark", "sklearn", "mlflow")

each_dag = pytest.mark.parametrize("dag_id", EDGES)
each_task = pytest.mark.parametrize(
    ("dag_id", "task_id"), [(dag_id, task) for dag_id in EDGES for task in sorted(EDGES[dag_id])]
)


def test_every_file_is_parsed_without_an_error(dag_bag: DagBag) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == set(EDGES)


@each_dag
def test_tasks_and_edges(dag: Callable[[str], DAG], dag_id: str) -> None:
    assert {task.task_id: set(task.downstream_task_ids) for task in dag(dag_id).tasks} == EDGES[dag_id]


@each_task
def test_kinds_of_tasks(dag: Callable[[str], DAG], dag_id: str, task_id: str) -> None:
    task = dag(dag_id).get_task(task_id)
    kind = task.operator_class if task.is_mapped else type(task)
    assert kind is KINDS.get(task_id, CommandOperator)


@each_task
def test_every_task_is_retried_with_backoff_and_ends_some_day(
    dag: Callable[[str], DAG], dag_id: str, task_id: str
) -> None:
    task = dag(dag_id).get_task(task_id)
    assert task.retries == 2
    assert isinstance(task.retry_policy, RetryWhatMayPass)
    assert task.retry_delay == timedelta(seconds=30)
    assert task.retry_exponential_backoff == 2
    assert task.max_retry_delay == timedelta(minutes=10)
    if task_id in ("wait_for_raw", "wait_for_history", "approve"):
        assert task.execution_timeout is None, "it ends when its own time is up"
    else:
        assert task.execution_timeout == timedelta(hours=24 if dag_id == "antm2c_etl_history" else 2)


@each_task
def test_every_task_has_an_owner_and_says_what_it_does(dag: Callable[[str], DAG], dag_id: str, task_id: str) -> None:
    task = dag(dag_id).get_task(task_id)
    assert task.owner == "antm2c"
    assert len(task.doc_md) > 40


@each_task
def test_only_what_takes_cores_and_memory_waits_for_a_slot_of_the_heavy_pool(
    dag: Callable[[str], DAG], dag_id: str, task_id: str
) -> None:
    heavy = task_id in STAGES or task_id in ("train", "score_candidates", "predict", "watch")
    assert dag(dag_id).get_task(task_id).pool == (HEAVY_POOL if heavy else "default_pool")


@each_dag
def test_every_dag_says_which_pool_it_needs(dag: Callable[[str], DAG], dag_id: str) -> None:
    """A task whose pool is not there never runs."""
    assert f"`{HEAVY_POOL}`" in dag(dag_id).doc_md


@each_dag
def test_every_dag_is_tagged_and_explained_and_does_not_catch_up(dag: Callable[[str], DAG], dag_id: str) -> None:
    assert dag(dag_id).tags == {"antm2c"}
    assert len(dag(dag_id).doc_md) > 80
    assert 20 < len(dag(dag_id).description) < 80
    assert dag(dag_id).catchup is False


@each_dag
def test_every_question_of_a_form_has_a_title(dag: Callable[[str], DAG], dag_id: str) -> None:
    params = dag(dag_id).params
    for name in params:
        assert params.get_param(name).schema["title"]
        assert params.get_param(name).description


@each_dag
def test_no_question_of_a_form_is_folded(dag: Callable[[str], DAG], dag_id: str) -> None:
    """Airflow folds all sections but the one of the questions that name none."""
    params = dag(dag_id).params
    assert all(params.get_param(name).schema.get("section") is None for name in params)


def test_the_retraining_form_has_a_pick_list_of_models(dag: Callable[[str], DAG]) -> None:
    params = dag("antm2c_retrain").params
    models = params.get_param("models").schema
    assert models["examples"] == models["items"]["enum"] == list(MODEL_NAMES)
    assert params.get_param("as_of").schema["format"] == "date"


@pytest.mark.parametrize("task_id", ["compare", "track", "challenge"])
def test_a_model_that_failed_does_not_stop_the_others(dag: Callable[[str], DAG], task_id: str) -> None:
    assert dag("antm2c_retrain").get_task(task_id).trigger_rule == TriggerRule.ALL_DONE_MIN_ONE_SUCCESS


def test_the_history_is_loaded_by_hand_only(dag: Callable[[str], DAG]) -> None:
    assert dag("antm2c_etl_history").schedule is None


def test_candidates_are_scored_when_all_features_of_a_date_are_published(dag: Callable[[str], DAG]) -> None:
    assets = {asset for task in dag("antm2c_etl_daily").tasks for asset in task.outlets if task.task_id in FEATURES}
    assert set(dag("antm2c_score").timetable.asset_condition.objects) == assets
    assert len(assets) == len(FEATURES)


def test_the_champion_is_watched_when_a_training_table_is_published(dag: Callable[[str], DAG]) -> None:
    (published,) = dag("antm2c_etl_daily").get_task("training_table").outlets
    assert dag("antm2c_watch").timetable.asset_condition.objects == (published,)


def test_the_weekly_run_is_due_on_monday_morning_as_of_sunday(dag: Callable[[str], DAG]) -> None:
    timetable = coerce_to_core_timetable(dag("antm2c_retrain").timetable)
    thursday, sunday = datetime(2023, 7, 20, tzinfo=UTC), datetime(2023, 7, 23, tzinfo=UTC)
    due = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(thursday, latest=None, catchup=True)
    )
    assert due.logical_date == sunday
    assert due.run_after == sunday + timedelta(hours=30)


def test_the_daily_run_of_a_date_is_due_at_midnight_utc_when_it_has_ended(dag: Callable[[str], DAG]) -> None:
    timetable = coerce_to_core_timetable(dag("antm2c_etl_daily").timetable)
    start = datetime(2023, 7, 20, tzinfo=UTC)
    due = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(start, latest=None, catchup=True)
    )
    assert type(timetable).__name__ == "CronDataIntervalTimetable"
    assert due.logical_date == start
    assert due.run_after == start + timedelta(days=1)


def test_parsing_reads_no_variable_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Variable, Connection):
        monkeypatch.setattr(kind, "get", Mock(side_effect=AssertionError(f"{kind.__name__} read while parsing")))
    monkeypatch.delenv("AIRFLOW_CONN_SPARK_DEFAULT")
    assert DagBag(REPOSITORY / "dags", load_op_links=False).import_errors == {}


def test_parsing_loads_nothing_heavy() -> None:
    listing = "print(*(name for name in sys.modules if '.' not in name))"
    program = f"import sys, {', '.join(f'dags.{dag_id}' for dag_id in EDGES)}; {listing}"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=True
    )
    loaded = run.stdout.splitlines()[-1].split()
    assert "warehouse" in loaded
    assert not set(HEAVY) & set(loaded)
