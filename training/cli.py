"""The command line of training; Airflow's tasks call its `main`, or run it in a container."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from training.commands.challenge import challenge
from training.commands.compare import compare
from training.commands.embed import embed
from training.commands.evaluate import evaluate
from training.commands.promote import NONE, promote
from training.commands.track import track
from training.commands.train import train
from training.data.text_columns import MODES
from training.errors import TrainingError
from training.fitting.device import DEVICES
from training.fitting.loop_settings import CRITERIA, LoopSettings
from training.model_names import MODEL_NAMES
from training.models import ModelSettings
from training.processes import count, is_first, is_leader, joined
from training.text.encoders import AUTO
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings
from warehouse.tables import SCENES

_LARGEST_SEED = 2**32 - 1  # what every generator here takes


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs one command, prints its summary as one JSON object on the last line and returns it. Raises TrainingError."""
    try:
        summary = _run(_parser().parse_args(argv))
    except WarehouseError as error:
        raise TrainingError(str(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TrainingError(f"{type(error).__name__}: {error}: check that the path is there and may be used") from error
    if is_leader():
        print(json.dumps(summary, ensure_ascii=False, allow_nan=False), flush=True)
    return summary


def run() -> int:
    """The same for a shell: an exit status, and errors as a sentence on stderr.

    The status is 75 (EX_TEMPFAIL) where the same command may succeed later.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # torchrun's way, and a container's, to interrupt
    try:
        with joined():
            main()
    except TrainingError as error:
        if is_first():
            print(f"error: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL if error.may_pass else 1
    except BrokenPipeError:  # whoever reads what it says has read enough
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        if is_first():
            print("interrupted: the same command goes on from its last checkpoint", file=sys.stderr)
        return 130
    return 0


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    if count() > 1 and arguments.command != "train":
        raise TrainingError(f"{arguments.command} is the work of one process: start it without torchrun")
    if arguments.command in _OF_WINDOW:
        return _OF_WINDOW[arguments.command](arguments, Catalog(arguments.warehouse, arguments.dataset))
    return _OF_RUNS[arguments.command](arguments)


_OF_WINDOW = {"train": train, "embed": embed}
_OF_RUNS = {"evaluate": evaluate, "compare": compare, "track": track, "challenge": challenge, "promote": promote}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Click models: train, evaluate, compare.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands.add_parser("train", help="train and evaluate a model on a window of dates"))
    _add_window(commands.add_parser("embed", help="embed a window's texts, for the runs on it to find"))
    one = commands.add_parser("evaluate", help="compute a run's metrics again from its folder")
    many = commands.add_parser("compare", help="runs side by side on the same validation rows")
    tracked = commands.add_parser("track", help="keep runs in MLflow: parameters, metrics by segment, files")
    challenger = commands.add_parser("challenge", help="test the best of some runs against the champion")
    champion = commands.add_parser("promote", help="make a run the champion of its dataset")
    for of_one in (one, champion):
        of_one.add_argument(
            "--artifacts", type=_local, required=True, metavar="RUN", help="the folder of a finished run"
        )
    for of_many in (many, tracked, challenger):
        of_many.add_argument(
            "--artifacts", type=_local, required=True, metavar="RUN", nargs="+", help="folders of finished runs"
        )
    for reading in (one, challenger):
        reading.add_argument("--warehouse", help="where the tables lie now, if not where the run found them")
    for tracking in (tracked, challenger, champion):
        tracking.add_argument(
            "--tracking-uri", default=read_settings().tracking_uri, help="MLflow's (MLFLOW_TRACKING_URI)"
        )
    champion.add_argument(
        "--instead-of", metavar="VERSION", help=f"only where the champion still is this version, or {NONE}"
    )
    return parser


def _add_window(parser: argparse.ArgumentParser) -> None:
    settings = read_settings()
    add = parser.add_argument
    add("--warehouse", default=settings.warehouse, help="root URI of the tables (%(default)s)")
    add("--dataset", default=settings.dataset, help="suffix of the tables (%(default)s)")
    add(
        "--artifacts",
        type=_local,
        default=settings.artifacts,
        help="where runs and embeddings are written (%(default)s)",
    )
    add("--as-of", required=True, help="last validation date, YYYY-MM-DD")
    add("--train-days", type=_whole(1), default=12, help="days to train on, before those of validation (%(default)s)")
    add("--val-days", type=_whole(1), default=1, help="days to validate on, up to --as-of (%(default)s)")
    add("--allow-stale", action="store_true", help="take stale training tables as they are")
    add("--text-encoder", default=AUTO, help="auto, lsa, m3e-base, another hub name or a folder (%(default)s)")
    add("--text-mode", choices=list(MODES), default="split", help="one text a row, or item and query (%(default)s)")
    add("--seed", type=_whole(0, _LARGEST_SEED), default=LoopSettings().seed, help="of everything drawn (%(default)s)")


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_window(parser)
    loop, model = LoopSettings(), ModelSettings()
    add = parser.add_argument
    add("--model", default="dnn", help=f"{', '.join(MODEL_NAMES)} (%(default)s)")
    add("--embedding-size", type=_whole(1), default=model.embedding_size, help="numbers an id (%(default)s)")
    add("--hidden-size", type=_whole(1), default=model.hidden_size, help="dnn: units of the hidden layer (%(default)s)")
    add("--dropout", type=_share, default=model.dropout, help="dnn, content: share dropped (%(default)s)")
    add("--experts", type=_whole(1), default=model.experts, help="mmoe: experts, all shared (%(default)s)")
    add("--levels", type=_whole(1), default=model.levels, help="ple: levels of experts (%(default)s)")
    add(
        "--scene-experts", type=_whole(1), default=model.scene_experts, help="ple: a scene's own, a level (%(default)s)"
    )
    add("--shared-experts", type=_whole(1), default=model.shared_experts, help="ple: shared, a level (%(default)s)")
    add("--id-dropout", type=_share, default=model.id_dropout, help="share of an id's numbers dropped (%(default)s)")
    add("--unseen-rate", type=_share, default=model.unseen_rate, help="users and items forgotten, a row (%(default)s)")
    add("--epochs", type=_whole(1), default=loop.epochs, help="epochs at most (%(default)s)")
    add("--batch-size", type=_whole(1), default=loop.batch_size, help="rows a step of Adam (%(default)s)")
    add("--learning-rate", type=_positive, default=loop.learning_rate, help="of Adam (%(default)s)")
    add(
        "--warmup-steps",
        type=_whole(0, 1_000_000),
        default=loop.warmup_steps,
        help="steps of a rising rate (%(default)s)",
    )
    add("--weight-decay", type=_share, default=loop.weight_decay, help="of all but embeddings (%(default)s)")
    add("--embedding-decay", type=_share, default=loop.embedding_decay, help="of embeddings (%(default)s)")
    add(
        "--clip-norm",
        type=_not_negative,
        default=loop.clip_norm,
        help="largest norm of the gradient, 0: no limit (%(default)s)",
    )
    add(
        "--scene-weights",
        type=_scene_weights,
        metavar="W,W,...",
        help="weight in the loss of a row of each scene (all the same)",
    )
    add("--patience", type=_whole(1), default=loop.patience, help="epochs without a better one (%(default)s)")
    add("--stop-on", choices=CRITERIA, default=loop.stop_on, help="what makes an epoch the better one (%(default)s)")
    add("--device", choices=DEVICES, default="auto", help="where to train; auto: a GPU if there is one (%(default)s)")
    add("--compile", action="store_true", help="train through torch.compile: a minute at first, for long trainings")
    add(
        "--memory-mb",
        type=_whole(1),
        default=loop.memory_mb,
        help="of rows held in memory; a larger window is streamed (%(default)s)",
    )
    add("--notes", default="", help="what the run is for; kept in its folder and its report")
    add("--few-max", type=_whole(1), default=5, help="impressions up to which an id is cold-start few (%(default)s)")


def _local(text: str) -> str:
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no folder of this machine; only tables may lie elsewhere")
    return text


def _whole(least: int, most: int = 2**31 - 1):
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def _share(text: str) -> float:
    value = _not_negative(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up to below 1")
    return value


def _scene_weights(text: str) -> tuple[float, ...]:
    weights = tuple(_positive(weight) for weight in text.split(","))
    if not all(1e-6 <= weight <= 1e6 for weight in weights):
        raise argparse.ArgumentTypeError(f"{text!r} has weights below 0.000001 or above 1,000,000")
    if len(weights) != len(SCENES):
        raise argparse.ArgumentTypeError(f"{text!r} has {len(weights)} weights, there are {len(SCENES)} scenes")
    return weights


def _positive(text: str) -> float:
    value = _not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return value
