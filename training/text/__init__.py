"""From the texts of rows to whitened embeddings of distinct texts."""
