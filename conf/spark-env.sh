# Spark sources this before every JVM of its own, and exports what is set here. $@ are the arguments of spark-class.
# Failures here are silent: Spark then starts as it would without this file, more slowly. To see what is set:
# python -m spark_jobs.jvm.options org.apache.spark.deploy.SparkSubmit spark_jobs/csv_to_orc.py --date 2023-07-10
if [ "${1:-}" = org.apache.spark.deploy.SparkSubmit ]; then
  # Not the caller's own path: a copy of this folder elsewhere has settings of its own, and starts as Spark alone would.
  eval "$(PYTHONPATH="${BASH_SOURCE[0]%/*}/.." \
    "${PYSPARK_PYTHON:-python3}" -P -m spark_jobs.jvm.options "$@" 2> /dev/null)"
fi
