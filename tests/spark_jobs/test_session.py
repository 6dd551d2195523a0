"""spark-submit may change settings for speed, but not those on which the content of the tables depends."""

import os
import subprocess
import sys

from warehouse.settings import REPOSITORY

ASKED = ("spark.sql.shuffle.partitions", "spark.sql.files.maxPartitionBytes", "spark.sql.session.timeZone")
PROGRAM = f"""
from spark_jobs.common.session import spark_session
with spark_session("test") as spark:
    print(*(spark.conf.get(name) for name in {ASKED}))
"""


def test_options_of_spark_submit_override_speed_but_not_correctness() -> None:
    given = "--conf spark.sql.shuffle.partitions=3 --conf spark.sql.session.timeZone=Asia/Shanghai pyspark-shell"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_SUBMIT_ARGS": given}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["3", "256m", "UTC"]
