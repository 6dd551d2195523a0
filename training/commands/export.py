"""The export command: write the model of a run in a form that needs neither torch nor this repository."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from training.progress import say
from training.runs.exported_run import export_run
from training.tracking.champion import ALIAS, require_champion
from training.tracking.champion_model import champion_folder
from training.tracking.run_tags import run_folders


def export(arguments: Namespace) -> dict[str, Any]:
    """Write the champion, or another run, to a new folder. Raises TrainingError."""
    target = Path(arguments.to).resolve()
    if arguments.model == ALIAS:
        champion = require_champion(arguments.tracking_uri, arguments.dataset)
        with champion_folder(arguments.tracking_uri, champion) as folder:
            export_run(folder, champion.run, target)
        name = champion.run
    else:
        (folder,) = run_folders([arguments.model])
        name = folder.name
        export_run(folder, name, target)
    say(f"{name} is exported to {target}")
    return {"run": name, "exported": str(target)}
