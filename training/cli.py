"""The command line `python -m training`. Airflow's tasks call `main`, or run the command in a container."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date as calendar_date
from functools import partial
from typing import Any

from training.commands.challenge import challenge
from training.commands.compare import compare
from training.commands.embed import embed
from training.commands.evaluate import evaluate
from training.commands.export import export
from training.commands.predict import predict
from training.commands.promote import NONE, promote
from training.commands.track import track
from training.commands.train import train
from training.commands.watch import watch
from training.data.text_columns import MODES
from training.distributed import count, is_first, is_leader, joined
from training.errors import TrainingError
from training.fitting.device import DEVICES
from training.fitting.loop_settings import CRITERIA, LoopSettings, default_settings
from training.fitting.memory import is_out_of_memory
from training.model_names import MODEL_NAMES
from training.models.model_settings import ModelSettings
from training.text.encoders import AUTO
from training.text.whitening import MOST_DIMENSIONS
from training.tracking.champion import ALIAS
from training.tracking.champion_history import THEN
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError, first_line
from warehouse.settings import read_settings
from warehouse.tables import SCENES

_LARGEST_SEED = 2**32 - 1  # the largest that all random generators accept


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run one command, print its result as a JSON object on the last line, and return it. Raises TrainingError."""
    try:
        summary = _run(_readable(_parser().parse_args(argv)))
    except WarehouseError as error:
        raise TrainingError(str(error)) from error
    except BrokenPipeError:
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"out of memory ({first_line(error)}): lower --batch-size, --memory-mb or the model's sizes, or end other "
            "programs"
        ) from error
    except OSError as error:
        raise TrainingError(
            f"{type(error).__name__}: {error}: check that the path exists, that you have permission to use "
            "it, and that the disk is not full"
        ) from error
    if is_leader():
        print(json.dumps(summary, ensure_ascii=False, allow_nan=False), flush=True)
    return summary


def run() -> int:
    """Run one command from a shell. Prints an error as one sentence on stderr, and returns the exit status.

    The status is 75 (EX_TEMPFAIL) if the same command may succeed later.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # torchrun and containers interrupt with SIGTERM
    try:
        with joined():
            main()
    except TrainingError as error:
        if is_first():
            print(f"error: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL if error.may_pass else 1
    except BrokenPipeError:  # the reader of the output has stopped reading
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        if is_first():
            print("interrupted: run the same command again; a training resumes after its last epoch", file=sys.stderr)
        return 130
    return 0


def _readable(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments unchanged. Raises TrainingError if one is not UTF-8, because files and logs need UTF-8."""
    for name, value in vars(arguments).items():
        for text in value if isinstance(value, list) else [value]:
            try:
                str(text).encode()
            except UnicodeEncodeError as error:
                option = f"--{name.replace('_', '-')}"
                raise TrainingError(f"{option} is not UTF-8: {text!a}; set your terminal to UTF-8") from error
    return arguments


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    if count() > 1 and arguments.command != "train":
        raise TrainingError(f"the command {arguments.command} runs in one process only: start it without torchrun")
    if arguments.command in _ON_TABLES:
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        catalog.require_scenes()
        return _ON_TABLES[arguments.command](arguments, catalog)
    return _ON_RUNS[arguments.command](arguments)


_ON_TABLES = {"train": train, "embed": embed, "predict": predict, "watch": watch}
_ON_RUNS = {
    **{"evaluate": evaluate, "compare": compare, "track": track, "challenge": challenge, "promote": promote},
    "export": export,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train, evaluate and compare click models.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands.add_parser("train", help="train and evaluate a model on a window of dates"))
    _add_window(commands.add_parser("embed", help="embed the texts of some dates before models are trained on them"))
    predicting = commands.add_parser("predict", help="score candidates with the champion or another run")
    _add_predict(predicting)
    watching = commands.add_parser("watch", help="compare the champion's scores of a date with its clicks")
    _add_watch(watching)
    evaluating = commands.add_parser("evaluate", help="compute a run's metrics again from its folder")
    comparing = commands.add_parser("compare", help="compare runs on the same validation rows")
    tracking = commands.add_parser("track", help="record runs in MLflow, with their parameters, metrics and files")
    challenging = commands.add_parser("challenge", help="test the best of the given runs against the champion")
    promoting = commands.add_parser("promote", help="make a run the champion of its dataset")
    exporting = commands.add_parser("export", help="write a model in a form that needs neither torch nor this project")
    _add_export(exporting)
    for command in (evaluating, promoting):
        command.add_argument(
            "--artifacts", type=_local, required=True, metavar="RUN", help="the folder of a finished run"
        )
    for command in (comparing, tracking, challenging):
        command.add_argument(
            "--artifacts", type=_local, required=True, metavar="RUN", nargs="+", help="folders of finished runs"
        )
    for command in (evaluating, challenging):
        command.add_argument("--warehouse", help="root URI of the tables, if they have moved since the run")
    for command in (evaluating, challenging, promoting, predicting, watching):
        owner = "champion" if command in (challenging, watching) else "run"
        command.add_argument(
            "--text-encoder",
            metavar="FOLDER",
            help=f"the new folder of the {owner}'s text encoder, if it has moved",
        )
    for command in (tracking, challenging, promoting, predicting, watching, exporting):
        command.add_argument(
            "--tracking-uri", default=read_settings().tracking_uri, help="address of MLflow (MLFLOW_TRACKING_URI)"
        )
    promoting.add_argument(
        "--instead-of",
        metavar="VERSION",
        help=f"promote only if this version is still the champion ({NONE}: only if there is no champion)",
    )
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    settings = read_settings()
    add = partial(_add, parser)
    add("--warehouse", default=settings.warehouse, help="root URI of the tables")
    add("--dataset", default=settings.dataset, help="suffix of the tables")
    add("--artifacts", type=_local, default=settings.artifacts, help="folder for runs and embeddings")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_places(parser)
    add = partial(_add, parser)
    _add_model(parser, f"{THEN} (for each date, the champion as it was when the date began)")
    _add_dates(parser, "score")
    add("--top", type=_whole(1), metavar="K", help="keep only the K best candidates of each user and scene (all)")


def _add_watch(parser: argparse.ArgumentParser) -> None:
    _add_places(parser)
    _add_dates(parser, "watch")


def _add_dates(parser: argparse.ArgumentParser, verb: str) -> None:
    add = partial(_add, parser)
    add("--date", type=_date, help=f"the date to {verb}")
    add("--start-date", type=_date, help="first date of a range, inclusive")
    add("--end-date", type=_date, help="last date of a range, inclusive")


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add(parser, "--dataset", default=read_settings().dataset, help=f"the dataset of the {ALIAS}")
    _add(parser, "--to", type=_local, required=True, metavar="FOLDER", help="the new folder to write")


def _add_model(parser: argparse.ArgumentParser, *more: str) -> None:
    about = ", ".join([ALIAS, *more, "or the folder of a finished run"])
    _add(parser, "--model", type=_local, required=True, metavar="RUN", help=about)


def _add_window(parser: argparse.ArgumentParser) -> None:
    _add_places(parser)
    add = partial(_add, parser)
    add("--as-of", required=True, help="last validation date, YYYY-MM-DD")
    add(
        "--train-days",
        type=_whole(2),
        default=12,
        help="maximum number of days to train on, before the validation days",
    )
    add("--val-days", type=_whole(1), default=1, help="number of days to validate on, up to --as-of")
    add("--allow-stale", action="store_true", help="also use stale training tables")
    add(
        "--text-encoder",
        default=AUTO,
        help="auto, lsa, m3e-base, the name of a model on the Hugging Face hub, or a folder",
    )
    add(
        "--text-mode",
        choices=list(MODES),
        default="profile",
        help="a row's texts. combined: one of item and query; split: one each; profile: also bills and services",
    )
    add("--seed", type=_whole(0, _LARGEST_SEED), default=LoopSettings().seed, help="random seed")


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_window(parser)
    loop, model = LoopSettings(), ModelSettings()
    add = partial(_add, parser)
    add("--model", default="dnn", help=", ".join(MODEL_NAMES))
    add("--embedding-size", type=_whole(1), default=model.embedding_size, help="dimensions of an id embedding")
    add("--min-count", type=_whole(1), default=model.min_count, help="users and items seen less often count as unseen")
    add("--hidden-size", type=_whole(1), default=model.hidden_size, help="dnn, din: units of the hidden layer")
    add("--dropout", type=_share, default=model.dropout, help="dnn, din and content tower: dropout rate")
    add(
        "--text-in-backbone",
        action="store_true",
        help="_content: let the backbone read the texts too, as in the _text models",
    )
    about = f"dimensions of a whitened text embedding (one for every 100 distinct texts, up to {MOST_DIMENSIONS})"
    add("--whitened-size", type=_whole(1), help=about)
    add("--experts", type=_whole(1), default=model.experts, help="mmoe, mmoe_din: number of experts")
    add("--levels", type=_whole(1, 100), default=model.levels, help="ple: number of levels")
    add("--scene-experts", type=_whole(1), default=model.scene_experts, help="ple: experts of each scene per level")
    add("--shared-experts", type=_whole(1), default=model.shared_experts, help="ple: shared experts per level")
    add("--leaves", type=_whole(2, 2**15), default=model.leaves, help="gbdt: most leaves of a tree")
    add("--id-dropout", type=_share, default=model.id_dropout, help="dropout rate of id embeddings")
    add(
        "--unseen-rate",
        type=_share,
        default=model.unseen_rate,
        help="share of rows whose user, and likewise whose item, training treats as unseen",
    )
    add("--epochs", type=_whole(1), default=loop.epochs, help="maximum number of epochs")
    add("--batch-size", type=_whole(1), default=loop.batch_size, help="rows per step")
    add("--learning-rate", type=_positive, help=f"Adam's learning rate, or the trees' ({_by_model('learning_rate')})")
    add(
        "--warmup-steps",
        type=_whole(0, 10**6),
        default=loop.warmup_steps,
        help="steps over which the learning rate rises from 0",
    )
    add("--weight-decay", type=_share, default=loop.weight_decay, help="weight decay of all weights except embeddings")
    add("--embedding-decay", type=_share, help=f"weight decay of embeddings ({_by_model('embedding_decay')})")
    add("--clip-norm", type=_not_negative, default=loop.clip_norm, help="maximum norm of the gradient; 0: no limit")
    add("--scene-weights", type=_scene_weights, metavar="W,W,...", help="weight of each scene in the loss (all equal)")
    add("--patience", type=_whole(1), default=loop.patience, help="epochs without improvement before stopping")
    add(
        "--stop-on",
        choices=CRITERIA,
        default=loop.stop_on,
        help="metric of the last training day that decides which epoch is best",
    )
    add("--device", choices=DEVICES, default="auto", help="where to train; auto: a GPU if there is one")
    add("--compile", action="store_true", help="use torch.compile: takes a minute at the start, pays off in long runs")
    add(
        "--memory-mb",
        type=_whole(1),
        default=loop.memory_mb,
        help="memory for training rows, in MB; if they need more, they are streamed from disk",
    )
    add("--notes", default="", help="what the run is for; shown in its report")
    add(
        "--few-max",
        type=_whole(1),
        default=5,
        help="maximum number of impressions of an id at the cold-start level few",
    )


def _by_model(setting: str) -> str:
    """Write the default of a setting that depends on the model: 0.001, lr: 0.01."""
    usual = getattr(LoopSettings(), setting)
    own = {name: getattr(default_settings(name), setting) for name in MODEL_NAMES}
    return ", ".join([f"{usual:g}", *(f"{name}: {value:g}" for name, value in own.items() if value != usual)])


def _add(parser: argparse.ArgumentParser, flag: str, help: str, **options: Any) -> None:
    has_default = options.get("default") not in (None, "")
    parser.add_argument(flag, help=f"{help} (%(default)s)" if has_default else help, **options)


def _local(text: str) -> str:
    if not text:  # as a shell makes of a variable that is not set; it would stand for the folder of the command
        raise argparse.ArgumentTypeError("it is empty: give a folder")
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a local folder; only tables may be on another file system")
    return text


def _date(text: str) -> str:
    try:
        if calendar_date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a date: write it as YYYY-MM-DD")


def _whole(least: int, most: int = 2**31 - 1):
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a whole number from {least} to {most}")
        return int(text)

    return parse


def _share(text: str) -> float:
    value = _not_negative(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a number from 0 to less than 1, such as 0.1")
    return value


def _scene_weights(text: str) -> tuple[float, ...]:
    weights = tuple(_positive(weight) for weight in text.split(","))
    if not all(1e-6 <= weight <= 1e6 for weight in weights):
        raise argparse.ArgumentTypeError(f"{text!r} has weights below 0.000001 or above 1,000,000")
    if len(weights) != len(SCENES):
        raise argparse.ArgumentTypeError(f"{text!r} has {len(weights)} weights, but there are {len(SCENES)} scenes")
    return weights


def _positive(text: str) -> float:
    value = _not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a number larger than 0")
    return value


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a number, 0 or larger")
    return value
