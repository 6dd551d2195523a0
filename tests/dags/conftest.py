"""DAGs parsed and rendered without a database, and small warehouses made by hand."""

import copy
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

# Airflow reads these when it is first imported.
_AIRFLOW_HOME = tempfile.TemporaryDirectory(prefix="airflow-")
os.environ.setdefault("AIRFLOW_HOME", _AIRFLOW_HOME.name)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "false"

from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.sdk import DAG  # noqa: E402
from airflow.sdk.definitions.param import process_params  # noqa: E402

from warehouse.catalog import Catalog  # noqa: E402
from warehouse.manifest import Input  # noqa: E402
from warehouse.publish import Content, StagedPartition  # noqa: E402
from warehouse.settings import REPOSITORY  # noqa: E402
from warehouse.tables import LOGS, RAW, Table  # noqa: E402

DATASET = "test"
_SETTINGS = {
    "ANTM2C_WAREHOUSE": "hdfs://namenode:9000/data/antm2c",
    "ANTM2C_DATASET": DATASET,
    "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[*]"}),
}


@pytest.fixture(scope="session")
def dag_bag() -> DagBag:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SETTINGS.items():
            patch.setenv(name, value)
        return DagBag(REPOSITORY / "dags", load_op_links=False)


@pytest.fixture
def dag(dag_bag: DagBag) -> Callable[[str], DAG]:
    return dag_bag.dags.__getitem__


@pytest.fixture(autouse=True)
def spark_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", _SETTINGS["AIRFLOW_CONN_SPARK_DEFAULT"])


@dataclass(frozen=True)
class Run:
    """A DAG run as far as templates see it."""

    logical_date: datetime | None = None
    run_after: datetime = datetime(2023, 7, 31, 9, 30, tzinfo=UTC)
    conf: dict[str, Any] | None = None
    run_type: str = "scheduled"

    def render(self, dag: DAG, task_id: str) -> Any:
        """The task as a worker has it: templates rendered, the form's answers merged into the params and checked."""
        dag = copy.deepcopy(dag)  # it keeps a form's answers; a worker parses it anew for every task
        task = dag.get_task(task_id).prepare_for_execution()
        task.params = copy.deepcopy(task.params)
        params = process_params(dag, task, self.conf, suppress_exception=False)
        dag_run = SimpleNamespace(logical_date=self.logical_date, run_after=self.run_after, conf=self.conf)
        dag_run.run_type = self.run_type
        task.render_template_fields({"params": params, "dag_run": dag_run})
        return task


class HandMadeWarehouse:
    """Partitions with manifests and without data, which is all that freshness looks at."""

    def __init__(self, folder: Path) -> None:
        self.uri = folder.as_uri()
        self.catalog = Catalog(self.uri, DATASET)

    def receive(self, day: str) -> None:
        folder = Path(self.catalog.path(RAW, day))
        folder.mkdir(parents=True)
        (folder / "logs.csv").write_text("user_id,item_id,log_time,label,scene\n")

    def publish(self, table: Table, day: str, *inputs: Input, content: str = "as first written") -> None:
        columns = [list(column) for column in table.columns]
        with StagedPartition(self.catalog, table, day) as staged:
            staged.publish(Content(rows=1, columns=columns, checksum=content), list(inputs))

    def publish_from_logs(self, day: str, *tables: Table) -> None:
        """The date's logs, and tables computed from them."""
        self.publish(LOGS, day, self.catalog.input(RAW, day))
        for table in tables:
            self.publish(table, day, self.catalog.input(LOGS, day))


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWarehouse:
    made = HandMadeWarehouse(tmp_path)
    monkeypatch.setenv("ANTM2C_WAREHOUSE", made.uri)
    monkeypatch.setenv("ANTM2C_DATASET", DATASET)
    return made
