"""Whole corpora to vectors: read, embed, write, and after a crash go on where it stopped.

    source ─▶ rows ─▶ shards ─▶ Executor(EmbedShard) ─▶ sink, failed rows ─▶ checkpoint

>>> from shared_core.corpus import embed_corpus
>>> from shared_core.local import LocalEmbedder
>>> embedder = LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2")
>>> print(embed_corpus("passages.jsonl", "vectors.parquet", embedder, progress=True))  # doctest: +SKIP

Lives here: sources, sinks, checkpoints, and the order of a run. Not here: embedding; any object with
`embed(texts, kind=...)` does that, local or remote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.corpus.executors import Executor, InThisProcess, InThisThread
    from shared_core.corpus.progress import Progress
    from shared_core.corpus.run import CorpusReport, embed_corpus
    from shared_core.corpus.shards import Batch, EmbeddedShard, Failure, Row, Shard
    from shared_core.corpus.sinks import Sink
    from shared_core.corpus.worker import Embedder, EmbedShard

_FILES = {
    "executors": ("Executor", "InThisProcess", "InThisThread"),
    "progress": ("Progress",),
    "run": ("CorpusReport", "embed_corpus"),
    "shards": ("Batch", "EmbeddedShard", "Failure", "Row", "Shard"),
    "sinks": ("Sink",),
    "worker": ("EmbedShard", "Embedder"),
}

__getattr__, __dir__ = lazily(__name__, _FILES)

__all__ = [
    "Batch",
    "CorpusReport",
    "EmbedShard",
    "EmbeddedShard",
    "Embedder",
    "Executor",
    "Failure",
    "InThisProcess",
    "InThisThread",
    "Progress",
    "Row",
    "Shard",
    "Sink",
    "embed_corpus",
]
