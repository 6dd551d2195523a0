"""The train command: a window of dates becomes an evaluated model in a folder of its own."""

import time
from argparse import Namespace
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import torch
from torch import Tensor

from training.data.batches import Batches, InMemoryBatches
from training.data.features import FeatureSpace, fit_features
from training.data.reading import count_rows, read_dates, read_in_pieces, read_keys, row_groups
from training.data.row_texts import RowTexts
from training.data.rows import BYTES_PER_ROW, Rows, load_rows
from training.data.streaming import StreamedBatches
from training.errors import TrainingError
from training.evaluation.auc import auc
from training.evaluation.calibration import log_loss
from training.evaluation.model_evaluation import evaluate_model
from training.evaluation.segments import Report
from training.fitting.checkpoint import Checkpoint
from training.fitting.device import denormals_flushed, forked_random_state, keep_freed_memory, on_device, resolve_device
from training.fitting.loop import Epoch, Validate, best_epoch, fit
from training.fitting.loop_settings import Criterion, LoopSettings
from training.model_names import has_content
from training.models import ModelSettings, build_model, require_known
from training.models.content import ContentModel
from training.processes import count, from_leader, is_leader
from training.progress import say
from training.report.facts import facts
from training.report.page import render
from training.runs.config import RunConfig
from training.runs.writing import publish_run, staging_folder, write_evaluation, write_run
from training.text.content import TextSettings, WhitenedTexts, embed_window, whitened
from training.text.encoders import resolve
from training.window import require_published, require_unchanged, window_ending
from warehouse.catalog import Catalog
from warehouse.publish import code_revision

_Settings = TypeVar("_Settings", ModelSettings, LoopSettings)


@denormals_flushed()
def train(arguments: Namespace, catalog: Catalog) -> dict[str, Any]:
    """Trains, evaluates and publishes one run; its metrics and its folder. Of several processes only the leader's."""
    require_known(arguments.model)
    Path(arguments.artifacts).mkdir(parents=True, exist_ok=True)  # what cannot be written is told at once
    keep_freed_memory()
    config = from_leader(lambda: _configure(arguments, catalog))
    window, loop = config.window, config.loop_settings
    started = time.monotonic()
    rows = sum(count_rows(catalog, date) for date in window.train)
    streamed = rows * BYTES_PER_ROW > loop.memory_mb * 2**20
    space = from_leader(lambda: fit_features(catalog, window.train, read_in_pieces if streamed else read_dates))
    content = from_leader(lambda: _content(config, catalog, Path(arguments.artifacts)))
    texts = content.texts if content else None
    batches = _batches(catalog, config, space, texts, rows if streamed else None)
    validation, keys = load_rows(catalog, window.val, space, texts), read_keys(catalog, window.val)
    require_unchanged(catalog, config.inputs)
    _require_both_classes(validation, window.val)
    say(
        f"{config.model}: {rows:,} rows of {window.train[0]} to {window.train[-1]}{', streamed' if streamed else ''}, "
        f"validation {len(validation):,} rows up to {window.val[-1]}, read in {time.monotonic() - started:.1f} s, "
        f"trained on {loop.device}{f' by {count()} processes' if count() > 1 else ''}"
    )
    artifacts = Path(arguments.artifacts)
    decides = {name: value for name, value in asdict(config).items() if name not in ("started_at", "notes")}
    checkpoint = Checkpoint(artifacts, decides | {"text_encoder": content and content.space.encoder.key})
    with forked_random_state(loop.device):
        torch.manual_seed(loop.seed)
        text_shape = content.space.shape if content else None
        model = build_model(config.model, space.input_shape, config.model_settings, text_shape)
        if content and isinstance(model, ContentModel):
            model.look_up_in(content.table)
        epochs = fit(model, batches, validation, _judge(validation), loop, checkpoint)
    if streamed:  # every epoch has read the tables again
        require_unchanged(catalog, config.inputs)
    course = _course(epochs, rows, loop.stop_on)
    if not is_leader():
        return {}
    text_mode = config.text_settings.mode if config.text_settings else None
    predictions, metrics, report = evaluate_model(
        model, space, catalog, window.val, validation, keys, config.few_max, text_mode
    )
    metrics = {"model": config.model, "as_of": config.as_of, **metrics}
    with staging_folder(artifacts) as staged:
        write_run(staged, config, course, space, content.space if content else None, model)
        write_evaluation(staged, predictions, metrics, report, _page(config, course, predictions, metrics, report))
        folder = publish_run(staged, artifacts, config.model)
    checkpoint.remove()
    say(f"{folder}: AUC {metrics['auc']:.4f} on {metrics['rows']:,} rows of {', '.join(window.val)}")
    return {
        "artifacts": str(folder.resolve()),
        **metrics,
        **{name: course[name] for name in ("best_epoch", "rows_per_second")},
    }


def _batches(
    catalog: Catalog, config: RunConfig, space: FeatureSpace, texts: RowTexts | None, streamed_rows: int | None
) -> Batches:
    loop, dates = config.loop_settings, config.window.train
    if streamed_rows is None:
        return InMemoryBatches(on_device(load_rows(catalog, dates, space, texts), loop.device), loop.batch_size)
    buffer_rows = loop.memory_mb * 2**20 // BYTES_PER_ROW
    return StreamedBatches(row_groups(catalog, dates), streamed_rows, space, texts, loop.batch_size, buffer_rows)


def _configure(arguments: Namespace, catalog: Catalog) -> RunConfig:
    window = window_ending(arguments.as_of, arguments.train_days, arguments.val_days)
    if arguments.batch_size < count():
        raise TrainingError(
            f"--batch-size {arguments.batch_size} is less than the {count()} processes that share a batch: raise it"
        )
    return RunConfig(
        model=arguments.model,
        warehouse=catalog.storage.root,
        dataset=arguments.dataset,
        as_of=window.val[-1],
        allow_stale=arguments.allow_stale,
        few_max=arguments.few_max,
        model_settings=_chosen(ModelSettings, arguments),
        loop_settings=replace(_chosen(LoopSettings, arguments), device=resolve_device(arguments.device)),
        text_settings=_text_settings(arguments),
        window=window,
        inputs=require_published(catalog, window.dates, arguments.allow_stale),
        code_revision=code_revision(),
        torch_version=torch.__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=arguments.notes,
        processes=count(),
    )


def _text_settings(arguments: Namespace) -> TextSettings | None:
    if not has_content(arguments.model):
        return None
    return TextSettings(resolve(arguments.text_encoder), arguments.text_mode)


def _content(config: RunConfig, catalog: Catalog, artifacts: Path) -> WhitenedTexts | None:
    if config.text_settings is None:
        return None
    seed = config.loop_settings.seed
    return whitened(embed_window(catalog, config.window, config.text_settings, seed, artifacts))


def _chosen(settings: type[_Settings], arguments: Namespace) -> _Settings:
    return settings(**{field.name: getattr(arguments, field.name) for field in fields(settings)})


def _judge(validation: Rows) -> Validate:
    label = validation.label.numpy()

    def validate(logits: Tensor) -> tuple[float, float]:
        scores = logits.numpy()
        area = auc(scores, label)
        assert area is not None  # both classes are there: _require_both_classes
        return float(log_loss(scores, label).mean()), area

    return validate


def _course(epochs: list[Epoch], rows: int, stop_on: Criterion) -> dict[str, Any]:
    seconds = sum(epoch.seconds for epoch in epochs)
    return {
        "train_rows": rows,
        "stop_on": stop_on,
        "best_epoch": best_epoch(epochs, stop_on).number,
        "rows_per_second": round(rows * len(epochs) / seconds),
        "epochs": [asdict(epoch) for epoch in epochs],
    }


def _page(
    config: RunConfig, course: dict[str, Any], predictions: pa.Table, metrics: dict[str, Any], report: Report
) -> str:
    labels, scores = predictions["label"].to_numpy(), predictions["logit"].to_numpy()
    return render(facts(config, course), course, labels, scores, metrics, report)


def _require_both_classes(validation: Rows, dates: tuple[str, ...]) -> None:
    clicks = int(validation.label.sum())
    if clicks in (0, len(validation)):
        raise TrainingError(
            f"the validation dates {', '.join(dates)} hold {len(validation)} rows, {clicks} of them clicked: "
            "an AUC needs both clicked and unclicked rows; choose another --as-of or more --val-days"
        )
