"""A complete network: input layer, backbone and, if it reads texts, their input and a content tower."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from training.data.row_texts import ITEM_TEXT
from training.data.rows import SCENE, Rows
from training.models.content_tower import ContentSide
from training.models.input_layer import InputLayer
from training.models.row_scorer import Gates
from training.models.target_attention import History
from training.models.text_input import TextInput

# How names of weights began in earlier runs, and how they begin now.
_RENAMED = {
    "backbone.inputs.": "inputs.",
    **{f"{name}.": f"content.{name}." for name in ("input", "tower", "alpha_gate")},
    **{f"{name}.": f"backbone.{name}." for name in ("layers", "experts", "gates", "towers", "levels", "last")},
}


class ClickModel(nn.Module):
    """Maps the tensors of B rows to logits [B] and the weights of the backbone's gates.

    backbone: x [B, D], scene [B] -> logits [B], gates. texts: appends texts to what the backbone reads. The logit of a
    model with a content side is (1 - alpha) * backbone + alpha * content.
    """

    def __init__(
        self,
        inputs: InputLayer,
        backbone: nn.Module,
        texts: TextInput | None = None,
        content: ContentSide | None = None,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.backbone = backbone
        self.texts = texts
        self.content = content

    @property
    def reads_texts(self) -> bool:
        return self.texts is not None or self.content is not None

    @property
    def reads_history(self) -> bool:
        return self.inputs.attention is not None

    def forward(
        self,
        categorical: Tensor,
        numeric: Tensor,
        texts: Tensor | None = None,
        history_items: Tensor | None = None,
        history_facts: Tensor | None = None,
    ) -> tuple[Tensor, Gates]:
        """Score rows. categorical: [B, F] int64, numeric: [B, N].

        texts: for a model that reads texts, the whitened embeddings of those of the rows, [B, T, K]. history_items,
        history_facts: for a model that attends to histories, as in Rows.
        """
        scene, history = categorical[:, SCENE], None
        if history_items is not None and history_facts is not None:
            history = History(history_items, history_facts, None if texts is None else texts[:, ITEM_TEXT])
        x = self.inputs(categorical, numeric, history)
        if self.texts is not None:
            x = torch.cat([x, self.texts(texts)], dim=1)
        logit, gates = self.backbone(x, scene)
        if self.content is None:
            return logit, gates
        content_logit, alpha = self.content(texts, scene)
        return (1 - alpha) * logit + alpha * content_logit, gates

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights as nn.Module does, also from earlier runs, in which they had other names."""
        return super().load_state_dict({_present_name(name): w for name, w in state_dict.items()}, strict, assign)


class RowModel(nn.Module):
    """A click model that takes Rows and returns logits [B].

    text_table: for a model that reads texts, the whitened embeddings [1 + texts, K] that the indexes in rows.text refer
    to. It is not trained, and not saved with the model.
    """

    text_table: Tensor | None

    def __init__(self, model: ClickModel, text_table: Tensor | None = None) -> None:
        super().__init__()
        if model.reads_texts != (text_table is not None):
            raise ValueError("a model that reads texts needs text_table, and other models must not have one")
        self.model = model
        self.register_buffer("text_table", text_table, persistent=False)

    def forward(self, rows: Rows) -> Tensor:
        return self.with_gates(rows)[0]

    @torch.inference_mode()
    def score(self, rows: Rows) -> tuple[Tensor, Gates]:
        """Return logits [B] and gates as `with_gates` does, but without dropout. The rows may be on another device."""
        self.eval()
        return self.with_gates(rows.to(next(self.parameters()).device.type))

    def with_gates(self, rows: Rows) -> tuple[Tensor, Gates]:
        """Return logits [B] and the weights of the backbone's gates, an empty dict if it has no gates."""
        return self.model(rows.categorical, rows.numeric, self._texts(rows), rows.history_items, rows.history_facts)

    def alpha(self, rows: Rows) -> Tensor:
        """Return the weight of the content tower in the logit of each row, [B]. Only for content models."""
        content, texts = self.model.content, self._texts(rows)
        assert content is not None
        assert texts is not None
        return content.alpha(texts, rows.scene)

    def _texts(self, rows: Rows) -> Tensor | None:
        return None if self.text_table is None else self.text_table[rows.text]


def _present_name(name: str) -> str:
    for earlier, present in _RENAMED.items():
        if name.startswith(earlier):
            return present + name.removeprefix(earlier)
    return name
