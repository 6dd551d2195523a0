"""Embed the distinct texts of rows, and whiten the embeddings."""
