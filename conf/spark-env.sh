# Spark sources this file before it starts a JVM, and exports what is set here. $@ are the arguments of spark-class.
# Failures are silent: Spark then starts as it would without this file, only more slowly. To see what would be set:
# python -m spark_jobs.jvm.options org.apache.spark.deploy.SparkSubmit spark_jobs/csv_to_orc.py --date 2023-07-10
if [ "${1:-}" = org.apache.spark.deploy.SparkSubmit ]; then
  # Only the folder above is on the path, so that a copy of conf/ elsewhere starts Spark with its own settings alone.
  eval "$(PYTHONPATH="${BASH_SOURCE[0]%/*}/.." \
    "${PYSPARK_PYTHON:-python3}" -P -m spark_jobs.jvm.options "$@" 2> /dev/null)"
fi
