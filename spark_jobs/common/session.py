"""Create the Spark session of a stage, with the settings of this project."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from spark_jobs.common.errors import StageError
from warehouse.tables import SCENES

# Spark 4.2 warns about pandas 3 on every start, but no stage uses pandas.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

# The content of the tables depends on these, so they override any other setting.
_CORRECTNESS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # pandas writes nanoseconds, which Spark has no type for
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.orc.compression.codec": "zstd",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

_EXECUTOR_OPTIONS = "spark.executor.extraJavaOptions"

# Speed and file sizes: spark-submit and spark-defaults.conf override these.
_DEFAULTS = {
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "256m",
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.files.maxPartitionBytes": "256m",
    # Most ids occur only a few times in a file: a dictionary costs more than it saves.
    "spark.hadoop.orc.column.encoding.direct": "user_id,item_id,item_ids",
    # Small enough to keep one row group per scene open, and for readers that stream row groups.
    "spark.hadoop.parquet.block.size": str(32 * 1024 * 1024),
    # Otherwise each column expression looks up its place in the Python code: a third of the time of a small date.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def spark_session(stage: str) -> Iterator[SparkSession]:
    """Yield a session for one stage, and stop it at the end. If a session is active already, yield that one."""
    if (active := SparkSession.getActiveSession()) is not None:
        yield active
        return
    SparkContext._ensure_initialized()  # only then does SparkConf contain spark-submit's options
    given = SparkConf()
    builder = SparkSession.builder.appName(f"antm2c {stage}")
    # One open file per scene, and one for rejects, instead of a sort by scene.
    writers = {"spark.sql.maxConcurrentOutputFileWriters": str(len(SCENES) + 1)}
    defaults = {key: value for key, value in {**_DEFAULTS, **writers}.items() if not given.contains(key)}
    for key, value in {**defaults, **_CORRECTNESS, **_utc_in_every_jvm(given)}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        with suppress(OSError, Py4JError):  # if its JVM has ended, what happened before says why
            session.stop()


def _utc_in_every_jvm(given: SparkConf) -> dict[str, str]:
    """Set the time zone of this JVM to UTC, and return the Spark setting that does the same in executors.

    ORC stores timestamps in the time zone of the JVM that writes them, whatever the session's time zone is.
    """
    jvm: Any = SparkContext._jvm
    zones = jvm.java.util.TimeZone
    zones.setDefault(zones.getTimeZone("UTC"))
    options = given.get(_EXECUTOR_OPTIONS, "")
    return {_EXECUTOR_OPTIONS: f"{options} -Duser.timezone=UTC".lstrip()}


def require_readable_paths(spark: SparkSession, *uris: str) -> None:
    """Raise StageError if the JVM's encoding lacks characters of a local path. It would open another path."""
    jvm: Any = spark._jvm
    encoding = jvm.java.lang.System.getProperty("sun.jnu.encoding")
    unreadable = [uri for uri in uris if uri.startswith("file:") and not uri.isascii()]
    if unreadable and encoding != "UTF-8":
        raise StageError(
            f"{unreadable[0]}: the path has characters that Java's encoding, {encoding}, lacks; "
            "set LC_ALL=C.UTF-8, or SPARK_CONF_DIR to this project's conf, and run the stage again"
        )
