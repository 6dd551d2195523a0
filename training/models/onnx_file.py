"""Write a network as an ONNX file."""

import warnings
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor, nn

from training.data.impression_sequences import FACTS
from training.data.input_shape import InputShape
from training.models.click_model import ClickModel
from training.scoring.network import INPUTS, OUTPUT
from warehouse.tables import SEQUENCE_LENGTH

_ONE_AT_A_TIME = Lock()  # torch keeps the state of an export in global variables


class _Logits(nn.Module):
    """A click model without its gates."""

    def __init__(self, model: ClickModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.model(**features)[0]


def write_onnx(model: ClickModel, shape: InputShape, text_shape: tuple[int, int] | None, path: Path) -> None:
    """Write a network that takes the features of any number of rows, as `training.scoring.network` runs it."""
    rows = 2  # of the example; any number but 1, which torch would take for fixed
    places = (rows, SEQUENCE_LENGTH)
    values = (
        torch.zeros(rows, sum(shape.widths), dtype=torch.int64),
        torch.zeros(rows, shape.numeric_size),
        torch.zeros(rows, *text_shape) if text_shape else None,
        torch.zeros(places, dtype=torch.int32) if model.reads_history else None,
        torch.zeros(*places, FACTS, dtype=torch.uint8) if model.reads_history else None,
    )
    features = {name: value for name, value in zip(INPUTS, values, strict=True) if value is not None}
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # Of torch's two exporters, the older one, which is deprecated: the other takes seconds and two more packages.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Logits(model).eval(),
            (features, {}),  # a last dict would be taken for arguments by name
            path,
            input_names=[*features],
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "rows"} for name in (*features, OUTPUT)},
            dynamo=False,
        )
