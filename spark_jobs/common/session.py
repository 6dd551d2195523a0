"""The one Spark session factory."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from warehouse.tables import SCENES

# Spark 4.2 warns of pandas 3 on every start; no pandas is used here.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

# What the tables' content rests on: nobody may set these otherwise.
_CORRECTNESS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.orc.compression.codec": "zstd",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

# Speed and file sizes: what spark-submit or spark-defaults.conf says comes first.
_DEFAULTS = {
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "256m",
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.files.maxPartitionBytes": "256m",
    # One open file a scene, and one for rejects, instead of a sort by scene.
    "spark.sql.maxConcurrentOutputFileWriters": str(len(SCENES) + 1),
    # Most ids of a file occur in it once or a few times: finding them in a dictionary costs more than it saves.
    "spark.hadoop.orc.column.encoding.direct": "user_id,item_id",
    # Small enough for one open row group a scene, and for a reader that streams row groups.
    "spark.hadoop.parquet.block.size": str(32 * 1024 * 1024),
    # Every column expression would look up where in the Python code it stands: a third of a small date's time.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def spark_session(stage: str) -> Iterator[SparkSession]:
    """A session for one stage, stopped at the end. One that is there already is used and left as it was."""
    if (active := SparkSession.getActiveSession()) is not None:
        yield active
        return
    SparkContext._ensure_initialized()  # until then SparkConf knows nothing of what spark-submit was given
    given = SparkConf()
    builder = SparkSession.builder.appName(f"antm2c {stage}")
    defaults = {key: value for key, value in _DEFAULTS.items() if not given.contains(key)}
    for key, value in {**defaults, **_CORRECTNESS}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()
