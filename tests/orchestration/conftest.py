"""The DAGs' fixtures: what they share is tested through them."""

from tests.dags.conftest import dag, dag_bag, spark_connection, warehouse  # noqa: F401
