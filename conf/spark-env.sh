# Spark sources this file before it starts a JVM, and exports what is set here. $@ are the arguments of spark-class.
# Failures are silent: Spark then starts as it would without this file, only more slowly. To see what would be set:
# python -m spark_jobs.jvm.options org.apache.spark.deploy.SparkSubmit spark_jobs/csv_to_orc.py --date 2023-07-10
if [ "${1:-}" = org.apache.spark.deploy.SparkSubmit ]; then
  # Only this checkout is on the path: a copy of this folder elsewhere has its own settings, and starts as plain Spark.
  eval "$(PYTHONPATH="${BASH_SOURCE[0]%/*}/.." \
    "${PYSPARK_PYTHON:-python3}" -P -m spark_jobs.jvm.options "$@" 2> /dev/null)"
fi
