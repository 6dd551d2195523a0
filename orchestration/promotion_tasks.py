"""The callables of the retraining DAG that track runs in MLflow, test them against the champion and promote one.

The rule by which a run becomes the champion is in training/evaluation/champion_rule.py.
"""

from pathlib import PurePath
from typing import Any

from orchestration.assets import CHAMPION
from orchestration.task_messages import APPROVE, CHALLENGE, DECISION
from orchestration.training_command import RunCommand
from warehouse.settings import read_settings

DECISION_TEXT = "decision_text"  # XCom key: the decision in Markdown
PROMOTE = "promote"


def track(runs: list[str], run_command: RunCommand) -> dict[str, str]:
    """Record the runs in MLflow. Return the ids that it gave them."""
    return run_command("track", {"artifacts": list(runs), "tracking-uri": read_settings().tracking_uri})["tracked"]


def challenge(runs: list[str], params: dict[str, Any], ti: Any, run_command: RunCommand) -> list[str]:
    """Test the best run against the champion. Return the task to run next, or none if the champion stays."""
    settings = read_settings()
    arguments = {"artifacts": list(runs), "warehouse": settings.warehouse, "tracking-uri": settings.tracking_uri}
    decision = run_command("challenge", arguments)
    ti.xcom_push(key=DECISION, value=decision)
    ti.xcom_push(key=DECISION_TEXT, value=decision_text(decision))
    if not decision["promote"]:
        return []
    return [APPROVE] if params["require_approval"] else [PROMOTE]


def promote(ti: Any, outlet_events: Any, run_command: RunCommand) -> dict[str, str]:
    """Make the challenger the champion, unless the champion has changed since the challenger was tested against it."""
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
    """The decision in Markdown, for the person who is asked to approve it."""
    champion = decision["champion"]
    lines = [
        f"**{PurePath(decision['challenger']).name}**: {decision['reason']}.",
        f"Current champion: {champion['run']}, version {champion['version']}."
        if champion
        else "Current champion: none.",
    ]
    if decision["tests"]:
        lines += ["", "| Rows | Difference in AUC | 95% interval |", "|---|---|---|"]
        lines += [_table_row(name, test) for name, test in decision["tests"].items()]
    return "\n".join(lines)


def _table_row(name: str, test: dict[str, float] | None) -> str:
    if test is None:
        return f"| {name} | too few rows | |"
    return f"| {name} | {test['difference']:+.4f} | {test['low']:+.4f} to {test['high']:+.4f} |"
