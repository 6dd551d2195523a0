"""The promote command: a run becomes the champion."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.progress import say
from training.runs.reading import load_run
from training.tracking.champion import champion_of, crown
from training.tracking.client import alone
from training.tracking.tracked_runs import tracked_run

NONE = "none"


def promote(arguments: Namespace) -> dict[str, Any]:
    """Moves the alias to the run. Raises TrainingError where another than `instead_of` has it."""
    folder, uri = Path(arguments.artifacts).resolve(), arguments.tracking_uri
    dataset = load_run(folder).config.dataset  # one that cannot be loaded cannot serve
    run = tracked_run(uri, folder)
    with alone(uri):
        before = champion_of(uri, dataset) if arguments.instead_of else None
        if arguments.instead_of and (before.version if before else NONE) != arguments.instead_of:
            if before and before.is_of(folder):  # a retry asks again
                return {"champion": asdict(before)}
            raise TrainingError(
                f"the champion is {f'version {before.version}' if before else 'nobody'} now, not "
                f"{arguments.instead_of}: challenge the present one first"
            )
        champion = crown(uri, dataset, run)
    say(f"{folder.name} is the champion of {dataset}, version {champion.version}")
    return {"champion": asdict(champion)}
