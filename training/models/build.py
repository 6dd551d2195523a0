"""Build a network by its name."""

from collections.abc import Callable

from torch import nn

from training.data.input_shape import InputShape
from training.model_names import LR, backbone_of, has_content, reads_history
from training.models.click_model import ClickModel
from training.models.content_tower import ContentSide
from training.models.dnn import DNN
from training.models.input_layer import InputLayer
from training.models.logistic_regression import LogisticRegression, WideInput
from training.models.mmoe import MMoE
from training.models.model_settings import ModelSettings
from training.models.ple import PLE
from training.models.target_attention import TargetAttention
from training.models.text_input import TextInput
from warehouse.tables import SCENES

_EXPERT_SIZES, _TOWER_SIZE = (128, 64), 32
_TEXT_DROPOUT = 0.5  # of rows, in the backbone: with few distinct items, their texts name the item

# By name. A backbone maps x [B, D] and scene [B] to logits [B] and the weights of its gates, by gate.
_BACKBONES: dict[str, Callable[[int, ModelSettings], nn.Module]] = {
    "dnn": lambda size, settings: DNN(size, settings.hidden_size, settings.dropout),
    "mmoe": lambda size, settings: MMoE(size, len(SCENES), settings.experts, _EXPERT_SIZES, _TOWER_SIZE),
    "ple": lambda size, settings: PLE(
        size, len(SCENES), settings.levels, settings.scene_experts, settings.shared_experts, _EXPERT_SIZES, _TOWER_SIZE
    ),
}


def build_model(
    name: str, shape: InputShape, settings: ModelSettings, text_shape: tuple[int, int] | None = None
) -> ClickModel:
    """Build a model, with initial weights from torch's global random generator.

    text_shape: for a model that reads texts, their number per row and the size of their whitened embeddings. If a row
    has several texts, the first is that of its item.
    """
    if name == LR:
        wide = WideInput(shape, settings.id_dropout)
        return ClickModel(wide, LogisticRegression(len(shape.categorical_sizes), shape.numeric_size))
    texts, content, attention = None, None, None
    if reads_history(name):
        per_row, text_size = text_shape or (0, 0)
        items = shape.categorical_sizes["item_id"]
        attention = TargetAttention(settings.embedding_size, items, len(SCENES), text_size if per_row > 1 else 0)
    inputs = InputLayer(shape, settings.embedding_size, settings.id_dropout, settings.unseen_rate, attention=attention)
    if text_shape and (settings.text_in_backbone or not has_content(name)):
        texts = TextInput(*text_shape, _TEXT_DROPOUT)
    backbone = _BACKBONES[backbone_of(name)](inputs.output_size + (texts.output_size if texts else 0), settings)
    if text_shape and has_content(name):
        content = ContentSide(len(SCENES), *text_shape, settings.dropout)
    return ClickModel(inputs, backbone, texts, content)
