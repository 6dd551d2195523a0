"""Turns the distinct texts of rows into whitened embeddings."""
