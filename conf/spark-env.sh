# Spark sources this file before it starts a JVM, and exports what is set here. $@ are the arguments of spark-class.

# Java takes the characters of paths from the locale, and a locale without UTF-8 has no Chinese ones.
case "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" in
  *[Uu][Tt][Ff]*8*) ;;
  *) export LC_ALL=C.UTF-8 ;;
esac

if ! id -un > /dev/null 2>&1; then
  echo "error: the user $(id -u) has no name, and Spark does not start without one;" \
    "add the user to /etc/passwd, or run as a user who is there" >&2
  exit 1
fi

# How the JVM of a stage starts. Failures are silent: Spark then starts as it would without these lines, only more slowly.
# To see what would be set:
# python -m spark_jobs.jvm.options org.apache.spark.deploy.SparkSubmit spark_jobs/csv_to_orc.py --date 2023-07-10
if [ "${1:-}" = org.apache.spark.deploy.SparkSubmit ]; then
  # Only the folder above is on the path, so that a copy of conf/ elsewhere starts Spark with its own settings alone.
  eval "$(PYTHONPATH="${BASH_SOURCE[0]%/*}/.." \
    "${PYSPARK_PYTHON:-python3}" -P -m spark_jobs.jvm.options "$@" 2> /dev/null)"
fi
