"""Models that run on this machine: today embedding models, over sentence-transformers.

Lives here: loading a model once a process and turning texts into vectors. Not here: anything remote, and
any framework's type. Importing this package loads neither numpy nor torch; the first `embed` does.
"""

from shared_core.local.embedder import LocalEmbedder

__all__ = ["LocalEmbedder"]
