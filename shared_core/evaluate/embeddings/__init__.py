"""Embedding models on a user's own queries and documents: what should be found, what was, and what is chance."""
