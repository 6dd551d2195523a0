"""The sentence of a Java error is its deepest cause."""

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError

from spark_jobs.common.java_errors import java_causes

FULL_DISK = """An error occurred while calling o217.save.
: org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to file:/w. SQLSTATE: 58030
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.taskFailedWhileWritingRowsError(QueryExecutionErrors.scala:790)
\tSuppressed: java.io.IOException: Filesystem closed
\t\tat org.apache.hadoop.hdfs.DFSClient.checkOpen(DFSClient.java:808)
\tCaused by: java.io.IOException: something else
Caused by: org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device
\t... 15 more
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
"""
ON_AN_EXECUTOR = """An error occurred while calling o217.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent \
failure: Lost task 0.3 in stage 3.0 (TID 6) (10.0.0.7 executor 1): java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$3(DAGScheduler.scala:2935)
"""


@pytest.mark.parametrize("text", [FULL_DISK, ON_AN_EXECUTOR])
def test_the_deepest_cause_comes_last(text: str) -> None:
    assert java_causes(Py4JError(text))[-1] == "IOException: No space left on device"


def test_outer_causes_come_before_it_without_their_frames() -> None:
    first, second, _ = java_causes(Py4JError(FULL_DISK))
    assert first.startswith("SparkException: [TASK_WRITE_FAILED] Task failed while writing rows")
    assert second == "FSError: java.io.IOException: No space left on device"


@pytest.mark.parametrize("error", [Py4JNetworkError("Answer from Java side is empty"), ConnectionResetError()])
def test_a_jvm_that_has_ended_is_named(error: Exception) -> None:
    assert java_causes(error)[-1].startswith("Spark's JVM has ended")


def test_an_error_of_python_names_its_file() -> None:
    assert java_causes(OSError(28, "No space left on device", "/w/a")) == ["No space left on device: /w/a"]
