"""HDFS and a Spark standalone cluster as processes of this machine, for `make demo-cluster` and the tests."""
