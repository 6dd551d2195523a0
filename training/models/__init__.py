"""The models by name."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from training.data.input_shape import InputShape
from training.errors import TrainingError
from training.model_names import MODEL_NAMES, backbone_of
from training.models.content import ContentModel
from training.models.dnn import DNN
from training.models.inputs import InputLayer
from training.models.mmoe import MMoE
from training.models.ple import PLE
from warehouse.tables import SCENES


@dataclass(frozen=True)
class ModelSettings:
    """What shapes a model, whichever it is."""

    embedding_size: int = 16
    hidden_size: int = 128
    dropout: float = 0.2
    id_dropout: float = 0.4
    unseen_rate: float = 0.2
    experts: int = 8
    levels: int = 2
    scene_experts: int = 1
    shared_experts: int = 3


_EXPERT_SIZES, _TOWER_SIZE = (128, 64), 32

# A model maps a batch of Rows to logits [B].
_BACKBONES: dict[str, Callable[[InputLayer, ModelSettings], nn.Module]] = {
    "dnn": lambda inputs, settings: DNN(inputs, settings.hidden_size, settings.dropout),
    "mmoe": lambda inputs, settings: MMoE(inputs, len(SCENES), settings.experts, _EXPERT_SIZES, _TOWER_SIZE),
    "ple": lambda inputs, settings: PLE(
        inputs,
        len(SCENES),
        settings.levels,
        settings.scene_experts,
        settings.shared_experts,
        _EXPERT_SIZES,
        _TOWER_SIZE,
    ),
}


def build_model(
    name: str,
    shape: InputShape,
    settings: ModelSettings,
    text_shape: tuple[int, int] | None = None,
) -> nn.Module:
    """A freshly initialised model, drawn from torch's global generator.

    text_shape: for a content model, texts a row and the size of their whitened embeddings.
    """
    inputs = InputLayer(shape, settings.embedding_size, settings.id_dropout, settings.unseen_rate)
    backbone = _BACKBONES[backbone_of(name)](inputs, settings)
    return ContentModel(backbone, len(SCENES), *text_shape, settings.dropout) if text_shape else backbone


def require_known(name: str) -> None:
    """Raises TrainingError on a name that no model has."""
    if name not in MODEL_NAMES:
        raise TrainingError(f"there is no model {name!r}: take one of {', '.join(MODEL_NAMES)}")
