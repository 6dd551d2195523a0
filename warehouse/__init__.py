"""The contract between Spark and training: tables, partitions, manifests, freshness."""
