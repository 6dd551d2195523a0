"""What the retraining DAG does with trained models: keep them in MLflow, and find the champion among them."""

from pathlib import PurePath
from typing import Any

from orchestration.assets import CHAMPION
from orchestration.telling import APPROVE, CHALLENGE, DECISION
from orchestration.training_command import RunCommand
from warehouse.settings import read_settings

STORY = "story"  # XCom key of the challenge
PROMOTE = "promote"


def track(runs: list[str], run_command: RunCommand) -> dict[str, str]:
    """Keeps the runs in MLflow. Returns its ids of them."""
    return run_command("track", {"artifacts": list(runs), "tracking-uri": read_settings().tracking_uri})["tracked"]


def challenge(runs: list[str], params: dict[str, Any], ti: Any, run_command: RunCommand) -> list[str]:
    """Tests the best run against the champion. Returns the task that comes next: none where the champion stays."""
    settings = read_settings()
    arguments = {"artifacts": list(runs), "warehouse": settings.warehouse, "tracking-uri": settings.tracking_uri}
    decision = run_command("challenge", arguments)
    ti.xcom_push(key=DECISION, value=decision)
    ti.xcom_push(key=STORY, value=story(decision))
    if not decision["promote"]:
        return []
    return [APPROVE] if params["require_approval"] else [PROMOTE]


def promote(ti: Any, outlet_events: Any, run_command: RunCommand) -> dict[str, str]:
    """Makes the challenger the champion, if the champion is still the one that it was tested against."""
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


def story(decision: dict[str, Any]) -> str:
    """The decision in Markdown, for the person who is asked to approve it."""
    champion = decision["champion"]
    lines = [
        f"**{PurePath(decision['challenger']).name}**: {decision['reason']}.",
        f"Champion so far: {champion['run']}, version {champion['version']}." if champion else "No champion so far.",
    ]
    if decision["tests"]:
        lines += ["", "| rows | lead in AUC | 95% interval |", "|---|---|---|"]
        lines += [_line(name, test) for name, test in decision["tests"].items()]
    return "\n".join(lines)


def _line(name: str, test: dict[str, float] | None) -> str:
    if test is None:
        return f"| {name} | too few rows | |"
    return f"| {name} | {test['difference']:+.4f} | {test['low']:+.4f} to {test['high']:+.4f} |"
