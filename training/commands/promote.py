"""The promote command: make a run the champion of its dataset."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from training.errors import TrainingError
from training.progress import say
from training.runs.stored_run import load_run
from training.runs.summary import read_summary
from training.tracking.champion import champion_of, crown
from training.tracking.contents import version_page
from training.tracking.lock import locked
from training.tracking.run_tags import run_folders
from training.tracking.tracked_runs import tracked_run

NONE = "none"


def promote(arguments: Namespace) -> dict[str, Any]:
    """Make the run the champion. Raises TrainingError if `instead_of` is not the current champion's version."""
    (folder,), uri = run_folders([arguments.artifacts]), arguments.tracking_uri
    dataset = load_run(folder, arguments.text_encoder).config.dataset  # a run that cannot be loaded cannot serve
    run = tracked_run(uri, folder)
    with locked(uri):
        current = champion_of(uri, dataset) if arguments.instead_of else None
        if arguments.instead_of and (current.version if current else NONE) != arguments.instead_of:
            if current and current.is_of(folder):  # a retry of a promotion that succeeded
                return {"champion": asdict(current)}
            raise TrainingError(
                f"the champion is {f'version {current.version}' if current else NONE} now, not "
                f"{arguments.instead_of}: challenge the current champion first"
            )
        champion = crown(uri, dataset, run, version_page(read_summary(folder)))
    say(f"{folder.name} is the champion of {dataset}, version {champion.version}")
    return {"champion": asdict(champion)}
