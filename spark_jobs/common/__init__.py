"""What all stages share: arguments, session, reading and publishing partitions."""
