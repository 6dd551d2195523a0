"""The facts about a run that its report lists at the end."""

from dataclasses import asdict
from typing import Any

from training.runs.config import RunConfig


def facts(config: RunConfig, course: dict[str, Any]) -> dict[str, str]:
    """Return the facts by name. course: as in the run's configuration file."""
    window, texts = config.window, config.text_settings
    return {
        "trained on": f"{window.train[0]} to {window.train[-1]}, {course['train_rows']:,} rows",
        "validated on": f"{window.val[0]} to {window.val[-1]}",
        "dataset": f"{config.dataset} in {config.warehouse}",
        "best epoch": f"{course['best_epoch']} of {len(course['epochs'])}",
        "training rate": f"{course['rows_per_second']:,} rows/s",
        "model": _listed(asdict(config.model_settings)),
        "training": _listed(asdict(config.loop_settings)),
        "cold-start levels": f"zero: 0 impressions, few: 1 to {config.few_max}, warm: {config.few_max + 1} or more",
        **({"texts": f"{texts.mode}, embedded by {texts.encoder}"} if texts else {}),
        "code revision": config.code_revision,
        "started": config.started_at,
        "notes": config.notes or "none",
    }


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in settings.items())


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
