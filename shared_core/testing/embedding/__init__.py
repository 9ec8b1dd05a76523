"""Vectors and ranks: the router's embedding routes, an OpenAI-like server, and text-embeddings-inference (TEI).

Lives here: models, the ways to ask and to be refused, replies, and their quirks. Not here: where vectors
come from (`brains.vectors`), and the Hub that says who serves what (`hub`).
"""
