"""Code that all stages share: arguments, the Spark session, reading and publishing partitions."""
