"""The promote command: a run becomes the champion."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.artifacts import load_config
from training.errors import TrainingError
from training.progress import say
from training.tracking.champion import champion_of, crown
from training.tracking.track import tracked_run

NONE = "none"


def promote(arguments: Namespace) -> dict[str, Any]:
    """Moves the alias to the run, unless it is there. Raises TrainingError where another than `instead_of` has it."""
    folder = Path(arguments.artifacts).resolve()
    dataset = load_config(folder).dataset
    before = champion_of(arguments.tracking_uri, dataset)
    version = before.version if before else NONE
    if before and before.is_of(folder):
        say(f"{folder.name} is the champion, version {version}")
        return {"champion": asdict(before)}
    if arguments.instead_of not in (None, version):
        raise TrainingError(
            f"the champion is version {version} now, not {arguments.instead_of}: challenge the present one first"
        )
    champion = crown(arguments.tracking_uri, dataset, tracked_run(arguments.tracking_uri, folder))
    say(f"{folder.name} is the champion now, version {champion.version}; before it: {version}")
    return {"champion": asdict(champion)}
