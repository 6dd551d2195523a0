"""The five Spark stages; each file is submitted by itself."""
