"""The tables that Spark writes and training reads: their partitions, manifests and freshness."""
