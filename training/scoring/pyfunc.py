"""The loader that MLflow calls for a registered model: a pandas DataFrame of rows in, one with probabilities out."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from training.errors import TrainingError
from training.scoring.scorer import Scorer
from warehouse.errors import first_line

if TYPE_CHECKING:
    import pandas as pd


class ProbabilityModel:
    """What `mlflow.pyfunc.load_model` returns, inside MLflow's own wrapper."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def predict(self, rows: "pd.DataFrame", _params: dict[str, Any] | None = None) -> "pd.DataFrame":
        """Return a DataFrame with the column `probability` and the index of the rows."""
        import pandas as pd

        try:
            table = pa.Table.from_pandas(rows, preserve_index=False)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise TrainingError(
                f"the rows have a column with values of several types, or of one that Arrow does not know "
                f"({first_line(error)}): give each column one type, as in the model's input example"
            ) from error
        return pd.DataFrame({"probability": self._scorer.probabilities(table)}, index=rows.index)


def _load_pyfunc(folder: str, model_config: dict[str, Any] | None = None) -> ProbabilityModel:
    """Load an exported model. model_config: may give the new folder of the text encoder as `text_encoder`."""
    return ProbabilityModel(Scorer(folder, (model_config or {}).get("text_encoder")))
