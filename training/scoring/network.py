"""A network in ONNX, run by onnxruntime."""

from pathlib import Path

import numpy as np

# A network has the first two inputs and, if it reads them, the others.
INPUTS, OUTPUT = ("categorical", "numeric", "texts", "history_items", "history_facts"), "logits"


class Network:
    """Maps the features of B rows to logits [B], float32."""

    def __init__(self, path: Path) -> None:
        """Load a network. Raises ValueError if the file is damaged."""
        import onnxruntime  # only here: it takes half a second to load, and writing a network needs no more than names

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a request is too small to share, and servers answer several at once
        options.log_severity_level = 3  # errors only
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other class in common
            raise ValueError(f"{path.name} cannot be loaded: {error}") from error

    def logits(
        self,
        categorical: np.ndarray,
        numeric: np.ndarray,
        texts: np.ndarray | None = None,
        history: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Score rows. categorical: [B, F] int64. numeric: [B, N] float32. texts: whitened, [B, T, K] float32.

        history: items [B, L] int32 and facts [B, L, 3] uint8.
        """
        features = zip(INPUTS, (categorical, numeric, texts, *(history or (None, None))), strict=True)
        return self._session.run([OUTPUT], {name: value for name, value in features if value is not None})[0]
