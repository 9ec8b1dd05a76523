"""Models that run on this machine: embedding models on the fastest engine that is installed, and rerankers.

    folder ─▶ recipe ─▶ choose ─▶ engine          what the files say, and who computes it
    texts ─▶ tokens ─▶ batches ─▶ engine ─▶ vectors
    merge                                         calls that come together are computed together

Lives here: loading a model once a process and turning texts into vectors. Not here: anything remote, and
any framework's type. Importing this package loads neither numpy nor torch; the first `embed` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.local.describe import Description
    from shared_core.local.embedder import LocalEmbedder
    from shared_core.local.rerank import LocalReranker

_FILES = {"describe": ("Description",), "embedder": ("LocalEmbedder",), "rerank": ("LocalReranker",)}

__getattr__, __dir__ = lazily(__name__, _FILES)

__all__ = ["Description", "LocalEmbedder", "LocalReranker"]
