"""A run's configuration: its settings and its inputs. It is enough to repeat or evaluate the run."""

from dataclasses import dataclass, fields
from typing import Any

from training.fitting.loop_settings import LoopSettings
from training.model_names import require_known
from training.models.model_settings import ModelSettings
from training.text.window_texts import TextSettings
from training.window import Window
from warehouse.manifest import Input

_EARLIER_WHITENED_SIZE = 128  # of runs whose configuration does not say it


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run was started with.

    inputs: the training tables and their versions. text_settings: None if the model reads no texts. started_at: in UTC.
    processes: how many trained together.
    """

    model: str
    warehouse: str
    dataset: str
    as_of: str
    allow_stale: bool
    few_max: int
    model_settings: ModelSettings
    loop_settings: LoopSettings
    text_settings: TextSettings | None
    window: Window
    inputs: list[Input]
    code_revision: str
    torch_version: str
    started_at: str
    notes: str
    processes: int = 1

    @property
    def text_mode(self) -> str | None:
        """How a row's texts are composed (a key of MODES), or None if the model reads no texts."""
        return self.text_settings.mode if self.text_settings else None

    @staticmethod
    def from_dict(content: dict[str, Any]) -> "RunConfig":
        """Build a configuration from parsed JSON. Raises KeyError, TypeError or TrainingError if it is not one."""
        content = {"processes": 1, **content}
        known = {field.name: content[field.name] for field in fields(RunConfig)}
        require_known(known["model"])
        window = known["window"]
        return RunConfig(
            **{
                **known,
                "model_settings": ModelSettings(**known["model_settings"]),
                "loop_settings": _loop_settings(known["loop_settings"]),
                "text_settings": _text_settings(known["text_settings"]),
                "window": Window(tuple(window["train"]), tuple(window["val"])),
                "inputs": [Input(**entry) for entry in known["inputs"]],
            }
        )


def _text_settings(content: dict[str, Any] | None) -> TextSettings | None:
    return TextSettings(**{"whitened_size": _EARLIER_WHITENED_SIZE, **content}) if content else None


def _loop_settings(content: dict[str, Any]) -> LoopSettings:
    weights = content.get("scene_weights")
    return LoopSettings(**{**content, "scene_weights": tuple(weights) if weights else None})
