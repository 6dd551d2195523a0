"""The project's settings, read from the environment in this one place."""

import os
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import WarehouseError

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Where the data lies and what it is. Field names follow the ANTM2C_* variables.

    tracking_uri: MLflow's, as its own MLFLOW_TRACKING_URI has it.
    """

    warehouse: str
    dataset: str
    artifacts: str
    scenes: int
    code_revision: str
    tracking_uri: str


def read_settings() -> Settings:
    """The settings of this process. Raises WarehouseError where a variable holds what nothing here understands."""
    artifacts = _variable("ANTM2C_ARTIFACTS", str(REPOSITORY / "var" / "artifacts"))
    return Settings(
        # Not as_uri(): it escapes blanks and Chinese letters of the path, and neither Spark nor fsspec undoes that.
        warehouse=_variable("ANTM2C_WAREHOUSE", f"file://{REPOSITORY / 'var' / 'warehouse'}"),
        dataset=_variable("ANTM2C_DATASET", "demo"),
        artifacts=artifacts,
        scenes=_positive_integer("ANTM2C_SCENES", default=5),
        code_revision=_variable("ANTM2C_CODE_REVISION", ""),
        tracking_uri=_variable("MLFLOW_TRACKING_URI", _database_beside(Path(artifacts).absolute())),
    )


def _database_beside(folder: Path) -> str:
    path = str(folder.parent / "mlflow" / "mlflow.db")
    return f"sqlite:///{path.replace('%', '%25').replace('?', '%3F')}"  # which mean something else in a URI


def _variable(name: str, default: str) -> str:
    return os.environ.get(name) or default  # compose sets variables that are not set to nothing


def _positive_integer(name: str, default: int) -> int:
    value = _variable(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise WarehouseError(f"{name} is {value!r}; set it to a whole number above 0")
    return int(value)
