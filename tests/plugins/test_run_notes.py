"""What the note of a run says. tests/end_to_end/test_ui.py finds it in a real Airflow."""

import pytest
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy.orm import Session

from orchestration.run_dates import DAILY, HISTORY, SCORE, WATCH
from orchestration.task_messages import MESSAGE
from plugins.run_notes.listener import on_dag_run_failed, on_dag_run_running, on_dag_run_success
from plugins.run_notes.note import story_of, with_story
from tests.plugins.airflow_database import add_task, leave, publish, run_of

TABLE = {"dates": "2023-07-20", "rows": 14285, "rejects": 31, "version": "3fa9c1d2e4b5"}
MODEL = {"model": "mmoe", "as_of": "2023-07-23", "rows": 900, "auc": 0.7, "auc_low": 0.65, "auc_high": 0.75}
CROWNED = {"run": "artifacts_mmoe_run_20231101-000000", "version": "3", "run_id": "aa", "because": "it is better"}
SCORES = {"run": CROWNED["run"], "champion": "3", "date": "2023-07-20", "rows": 14285, "version": "3fa9c1d2e4b5"}
WATCHED = {"watched": "2023-07-20", "rows": 900, "auc": 0.6, "warned_on": "2023-07-20", "says": "the champion is worse"}
BETTER = {"promote": True, "reason": "it is better"}
STAYS = {"promote": False, "reason": "its lead over the champion is not significant"}
WEI = {"id": "1", "name": "Wei"}
COMMAND = "`airflow backfill create --dag-id antm2c_etl_daily --from-date 2023-07-10 --to-date 2023-07-20`"


def test_each_thing_worth_knowing_is_a_line_and_what_went_wrong_comes_first() -> None:
    told = {"train ple": "the model is too large"}
    assert list(
        story_of(
            [
                TABLE,
                {**MODEL, "train_days": 9},
                CROWNED,
                SCORES,
                WATCHED,
                {**WATCHED, "warned_on": None, "says": "all is well"},
            ],
            STAYS,
            None,
            told,
        )
    ) == [
        "train ple: the model is too large",
        "14,285 rows, 31 rejected, version 3fa9c1d2",
        "mmoe: AUC 0.7000 (0.6500 to 0.7500) on 900 rows, trained on 9 days",
        "New champion: artifacts_mmoe_run_20231101-000000, version 3: it is better",
        "14,285 scores by the champion, version 3",
        "Warning: the champion is worse",
        "all is well",
        "The champion stays: its lead over the champion is not significant",
    ]


def test_a_challenger_that_is_not_yet_approved_is_no_news() -> None:
    assert list(story_of([], BETTER, None, {})) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"chosen_options": ["Reject"], "responded_by_user": WEI},
            ["Wei rejected the challenger", "The champion stays: the challenger was rejected"],
        ),
        ({"chosen_options": ["Reject"]}, ["The champion stays: nobody answered the request for approval"]),
        ({"chosen_options": ["Approve"], "responded_by_user": WEI}, ["Wei approved the challenger"]),
    ],
)
def test_the_answer_of_a_person_is_told_with_the_name(answer: dict, told: list[str]) -> None:
    assert list(story_of([], BETTER, answer, {})) == told


def test_the_first_line_says_what_the_run_is_for_and_how_it_went() -> None:
    told = with_story(None, "2023-07-20", ["csv_to_orc: no raw logs", "a"])
    assert told == "2023-07-20: csv_to_orc: no raw logs\n- a\n\n---"


@pytest.mark.parametrize(
    "subject",
    [
        "2023-07-20",
        "2023-07-10 to 2023-07-20",
        "Retraining",
        "Retraining as of 2023-07-20",
        "Scoring of 2023-07-20",
        "Scoring of 2023-07-10 to 2023-07-20",
        "Watch of 2023-07-20",
        "Watch of 2023-07-10, 2023-07-12 to 2023-07-20",
    ],
)
@pytest.mark.parametrize(
    "written", ["", "for the spring report", "Findings of 2023-07-20: none\n\n---\n\nmore", "- a list"]
)
def test_what_people_wrote_stays_and_an_earlier_story_makes_way(subject: str, written: str) -> None:
    failed = with_story(written, subject, ["csv_to_orc: no raw logs"])
    assert failed == f"{subject}: csv_to_orc: no raw logs\n\n---\n{written}".strip()
    assert with_story(failed, subject, ["a", "b"]) == f"{subject}: a\n- b\n\n---\n{written}".strip()
    above = f"Checked by Wei.\n\n{failed}"
    assert with_story(above, subject, ["a"]) == f"{subject}: a\n\n---\nChecked by Wei.\n\n{written}".strip()


def test_no_note_is_longer_than_airflow_can_keep_and_commands_in_it_are_whole() -> None:
    stale = "; ".join(f"the training table of 2023-07-{day} is stale" for day in range(10, 31))
    lines = [f"check_window: {stale}: run their stages (in Airflow: {COMMAND})", *(f"train {n}: {stale}" for n in "ab")]
    told = with_story("for the spring report", "Retraining", lines)
    assert len(told) <= 1000
    assert told.startswith("Retraining: check_window: the training table")
    assert f"(in Airflow: {COMMAND})\n" in told
    assert told.endswith("---\nfor the spring report")
    assert "…" in told


def test_what_people_wrote_is_never_cut() -> None:
    written = "x" * 970
    assert with_story(written, "2023-07-20", ["no raw logs"]) == written
    many = with_story("y" * 700, "2023-07-20", [f"task {number}: {'a reason ' * 20}" for number in range(40)])
    assert len(many) <= 1000
    assert many.endswith("y" * 700)


def test_a_note_begins_with_the_date_of_the_partition_and_drops_what_no_longer_holds(session: Session) -> None:
    run = run_of(session, "2023-07-11", DagRunState.RUNNING)
    add_task(session, run, "wait_for_raw", TaskInstanceState.FAILED)
    leave(session, run, "wait_for_raw", MESSAGE, "no raw logs for 2023-07-11")
    on_dag_run_failed(run)
    assert run.note == "2023-07-11: wait_for_raw: no raw logs for 2023-07-11\n\n---"
    run.note += "\n\nask Wei"
    on_dag_run_running(run)
    assert run.note == "2023-07-11: running\n\n---\nask Wei"
    publish(session, run, rows=97, rejects=3, version="3fa9c1d2e4b5")
    [task] = run.task_instances
    task.state = None  # cleared
    on_dag_run_success(run)
    assert run.note == "2023-07-11: 97 rows, 3 rejected, version 3fa9c1d2\n\n---\nask Wei"


@pytest.mark.parametrize(
    ("dag_id", "conf", "subject"),
    [
        (DAILY, {}, "2023-07-20"),
        (DAILY, {"run_date": "2023-07-11"}, "2023-07-11"),
        (HISTORY, {"start_date": "2023-07-01", "end_date": "2023-07-11"}, "2023-07-01 to 2023-07-11"),
        ("antm2c_retrain", {"as_of": "2023-07-11"}, "Retraining as of 2023-07-11"),
        ("antm2c_retrain", {"as_of": None}, "Retraining"),
        (SCORE, {"date": "2023-07-11"}, "Scoring of 2023-07-11"),
        (SCORE, {"date": "2023-07-11", "last_date": "2023-07-12"}, "Scoring of 2023-07-11 to 2023-07-12"),
        (SCORE, {"date": None, "last_date": None}, "Scoring"),
        (WATCH, {"date": "2023-07-11"}, "Watch of 2023-07-11"),
    ],
)
def test_each_kind_of_run_says_what_it_is_for(session: Session, dag_id: str, conf: dict, subject: str) -> None:
    run = run_of(session, "2023-07-20", DagRunState.RUNNING, dag_id, **conf)
    on_dag_run_success(run)
    assert run.note == f"{subject}: succeeded\n\n---"


def test_a_model_that_failed_is_named_in_the_note_of_a_run_that_succeeded(session: Session) -> None:
    run = run_of(session, "2023-07-20", DagRunState.RUNNING, "antm2c_retrain", as_of="2023-07-20")
    add_task(session, run, "train", TaskInstanceState.SUCCESS, 0, "dnn")
    add_task(session, run, "train", TaskInstanceState.FAILED, 1, "mmoe")
    leave(session, run, "train", MESSAGE, "the loss became infinite", 1)
    publish(session, run, **MODEL)
    on_dag_run_success(run)
    assert run.note.splitlines()[:2] == [
        "Retraining as of 2023-07-23: train mmoe: the loss became infinite",
        "- mmoe: AUC 0.7000 (0.6500 to 0.7500) on 900 rows",
    ]
