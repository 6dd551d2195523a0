"""What the note of a run says. tests/end_to_end/test_ui.py finds it in a real Airflow."""

from plugins.run_notes.note import result_lines, with_result

TABLE = {"dates": "2023-07-20", "rows": 14285, "rejects": 31, "version": "3fa9c1d2e4b5"}
MODEL = {"model": "mmoe", "as_of": "2023-07-23", "rows": 900, "auc": 0.7, "auc_low": 0.65, "auc_high": 0.75}
CROWNED = {"run": "artifacts_mmoe_run_20231101-000000", "version": "3", "run_id": "aa", "because": "it is better"}
BETTER = {"promote": True, "reason": "it is better"}
STAYS = {"promote": False, "reason": "its lead over the champion is not significant"}


def test_each_thing_worth_knowing_is_a_line() -> None:
    told = {"csv_to_orc": "no raw logs"}
    assert list(result_lines([TABLE, MODEL, CROWNED], STAYS, None, told)) == [
        "2023-07-20: 14,285 rows, 31 rejected, version 3fa9c1d2",
        "mmoe: AUC 0.7000 (0.6500 to 0.7500) on 900 rows as of 2023-07-23",
        "New champion: artifacts_mmoe_run_20231101-000000, version 3: it is better",
        "The champion stays: its lead over the champion is not significant",
        "csv_to_orc: no raw logs",
    ]


def test_a_challenger_that_is_not_yet_approved_is_no_news() -> None:
    assert list(result_lines([], BETTER, None, {})) == []


def test_a_person_who_rejects_or_never_answers_is_told() -> None:
    rejected = {"chosen_options": ["Reject"], "responded_by_user": {"id": "1", "name": "Wei"}}
    assert list(result_lines([], BETTER, rejected, {})) == ["The champion stays: Wei rejected the challenger"]
    unanswered = list(result_lines([], BETTER, {"chosen_options": ["Reject"]}, {}))
    assert unanswered == ["The champion stays: nobody answered the request for approval"]
    assert list(result_lines([], BETTER, {**rejected, "chosen_options": ["Approve"]}, {})) == []


def test_no_note_is_longer_than_airflow_can_keep() -> None:
    stale = ["check_window: " + "; ".join(f"the training table of 2023-07-{day} is stale" for day in range(10, 31))]
    told = with_result("for the spring report", stale * 3)
    assert len(told) == 1000
    assert told.startswith("for the spring report\n\n### Result\n- check_window: the training table")
    assert told.endswith("…")


def test_what_a_person_wrote_stays_and_an_earlier_story_makes_way() -> None:
    first = with_result("for the spring report", ["csv_to_orc: no raw logs"])
    assert first == "for the spring report\n\n### Result\n- csv_to_orc: no raw logs"
    assert with_result(first, ["a", "b"]) == "for the spring report\n\n### Result\n- a\n- b"
    assert with_result(None, ["a"]) == "### Result\n- a"
    assert with_result("### Results of Monday", ["a"]) == "### Results of Monday\n\n### Result\n- a"
