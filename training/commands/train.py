"""The train command: train a model on a window of dates, evaluate it, and write both to the folder of a new run."""

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch
from torch import Tensor

from training.checksums import code_checksum
from training.data.batches import Batches, InMemoryBatches
from training.data.feature_fitting import fit_features
from training.data.input_shape import InputShape
from training.data.row_encoder import BYTES_PER_HISTORY, BYTES_PER_ROW, RowEncoder, load_rows, without_newcomers
from training.data.row_texts import latest_item_texts
from training.data.rows import Rows
from training.data.streaming import StreamedBatches
from training.data.training_table import count_rows, read_dates, read_in_pieces, read_keys, row_groups
from training.data.user_histories import histories_for
from training.distributed import count, from_leader, is_leader
from training.errors import TrainingError
from training.evaluation.auc import auc
from training.evaluation.calibration import log_loss
from training.evaluation.model_evaluation import evaluate_model
from training.fitting.checkpoint import Checkpoint
from training.fitting.device import denormals_flushed, forked_random_state, keep_freed_memory, on_device, resolve_device
from training.fitting.loop import Epoch, Validate, best_epoch, fit, fit_epochs
from training.fitting.loop_settings import Device, LoopSettings, default_settings
from training.fitting.memory import require_memory
from training.model_names import GBDT, reads_history, reads_texts, require_known
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings
from training.progress import say
from training.report.facts import facts
from training.report.page import render
from training.runs.config import RunConfig
from training.runs.writing import publish_run, staging_folder, write_evaluation, write_run
from training.text.encoders import resolve_encoder
from training.text.window_texts import TextSettings, WhitenedTexts, embed_window, whiten_window
from training.window import available_window, require_published, require_unchanged, tables_of
from warehouse.catalog import Catalog
from warehouse.lineage import report_run
from warehouse.publish import code_revision

if TYPE_CHECKING:
    from training.models.gbdt import Trees

_WITHOUT_EFFECT = ("started_at", "notes", "code_revision")


@dataclass(frozen=True)
class Prepared:
    """What a model is trained and validated on.

    batches: of all training days. held_out: the rows of the last training day, which choose the number of epochs.
    keys: the key columns of the validation rows. item_texts: for a model that attends to texts of items, the whitened
    text of each item by its index, [items, K].
    """

    encoder: RowEncoder
    content: WhitenedTexts | None
    item_texts: Tensor | None
    batches: Batches
    all_but_held_out: Batches
    held_out: Rows
    streamed: bool
    validation: Rows
    keys: pa.Table


@dataclass(frozen=True)
class Fitted:
    """A trained model as of its best epoch. course: the rows, speed and losses of the training."""

    model: "RowModel | Trees"
    course: dict[str, Any]


@denormals_flushed()
def train(arguments: Namespace, catalog: Catalog) -> dict[str, Any]:
    """Train, evaluate and publish one run. Returns its metrics and folder; {} in all processes but the leader."""
    require_known(arguments.model)
    code = code_checksum()  # first, as it may be edited while this runs
    artifacts = Path(arguments.artifacts)
    artifacts.mkdir(parents=True, exist_ok=True)  # fails now, not after the training, if the folder cannot be written
    keep_freed_memory()
    config = from_leader(lambda: _configure(arguments, catalog))
    prepared = prepare(config, catalog, artifacts)
    identity = _identity(config, prepared, code)
    with (
        Checkpoint(artifacts, identity | {"trained_on": "all days but the last"}) as first,
        Checkpoint(artifacts, identity | {"trained_on": "all days"}) as second,
    ):
        fitted = fit_model(config, prepared, first, second)
        if prepared.streamed:  # every epoch has read the tables again
            require_unchanged(catalog, config.inputs)
        if not is_leader():
            return {}
        summary = publish(config, catalog, prepared, fitted, artifacts)
        first.remove()
        second.remove()
        return summary


def prepare(config: RunConfig, catalog: Catalog, artifacts: Path) -> Prepared:
    """Fit the features, embed the texts if the model reads texts, and load the rows or open them for streaming."""
    window, loop, started = config.window, config.loop_settings, time.monotonic()
    by_day = [count_rows(catalog, date) for date in window.train]
    rows, rows_before = sum(by_day), sum(by_day[:-1])
    memory = loop.memory_mb * 2**20
    read = read_in_pieces if rows * BYTES_PER_ROW > memory else read_dates
    space = from_leader(lambda: fit_features(catalog, window.train, read, config.model_settings.min_count))
    row_bytes = BYTES_PER_ROW + space.bytes_of_lists  # only now it is known how long lists are
    row_bytes += BYTES_PER_HISTORY if reads_history(config.model) else 0
    streamed = rows * row_bytes > memory
    _require_room(config, space.input_shape, rows)
    content = from_leader(lambda: _whitened_texts(config, catalog, artifacts))
    encoder = RowEncoder(space, content.texts if content else None, histories_for(config.model, catalog, space))
    days_before, last_day = window.train[:-1], window.train[-1:]
    batches: Batches
    all_but_held_out: Batches
    if streamed:
        buffer_rows = memory // row_bytes
        groups = row_groups(catalog, window.train)
        groups_before = [group for group in groups if group.date in days_before]
        batches, all_but_held_out = (
            StreamedBatches(of_days, of_rows, encoder, loop.batch_size, buffer_rows)
            for of_days, of_rows in ((groups, rows), (groups_before, rows_before))
        )
        held_out = load_rows(catalog, last_day, encoder)
    else:
        loaded = on_device(load_rows(catalog, window.train, encoder), loop.device)
        held_out = loaded.slice(rows_before, rows)
        batches = InMemoryBatches(loaded, loop.batch_size)
        days_before_rows = loaded.slice(0, rows_before)
        _require_both_classes(days_before_rows, days_before, "the training days but the last")
        all_but_held_out = InMemoryBatches(days_before_rows, loop.batch_size)
    validation, keys = load_rows(catalog, window.val, encoder), read_keys(catalog, window.val)
    item_texts = from_leader(lambda: _item_texts(catalog, window.train, encoder, content))
    held_out = without_newcomers(held_out, space)
    require_unchanged(catalog, config.inputs)
    _require_both_classes(held_out, last_day, "the last training day")
    _require_both_classes(validation, window.val, "the validation dates")
    say(
        f"{config.model}: {len(window.train)} training days, {window.train[0]} to {window.train[-1]}, "
        f"{rows:,} rows{', streamed' if streamed else ''}, "
        f"validation {len(validation):,} rows up to {window.val[-1]}, read in {time.monotonic() - started:.1f} s, "
        f"trained on {loop.device}{f' by {count()} processes' if count() > 1 else ''}"
    )
    return Prepared(encoder, content, item_texts, batches, all_but_held_out, held_out, streamed, validation, keys)


def fit_model(config: RunConfig, prepared: Prepared, first: Checkpoint, second: Checkpoint) -> Fitted:
    """Train a new model twice: to choose the number of epochs on the last training day, then on all days.

    So the validation days decide nothing. A network resumes from the checkpoints of a killed run with the same
    configuration, one for each training.
    """
    loop = config.loop_settings
    held_out, validate = prepared.held_out, _validator(prepared.held_out)
    model: RowModel | Trees
    with forked_random_state(loop.device):
        if config.model == GBDT:
            from training.fitting.boosting import boost, boost_epochs

            shape, leaves = prepared.encoder.space.input_shape, config.model_settings.leaves
            _, epochs = boost(prepared.all_but_held_out, shape, held_out, validate, loop, leaves)
            best = best_epoch(epochs, loop.stop_on).number
            model = boost_epochs(prepared.batches, shape, best, loop, leaves)
        else:
            epochs = fit(_new_network(config, prepared), prepared.all_but_held_out, held_out, validate, loop, first)
            best = best_epoch(epochs, loop.stop_on).number
            model = _new_network(config, prepared)
            fit_epochs(model, prepared.batches, best, loop, second)
    return Fitted(model, _course(epochs, prepared, config))


def _new_network(config: RunConfig, prepared: Prepared) -> RowModel:
    """Build the network with its first weights, which depend on nothing but the seed."""
    torch.manual_seed(config.loop_settings.seed)
    content, shape = prepared.content, prepared.encoder.space.input_shape
    text_shape, text_table = (content.space.shape, content.table) if content else (None, None)
    model = build_model(config.model, shape, config.model_settings, text_shape)
    if prepared.item_texts is not None:
        assert model.inputs.attention is not None
        model.inputs.attention.item_texts = prepared.item_texts.clone()
    return RowModel(model, text_table)


def publish(config: RunConfig, catalog: Catalog, prepared: Prepared, fitted: Fitted, artifacts: Path) -> dict[str, Any]:
    """Evaluate the model and write the run's folder. Returns the metrics and the folder."""
    model, course, space, dates = fitted.model, fitted.course, prepared.encoder.space, config.window.val
    predictions, metrics, report = evaluate_model(
        model, space, catalog, dates, prepared.validation, prepared.keys, config.few_max, config.text_mode
    )
    metrics = {"model": config.model, "as_of": config.as_of, **metrics}
    labels, logits = predictions["label"].to_numpy(), predictions["logit"].to_numpy()
    page = render(facts(config, course), course, labels, logits, metrics, report)
    with staging_folder(artifacts) as staged:
        write_run(staged, config, course, space, prepared.content.space if prepared.content else None, model)
        write_evaluation(staged, predictions, metrics, report, page)
        folder = publish_run(staged, artifacts, config.model).resolve()
    ended_at = datetime.now(UTC).isoformat(timespec="seconds")
    report_run(catalog, config.model, str(folder), config.as_of, config.inputs, config.code_revision, ended_at)
    say(f"{folder}: AUC {metrics['auc']:.4f} on {metrics['rows']:,} rows of {', '.join(dates)}")
    rate = {name: course[name] for name in ("best_epoch", "rows_per_second")}
    return {"artifacts": str(folder), **metrics, "train_days": len(config.window.train), **rate}


def _require_room(config: RunConfig, shape: InputShape, rows: int) -> None:
    """Raise TrainingError if the model, or what it holds of the training rows, does not fit in memory."""
    if config.model == GBDT:
        from training.fitting.boosting import require_room

        require_room(rows, shape, config.loop_settings)
    else:
        require_memory(lambda: build_model(config.model, shape, config.model_settings), config.loop_settings.device)


def _identity(config: RunConfig, prepared: Prepared, code: str) -> dict[str, Any]:
    """Return everything that affects the result. A checksum stands for the code: its revision misses local edits."""
    identity = {name: value for name, value in asdict(config).items() if name not in _WITHOUT_EFFECT}
    encoder = prepared.content.space.encoder.key if prepared.content else None
    return identity | {"text_encoder": encoder, "code": code}


def _configure(arguments: Namespace, catalog: Catalog) -> RunConfig:
    if arguments.batch_size < count():
        raise TrainingError(
            f"--batch-size {arguments.batch_size} is smaller than the number of processes, {count()}: raise it"
        )
    if arguments.model == GBDT and (count() > 1 or arguments.device == "cuda"):
        raise TrainingError("gbdt is trained by one process on the CPU: leave out --device cuda and torchrun")
    window = available_window(catalog, arguments.as_of, arguments.train_days, arguments.val_days)
    return RunConfig(
        model=arguments.model,
        warehouse=catalog.storage.root,
        dataset=arguments.dataset,
        as_of=window.val[-1],
        allow_stale=arguments.allow_stale,
        few_max=arguments.few_max,
        model_settings=_model_settings(arguments),
        loop_settings=_loop_settings(arguments),
        text_settings=_text_settings(arguments),
        window=window,
        inputs=require_published(catalog, window.dates, arguments.allow_stale, tables_of(arguments.model)),
        code_revision=code_revision(),
        torch_version=torch.__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=arguments.notes,
        processes=count(),
    )


def _text_settings(arguments: Namespace) -> TextSettings | None:
    if not reads_texts(arguments.model):
        return None
    return TextSettings(resolve_encoder(arguments.text_encoder), arguments.text_mode, arguments.whitened_size)


def _loop_settings(arguments: Namespace) -> LoopSettings:
    device: Device = "cpu" if arguments.model == GBDT else resolve_device(arguments.device)
    asked = {field.name: getattr(arguments, field.name) for field in fields(LoopSettings)} | {"device": device}
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(default_settings(arguments.model), **given)


def _model_settings(arguments: Namespace) -> ModelSettings:
    return ModelSettings(**{field.name: getattr(arguments, field.name) for field in fields(ModelSettings)})


def _whitened_texts(config: RunConfig, catalog: Catalog, artifacts: Path) -> WhitenedTexts | None:
    if config.text_settings is None:
        return None
    seed = config.loop_settings.seed
    settings = config.text_settings
    return whiten_window(embed_window(catalog, config.window, settings, seed, artifacts), settings.whitened_size)


def _item_texts(
    catalog: Catalog, dates: Sequence[str], encoder: RowEncoder, content: WhitenedTexts | None
) -> Tensor | None:
    if content is None or encoder.histories is None or not content.texts.of_items:
        return None
    items = encoder.space.vocabularies["item_id"]
    return content.table[latest_item_texts(catalog, dates, content.texts, items)]


def _validator(held_out: Rows) -> Validate:
    label = held_out.label.cpu().numpy()

    def validate(logits: Tensor) -> tuple[float, float]:
        scores = logits.numpy()
        area = auc(scores, label)
        assert area is not None  # _require_both_classes has checked that
        return float(log_loss(scores, label).mean()), area

    return validate


def _course(epochs: list[Epoch], prepared: Prepared, config: RunConfig) -> dict[str, Any]:
    """Describe the first training. `val_` in an epoch's figures means the held-out day."""
    stop_on = config.loop_settings.stop_on
    seconds = sum(epoch.seconds for epoch in epochs)
    return {
        "train_rows": prepared.batches.rows,
        "held_out": config.window.train[-1],
        "stop_on": stop_on,
        "best_epoch": best_epoch(epochs, stop_on).number,
        "rows_per_second": round(prepared.all_but_held_out.rows * len(epochs) / seconds),
        "epochs": [asdict(epoch) for epoch in epochs],
    }


def _require_both_classes(rows: Rows, dates: tuple[str, ...], what: str) -> None:
    clicks = int(rows.label.sum())
    if clicks in (0, len(rows)):
        raise TrainingError(
            f"of {len(rows)} rows on {what}, {', '.join(dates)}, {clicks} were clicked, but an AUC needs both clicked "
            "and unclicked rows: choose another --as-of, --train-days or --val-days"
        )
