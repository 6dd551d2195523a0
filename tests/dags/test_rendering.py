"""What each kind of run submits."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from jinja2 import Template

from tests.dags.conftest import HandMadeWarehouse, Run
from warehouse.settings import REPOSITORY
from warehouse.tables import TRAIN

FEATURES = ("user_features", "item_features", "user_item_features", "user_sequences")
STAGES = ("csv_to_orc", *FEATURES, "training_table")
DAILY, HISTORY, RETRAIN = "antm2c_etl_daily", "antm2c_etl_history", "antm2c_retrain"
SCORE = "antm2c_score"
PLACE = ["--warehouse", "hdfs://namenode:9000/data/antm2c", "--dataset", "test"]
REJECTS = {"csv_to_orc": ["--max-reject-rate", "0.01"]}
JULY_20 = datetime(2023, 7, 20, tzinfo=UTC)
# A date's scheduled or backfill run is due a day later. Run by hand, it may be due at any time of any day.
RUNS = {
    "scheduled": (Run(logical_date=JULY_20, run_after=datetime(2023, 7, 21, tzinfo=UTC)), "2023-07-20"),
    "backfill": (Run(logical_date=JULY_20, run_after=datetime(2026, 1, 1, tzinfo=UTC), conf={}), "2023-07-20"),
    "by hand with a date": (Run(logical_date=JULY_20, conf={"run_date": "2023-07-14"}), "2023-07-14"),
    "by hand, at some hour": (Run(logical_date=datetime(2023, 7, 20, 23, 59, tzinfo=UTC)), "2023-07-20"),
    "no logical date": (Run(run_after=datetime(2023, 7, 31, 9, 30, tzinfo=UTC)), "2023-07-31"),
    "no logical date, with a date": (Run(conf={"run_date": "2023-07-14"}), "2023-07-14"),
}


@pytest.mark.parametrize(("run", "day"), RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_daily_stage_is_given_its_date(dag: Callable[[str], DAG], stage: str, run: Run, day: str) -> None:
    task = run.render(dag(DAILY), stage)
    assert task.application_args == [*PLACE, "--date", day, *REJECTS.get(stage, [])]
    assert (task.first_date, task.last_date) == (day, day)


@pytest.mark.parametrize(("run", "day"), RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("task_id", ["wait_for_raw", "wait_for_history"])
def test_the_waits_are_for_the_same_date_as_the_stages(
    dag: Callable[[str], DAG], task_id: str, run: Run, day: str
) -> None:
    wait = run.render(dag(DAILY), task_id)
    assert (wait.day, wait.warehouse, wait.dataset) == (day, PLACE[1], PLACE[3])


@pytest.mark.parametrize(
    ("run", "as_of"),
    [
        (Run(logical_date=JULY_20), "2023-07-20"),
        (Run(logical_date=JULY_20, run_type="manual"), "2023-07-11"),
        (Run(logical_date=JULY_20, run_type="manual", conf={"as_of": "2023-07-14"}), "2023-07-14"),
    ],
    ids=["scheduled", "by hand", "by hand with a date"],
)
def test_a_retraining_by_hand_is_as_of_the_newest_table(
    dag: Callable[[str], DAG], warehouse: HandMadeWarehouse, run: Run, as_of: str
) -> None:
    for day in ("2023-07-10", "2023-07-11"):
        warehouse.receive(day)
        warehouse.publish_from_logs(day, TRAIN)
    assert run.render(dag(RETRAIN), "check_window").op_kwargs["as_of"] == as_of


def test_texts_are_embedded_of_the_window_that_was_checked(dag: Callable[[str], DAG]) -> None:
    """Other tables may have been published since."""
    request = {"model": "dnn", "as_of": "2023-07-14", "train_days": 9}
    ti = Mock(xcom_pull=lambda task_ids: {"check_window": [{"request": request}]}[task_ids])
    asked = dag(RETRAIN).get_task("embed").op_kwargs
    rendered = {name: Template(text).render(ti=ti) for name, text in asked.items()}
    assert rendered == {"as_of": "2023-07-14", "train_days": "9"}


def test_candidates_are_scored_of_the_dates_that_were_checked(dag: Callable[[str], DAG]) -> None:
    ti = Mock(xcom_pull=lambda task_ids: {"check_candidates": ["2023-07-20", "2023-07-21"]}[task_ids])
    stage = dag(SCORE).get_task("score_candidates")
    rendered = [Template(text).render(ti=ti, params={"max_reject_rate": 0.01}) for text in stage.application_args]
    dates = ["--start-date", "2023-07-20", "--end-date", "2023-07-21"]
    assert rendered == [*PLACE, *dates, "--max-reject-rate", "0.01"]
    assert Path(stage.application).is_file()


def test_a_retraining_that_the_watch_starts_is_as_of_the_last_date_that_was_watched(dag: Callable[[str], DAG]) -> None:
    ti = Mock(xcom_pull=lambda task_ids: {"find_dates": ["2023-07-19", "2023-07-20"]}[task_ids])
    asked = dag("antm2c_watch").get_task("retrain").conf
    assert Template(asked["as_of"]).render(ti=ti) == "2023-07-20"
    assert set(asked) <= set(dag(RETRAIN).params)


def test_a_champion_that_the_watch_warns_about_is_retrained_once(dag: Callable[[str], DAG]) -> None:
    task = dag("antm2c_watch").get_task("retrain")
    ti = Mock(
        xcom_pull=lambda task_ids, key: {("watch", "warned_about"): "artifacts_dnn_run_1_version_3"}[task_ids, key]
    )
    name = Template(task.trigger_run_id).render(ti=ti)
    assert name == "warning_about_artifacts_dnn_run_1_version_3"
    assert task.skip_when_already_exists


def test_a_retraining_by_hand_without_any_table_is_as_of_its_logical_date(
    dag: Callable[[str], DAG], warehouse: HandMadeWarehouse
) -> None:
    assert warehouse
    run = Run(logical_date=JULY_20, run_type="manual")
    assert run.render(dag(RETRAIN), "check_window").op_kwargs["as_of"] == "2023-07-20"


@pytest.mark.parametrize("stage", STAGES)
def test_a_history_stage_is_given_the_range(dag: Callable[[str], DAG], stage: str) -> None:
    run = Run(conf={"start_date": "2023-07-10", "end_date": "2023-07-22"})
    dates = ["--start-date", "2023-07-10", "--end-date", "2023-07-22"]
    task = run.render(dag(HISTORY), stage)
    assert task.application_args == [*PLACE, *dates, *REJECTS.get(stage, [])]
    assert (task.first_date, task.last_date) == ("2023-07-10", "2023-07-22")


@pytest.mark.parametrize(
    ("dag_id", "task_id", "conf"),
    [
        (DAILY, "csv_to_orc", {"run_date": "20th of July"}),
        (DAILY, "csv_to_orc", {"max_reject_rate": 2}),
        (HISTORY, "csv_to_orc", {}),
        (HISTORY, "csv_to_orc", {"start_date": "2023-07-10"}),
        (RETRAIN, "check_window", {"models": []}),
        (RETRAIN, "check_window", {"models": ["transformer"]}),
        (RETRAIN, "check_window", {"val_days": 0}),
        (RETRAIN, "check_window", {"as_of": "2023-02-30"}),
        (RETRAIN, "check_window", {"seed": 2**32}),
        (RETRAIN, "check_window", {"epochs": "many"}),
        (SCORE, "check_candidates", {"date": "tomorrow"}),
        (SCORE, "check_candidates", {"top": 0}),
    ],
)
def test_a_form_with_a_wrong_answer_is_refused(
    dag: Callable[[str], DAG], dag_id: str, task_id: str, conf: dict
) -> None:
    with pytest.raises(ParamValidationError):
        Run(conf=conf).render(dag(dag_id), task_id)


def test_every_spark_submit_command_is_the_one_kept(dag: Callable[[str], DAG]) -> None:
    daily, history = Run(logical_date=JULY_20), Run(conf={"start_date": "2023-07-10", "end_date": "2023-07-22"})
    commands = [_command(dag(DAILY), stage, daily) for stage in STAGES]
    commands += [_command(dag(HISTORY), stage, history) for stage in STAGES]
    kept = (Path(__file__).parent / "spark_submit_commands.txt").read_text()
    assert "\n\n".join(commands) + "\n" == kept


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_that_is_submitted_is_there(dag: Callable[[str], DAG], stage: str) -> None:
    assert Path(dag(DAILY).get_task(stage).application).is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_finds_the_configuration_that_keeps_its_log_short(dag: Callable[[str], DAG], stage: str) -> None:
    folder = Path(dag(DAILY).get_task(stage).env_vars["SPARK_CONF_DIR"])
    assert {path.name for path in folder.iterdir()} >= {"log4j2.properties", "spark-defaults.conf"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_cleared_is_submitted_again(dag: Callable[[str], DAG], stage: str) -> None:
    assert dag(DAILY).get_task(stage).durable is False


def _command(dag: DAG, stage: str, run: Run) -> str:
    """The command of a stage, an option a line, with this checkout's and this Python's paths taken out."""
    task = run.render(dag, stage)
    text = shlex.join(task._get_hook()._build_spark_submit_command(task.application))
    text = text.replace(" --", "\n  --").replace(f" {REPOSITORY}/", "\n  <repository>/")
    return f"# {dag.dag_id}.{stage}\n{text.replace(str(REPOSITORY), '<repository>')}"
