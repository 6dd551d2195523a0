"""The functions that tasks of the retraining DAG call to track runs, challenge the champion and promote a run.

The rule by which a run becomes the champion is in training/evaluation/champion_rule.py.
"""

from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Any

from airflow.sdk.configuration import conf

from orchestration.assets import CHAMPION
from orchestration.board_address import address_of
from orchestration.task_messages import APPROVE, CHALLENGE, DECISION
from orchestration.training_command import RunCommand
from training.evaluation.segments import named_segments
from training.runs.summary import read_summary
from warehouse.settings import read_settings

DECISION_TEXT = "decision_text"  # XCom key: the decision in Markdown
PROMOTE = "promote"


def track(runs: list[str], run_command: RunCommand) -> dict[str, str]:
    """Record the runs in MLflow. Returns their ids there, by the name of the run's folder."""
    return run_command("track", {"artifacts": list(runs), "tracking-uri": read_settings().tracking_uri})["tracked"]


def challenge(runs: list[str], params: dict[str, Any], ti: Any, run_command: RunCommand) -> list[str]:
    """Test the best run against the champion. Returns the task to run next, or an empty list if the champion stays."""
    settings = read_settings()
    arguments = {"artifacts": list(runs), "warehouse": settings.warehouse, "tracking-uri": settings.tracking_uri}
    decision = run_command("challenge", arguments)
    ti.xcom_push(key=DECISION, value=decision)
    ti.xcom_push(key=DECISION_TEXT, value=decision_text(decision))
    if not decision["promote"]:
        return []
    return [APPROVE] if params["require_approval"] else [PROMOTE]


def promote(ti: Any, outlet_events: Any, run_command: RunCommand) -> dict[str, str]:
    """Make the challenger the champion. Fails if another run has become the champion since the challenge."""
    decision = ti.xcom_pull(task_ids=CHALLENGE, key=DECISION)
    before = decision["champion"]
    arguments = {
        "artifacts": decision["challenger"],
        "instead-of": before["version"] if before else "none",
        "tracking-uri": read_settings().tracking_uri,
    }
    champion = run_command("promote", arguments)["champion"]
    outlet_events[CHAMPION].extra = {**champion, "because": decision["reason"]}
    return champion


def decision_text(decision: dict[str, Any]) -> str:
    """Describe the decision in Markdown, for the person who is asked to approve it. Short enough for the dialog."""
    champion = decision["champion"]
    lines = [
        f"{_link(decision['challenger'])}: {decision['reason']}.",
        "",
        f"Current champion: {_link(champion['run'])}, version {champion['version']}."
        if champion
        else "Current champion: none.",
    ]
    if decision["tests"]:
        lines += ["", *_table(decision["tests"], _rows_by_segment(Path(decision["challenger"])))]
    return "\n".join(lines)


def _link(run_folder: str) -> str:
    """Return a Markdown link to the run on the board."""
    name = PurePath(run_folder).name
    return f"[{name.removeprefix('artifacts_')}]({address_of(name, conf.get('api', 'base_url', fallback=''))})"


def _rows_by_segment(run_folder: Path) -> dict[str, int]:
    """Return the number of validation rows by segment, named like the tests."""
    report = read_summary(run_folder).report
    return {name: report[segment].rows for name, segment in named_segments().items() if segment in report}


def _table(tests: dict[str, dict[str, float] | None], rows: dict[str, int]) -> list[str]:
    """Return a Markdown table of the challenger's lead in AUC by segment, with two segments per line to save height."""
    cells = [_cells(name, test, rows.get(name)) for name, test in tests.items()]
    half = (len(cells) + 1) // 2
    head = "| Segment | Rows | Lead in AUC (95% interval) "
    return [
        f"{head}{head}|",
        f"{'|---|---:|---' * 2}|",
        *(f"{left}{right}|" for left, right in zip_longest(cells[:half], cells[half:], fillvalue="| | | ")),
    ]


def _cells(name: str, test: dict[str, float] | None, rows: int | None) -> str:
    lead = "{difference:+.4f} ({low:+.4f} to {high:+.4f})".format(**test) if test else "too few rows"
    return f"| {name} | {'' if rows is None else f'{rows:,}'} | {lead} "
