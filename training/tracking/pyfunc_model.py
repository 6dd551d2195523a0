"""A run's model as MLflow stores models, with the code that scores, so that any process with MLflow can load it."""

import tempfile
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from training.data.arrow_columns import CODED, TIMESTAMP
from training.data.feature_space import FeatureSpace
from training.model_names import reads_history
from training.runs.exported_run import copy_code, required_packages, write_exported_model
from training.runs.stored_run import load_config
from training.scoring.scorer import schema_read
from warehouse.tables import SCENES

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

_LOADER = "training.scoring.pyfunc"
_EXAMPLE_ROWS = 3


def write_pyfunc_model(run: Path, target: Path) -> None:
    """Write the model of a run as a new folder in MLflow's format. It holds no pickles. Raises TrainingError."""
    import mlflow.pyfunc

    config, space = load_config(run), FeatureSpace.load(run)
    schema = schema_read(space, config.text_mode, reads_history(config.model))
    with tempfile.TemporaryDirectory() as temporary:
        exported, code = Path(temporary) / "exported", Path(temporary) / "code"
        write_exported_model(run, run.name, exported)
        copy_code(code)
        packages = required_packages(exported) + [f"{name}=={version(name)}" for name in ("mlflow", "pandas")]
        mlflow.pyfunc.save_model(
            target,
            loader_module=_LOADER,
            data_path=str(exported),
            code_paths=[str(package) for package in sorted(code.iterdir())],
            signature=_signature(schema),
            input_example=example_rows(schema, space, config.as_of),
            pip_requirements=packages,
        )


def example_rows(schema: pa.Schema, space: FeatureSpace, date: str) -> "pd.DataFrame":
    """Return a few rows of the schema, with ids and values that training has seen, without a history, at noon."""
    import pandas as pd

    def values(field: pa.Field) -> list[Any]:
        if field.name in space.vocabularies:
            known = space.vocabularies[field.name].values.slice(0, _EXAMPLE_ROWS).to_pylist()
            return list(islice(cycle(known or [None]), _EXAMPLE_ROWS))
        if field.name == "scene":
            return list(islice(cycle(SCENES), _EXAMPLE_ROWS))
        if field.type == TIMESTAMP:
            return [pd.Timestamp(f"{date}T12:00:00")] * _EXAMPLE_ROWS
        if pa.types.is_list(field.type):
            return [[] for _ in range(_EXAMPLE_ROWS)]
        return ["" if field.type == CODED else 0 if pa.types.is_integer(field.type) else 0.0] * _EXAMPLE_ROWS

    return pd.DataFrame({field.name: values(field) for field in schema})


def _signature(schema: pa.Schema) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    def kind(field: pa.Field) -> DataType | AnyType:
        if is_any(field):
            # As datetime, MLflow would refuse times with a zone, and as arrays lists that pandas has read as arrays.
            return AnyType()
        if field.type == CODED:
            return DataType.string
        return DataType.long if pa.types.is_integer(field.type) else DataType.double

    def is_any(field: pa.Field) -> bool:
        return field.type == TIMESTAMP or pa.types.is_list(field.type)

    inputs = Schema([ColSpec(kind(field), field.name, required=not is_any(field)) for field in schema])
    return ModelSignature(inputs, Schema([ColSpec(DataType.double, "probability")]))
