"""What makes Spark's JVM start fast: an archive of its classes, and JVM options."""
