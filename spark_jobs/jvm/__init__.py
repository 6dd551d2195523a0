"""How the JVM of a stage starts: its class archive and its options."""
