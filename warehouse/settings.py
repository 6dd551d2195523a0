"""The project's settings, read from environment variables. No other module reads them."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.errors import WarehouseError

REPOSITORY = Path(__file__).resolve().parent.parent
_LINEAGE_TRANSPORT = re.compile("OPENLINEAGE(_URL$|_CONFIG$|__TRANSPORT)")
MOST_SCENES = 1000  # each has columns of its own, so that users and items cannot be scenes


@dataclass(frozen=True)
class Settings:
    """All settings. Each field comes from the variable ANTM2C_<FIELD>, except tracking_uri (MLFLOW_TRACKING_URI).

    lineage: whether OpenLineage's variables name a transport. scenes: None if each dataset says how many it has.
    retrain_on_warning: whether a warning of the watch starts a retraining. serving_token: what requests to the endpoint
    must bring along; empty for none. serving_store: the address of a Redis for its features, which may hold a password;
    empty for its own memory. train_runtime: python or docker; the trainer_* fields apply to docker only. trainer_gpus:
    a number, or all.
    """

    warehouse: str
    dataset: str
    artifacts: str
    scenes: int | None
    code_revision: str
    tracking_uri: str
    lineage: bool
    retrain_on_warning: bool
    train_runtime: str
    trainer_image: str
    trainer_gpus: str
    trainer_network: str
    serving_token: str = field(repr=False)
    serving_store: str = field(repr=False)


def read_settings() -> Settings:
    """Read the settings from the environment. Raises WarehouseError if a variable has an invalid value."""
    artifacts = _variable("ANTM2C_ARTIFACTS", str(REPOSITORY / "var" / "artifacts"))
    return Settings(
        # Not as_uri(): it escapes spaces and Chinese characters, and neither Spark nor fsspec unescapes them.
        warehouse=_variable("ANTM2C_WAREHOUSE", f"file://{REPOSITORY / 'var' / 'warehouse'}"),
        dataset=_variable("ANTM2C_DATASET", "demo"),
        artifacts=artifacts,
        scenes=_scenes(),
        code_revision=_variable("ANTM2C_CODE_REVISION", ""),
        tracking_uri=_variable("MLFLOW_TRACKING_URI", _database_beside(Path(artifacts).absolute())),
        lineage=any(map(os.environ.get, filter(_LINEAGE_TRANSPORT.match, os.environ))),
        retrain_on_warning=_matching("ANTM2C_RETRAIN_ON_WARNING", "false", "true|false", "true or false") == "true",
        train_runtime=_matching("ANTM2C_TRAIN_RUNTIME", "python", r"python|docker", "python or docker"),
        trainer_image=_variable("ANTM2C_TRAINER_IMAGE", "antm2c-trainer"),
        trainer_gpus=_matching("ANTM2C_TRAINER_GPUS", "0", r"all|\d+", "all or a number"),
        trainer_network=_variable("ANTM2C_TRAINER_NETWORK", "bridge"),
        serving_token=_variable("ANTM2C_SERVING_TOKEN", ""),
        serving_store=_variable("ANTM2C_SERVING_STORE", ""),
    )


def _scenes() -> int | None:
    given = _matching("ANTM2C_SCENES", "", r"0*([1-9]\d{0,2}|1000)|", f"a whole number from 1 to {MOST_SCENES}")
    return int(given) if given else None


def _database_beside(folder: Path) -> str:
    path = str(folder.parent / "mlflow" / "mlflow.db")
    return f"sqlite:///{path.replace('%', '%25').replace('?', '%3F')}"  # both have a meaning in URIs


def _variable(name: str, default: str) -> str:
    return os.environ.get(name) or default  # compose passes unset variables as empty ones


def _matching(name: str, default: str, pattern: str, allowed: str) -> str:
    value = _variable(name, default)
    if not re.fullmatch(pattern, value, re.ASCII):
        raise WarehouseError(f"{name} is {value!r}; set it to {allowed}")
    return value
