"""How the JVM of a stage starts fast: a class archive, and options for it."""
