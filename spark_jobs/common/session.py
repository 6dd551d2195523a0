"""The one Spark session factory."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

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
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.orc.compression.codec": "zstd",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

# Speed and file sizes: spark-submit and spark-defaults.conf override these.
_DEFAULTS = {
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "256m",
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.files.maxPartitionBytes": "256m",
    # One open file per scene, and one for rejects, instead of a sort by scene.
    "spark.sql.maxConcurrentOutputFileWriters": str(len(SCENES) + 1),
    # Most ids occur only a few times in a file: a dictionary costs more than it saves.
    "spark.hadoop.orc.column.encoding.direct": "user_id,item_id",
    # Small enough to keep one row group per scene open, and for readers that stream row groups.
    "spark.hadoop.parquet.block.size": str(32 * 1024 * 1024),
    # Otherwise each column expression looks up its place in the Python code: a third of the time of a small date.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def spark_session(stage: str) -> Iterator[SparkSession]:
    """Yield a session for one stage, and stop it at the end. An active session is used instead, and not stopped."""
    if (active := SparkSession.getActiveSession()) is not None:
        yield active
        return
    SparkContext._ensure_initialized()  # only then does SparkConf contain spark-submit's options
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
