"""What every stage shares: arguments, session, reading and publishing of partitions."""
