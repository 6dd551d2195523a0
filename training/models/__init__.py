"""The models by name."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from training.errors import TrainingError
from training.models.dnn import DNN
from training.models.inputs import InputLayer


@dataclass(frozen=True)
class ModelSettings:
    """What shapes a model, whichever it is."""

    embedding_size: int = 16
    hidden_size: int = 128
    dropout: float = 0.2
    unseen_rate: float = 0.1


# A model maps a batch of Rows to logits [B].
MODELS: dict[str, Callable[[InputLayer, ModelSettings], nn.Module]] = {
    "dnn": lambda inputs, settings: DNN(inputs, settings.hidden_size, settings.dropout),
}


def build_model(name: str, categorical_sizes: dict[str, int], numeric_size: int, settings: ModelSettings) -> nn.Module:
    """A freshly initialised model, drawn from torch's global generator."""
    inputs = InputLayer(categorical_sizes, numeric_size, settings.embedding_size, settings.unseen_rate)
    return MODELS[name](inputs, settings)


def require_known(name: str) -> None:
    """Raises TrainingError on a name that no model has."""
    if name not in MODELS:
        raise TrainingError(f"there is no model {name!r}: take one of {', '.join(MODELS)}")
