"""Attention over the user's history, with the row's item as the query."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, relu

from training.data.impression_sequences import AGES
from training.data.rows import AGE, CLICKED, HISTORY_SCENE

_HIDDEN_SIZE, _TEXT_SIZE = 16, 16
_FACTS_SPREAD = 0.05
ITEM_SPREAD = 0.05  # of the embeddings of items at first
_GROUPS = 4  # of rows with histories of about the same length


@dataclass(frozen=True)
class History:
    """The histories of B rows. items [B, L] and facts [B, L, 3] are those of Rows.

    text: the whitened texts of the rows' own items, [B, K]; None for a model that reads no texts of items.
    """

    items: Tensor
    facts: Tensor
    text: Tensor | None

    def without(self, forgotten: Tensor) -> "History":
        """Return the same, but with empty histories for some rows. forgotten: bool [B]."""
        return replace(self, facts=self.facts.masked_fill(forgotten.view(-1, 1, 1), 0))

    @property
    def lengths(self) -> Tensor:
        """The number of impressions of each history, [B]."""
        return (self.facts[..., AGE] > 0).sum(1)

    def take(self, rows: Tensor, length: int) -> "History":
        """Return the histories of some rows, with only the first places. rows: positions."""
        text = None if self.text is None else self.text[rows]
        return History(self.items[rows, :length], self.facts[rows, :length], text)


class TargetAttention(nn.Module):
    """The weighted sum of the impressions in a history (deep interest network, Zhou et al., KDD 2018), times the query.

    A query q is the row's item, a key k the item of an impression: its embedding and, if the model reads texts of
    items, its projected text. A key is also the sum with embeddings of the impression's scene and age, and of whether
    it was clicked. The weight of a key is an MLP of (q, k, q * k). As in the paper, weights do not add up to 1, so that
    a strong interest counts for more than a weak one. Unlike there, the products of q and the sum are returned as well:
    from the sum alone, a network takes far longer to learn that the row's item is like those of the history.
    """

    item_texts: Tensor | None
    scale: Tensor

    def __init__(self, embedding_size: int, items: int, scenes: int, text_size: int = 0) -> None:
        """text_size: that of whitened texts, K; 0 for a model that reads no texts of items."""
        super().__init__()
        size = embedding_size + (_TEXT_SIZE if text_size else 0)
        self.scenes, self.ages, self.clicked = (nn.Embedding(count, size) for count in (scenes, AGES, 2))
        for facts in (self.scenes, self.ages, self.clicked):
            nn.init.normal_(facts.weight, std=_FACTS_SPREAD)
        self.hidden, self.weight = nn.Linear(3 * size, _HIDDEN_SIZE), nn.Linear(_HIDDEN_SIZE, 1)
        self.projection = nn.Linear(text_size, _TEXT_SIZE, bias=False) if text_size else None
        # The whitened texts of items by index. They are not trained, but saved: later dates may lack an item's text.
        self.register_buffer("item_texts", torch.zeros(items, text_size) if text_size else None)
        # Products of embeddings are small at first, and would hardly be learned from.
        scale = torch.ones(size)
        scale[:embedding_size] = 1 / ITEM_SPREAD**2
        self.register_buffer("scale", scale, persistent=False)
        self.output_size = 2 * size + 1

    def forward(self, query: Tensor, history: History, embedding_of_items: nn.Module) -> Tensor:
        """Return the sums, their products with the query, and whether there is a history: [B, output_size].

        Without a history all are 0. query: the embeddings of the rows' items, [B, E].

        Most histories are short. In training, rows with histories of about the same length are computed together, so
        that few of the places are empty.
        """
        if not self.training:
            return self._attend(query, history, embedding_of_items)
        lengths, order = history.lengths.sort()
        groups, longest = order.chunk(_GROUPS), (int(group[-1]) for group in lengths.chunk(_GROUPS))
        attended = [
            self._attend(query[rows], history.take(rows, max(length, 1)), embedding_of_items)
            for rows, length in zip(groups, longest, strict=True)
        ]
        return torch.cat(attended)[order.argsort()]

    def _attend(self, query: Tensor, history: History, embedding_of_items: nn.Module) -> Tensor:
        keys = embedding_of_items(history.items)
        if self.projection is not None:
            assert history.text is not None
            assert self.item_texts is not None
            query = torch.cat([query, self.projection(history.text)], dim=-1)
            keys = torch.cat([keys, embedding(history.items, self.projection(self.item_texts))], dim=-1)
        keys = keys + self._of_facts(history.facts)
        is_there = (history.facts[..., AGE] > 0).to(keys.dtype)
        weights = self._weights(query, keys) * is_there
        sums = torch.bmm(weights.unsqueeze(1), keys).squeeze(1)
        return torch.cat([sums, self.scale * query * sums, is_there[:, :1]], dim=-1)

    def _of_facts(self, facts: Tensor) -> Tensor:
        """Return the sums of the embeddings of age, scene and clicked: [B, L, 3] -> [B, L, size].

        They are looked up in a table of all combinations, as one look-up takes less time than three.
        """
        ages, scenes, clicked = self.ages.weight, self.scenes.weight, self.clicked.weight
        combined = (ages[:, None, None] + scenes[:, None] + clicked).flatten(0, 2)
        age, scene, was_clicked = (facts[..., fact].int() for fact in (AGE, HISTORY_SCENE, CLICKED))
        return embedding((age * scenes.shape[0] + scene) * clicked.shape[0] + was_clicked, combined)

    def _weights(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return the weight of each key: query [B, size], keys [B, L, size] -> [B, L].

        The first layer is W (q, k, q * k) + b = (Wk + Wp diag(q)) k + (Wq q + b): one product of matrices for each row,
        without a tensor of (q, k, q * k) for each impression.
        """
        of_query, of_key, of_product = self.hidden.weight.chunk(3, dim=1)
        by_row = of_key.t() + query.unsqueeze(-1) * of_product.t()  # [B, size, hidden]
        shift = query @ of_query.t() + self.hidden.bias
        return self.weight(relu(torch.baddbmm(shift.unsqueeze(1), keys, by_row))).squeeze(-1)
