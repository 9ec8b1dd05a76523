"""One shard to vectors: repeated texts once, and failures narrowed down to the rows that cause them.

Lives here: what a worker does, wherever an executor runs it. Pickled, it carries the embedder as that pickles
itself (arguments and where its token comes from), and no vectors.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from shared_core.corpus.shards import Batch, EmbeddedShard, Failure, Shard
from shared_core.errors import (
    BadRequest,
    ConfigError,
    InputTooLong,
    MalformedResponse,
    ProviderFailed,
    Refused,
    RouterError,
)
from shared_core.types import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EmbedShard", "Embedder"]

_OF_A_TEXT = (InputTooLong, Refused)
"""Errors that are always about a text."""

_PERHAPS_OF_A_TEXT = (BadRequest, MalformedResponse, ProviderFailed)
"""Errors that some hosts give for one odd text, and others when they are broken or asked wrongly."""

_HARMLESS = "a"
"""A text that no host has a reason to refuse."""


class Embedder(Protocol):
    """Turns texts into vectors: a LocalEmbedder, an HFRouter, or an object of yours."""

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Any:
        """An EmbedReply, or anything whose `vectors` is a float array of shape (texts, dimensions)."""
        ...


class EmbedShard:
    """Embeds shards.

    Args:
        embedder: With what.
        kind: "query" or "document".
        remember_bytes: Memory for vectors of texts that may come again in later shards.
    """

    def __init__(self, embedder: Embedder, kind: Kind = "document", *, remember_bytes: int = 2**28) -> None:
        self.embedder = embedder
        self.kind = kind
        self.remember_bytes = remember_bytes
        self._known = _Known(remember_bytes)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.embedder, self.kind, self.remember_bytes)

    def __call__(self, shard: Shard) -> EmbeddedShard:
        """The shard with its vectors.

        Raises:
            RouterError: The embedder cannot go on at all: its host is away, its arguments are wrong.
        """
        texts = dict.fromkeys(row.text for row in shard.rows if not row.error)
        known = self._known.find(texts)
        new = [text for text in texts if text not in known]
        done = _Done()
        if new:
            self._embed(new, done)
            self._known.add(done.vectors)
        known.update(done.vectors)
        good = [row for row in shard.rows if not row.error and row.text in known]
        failures = [
            Failure(row.number, row.id, row.error or done.errors[row.text])
            for row in shard.rows
            if row.error or row.text in done.errors
        ]
        batch = Batch(
            tuple(row.id for row in good),
            tuple(row.text for row in good),
            _stacked([known[row.text] for row in good]),
        )
        return EmbeddedShard(shard, batch, tuple(failures), embedded=len(new), truncated=done.truncated)

    def _embed(self, texts: list[str], done: _Done) -> None:
        try:
            self._ask(texts, done)
        except _OF_A_TEXT as error:
            self._narrow(texts, error, done)
        except _PERHAPS_OF_A_TEXT as error:
            # Without this question a host that is down would have every row of the corpus marked as failed.
            if not self._answers():
                raise
            self._narrow(texts, error, done)

    def _narrow(self, texts: list[str], error: RouterError, done: _Done) -> None:
        if len(texts) == 1:
            done.errors[texts[0]] = error.message
            return
        middle = len(texts) // 2
        self._embed(texts[:middle], done)
        self._embed(texts[middle:], done)

    def _answers(self) -> bool:
        try:
            self._ask([_HARMLESS], _Done())
        except RouterError:
            return False
        return True

    def _ask(self, texts: list[str], done: _Done) -> None:
        import numpy as np

        reply = self.embedder.embed(texts, kind=self.kind)
        if not hasattr(reply, "vectors"):
            if hasattr(reply, "close"):
                reply.close()  # a coroutine that nobody will await
            raise ConfigError(
                f"{type(self.embedder).__name__}.embed gave {type(reply).__name__}, which has no vectors.",
                hint="Give a synchronous embedder: LocalEmbedder or HFRouter.",
            )
        vectors = np.asarray(reply.vectors, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ConfigError(
                f"{type(self.embedder).__name__}.embed gave an array of shape {vectors.shape} for {len(texts)} texts."
            )
        odd = set(np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist())
        for position, text in enumerate(texts):
            if position in odd:
                done.errors[text] = "its vector holds numbers that are not finite"
            else:
                done.vectors[text] = vectors[position]
        done.truncated += len(getattr(reply, "truncated", ()))


class _Done:
    """What became of the new texts of one shard."""

    def __init__(self) -> None:
        self.vectors: dict[str, NDArray[np.float32]] = {}
        self.errors: dict[str, str] = {}
        self.truncated = 0


class _Known:
    """Vectors of the latest texts, in bounded memory. Shared by the threads of an executor."""

    _OVERHEAD = 300
    """Bytes of an entry beside its numbers: the digest, the array's head, the dictionary's slot."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, texts: dict[str, None]) -> dict[str, NDArray[np.float32]]:
        found = {}
        with self._lock:
            for text in texts:
                key = _digest(text)
                vector = self._held.get(key)
                if vector is not None:
                    self._held.move_to_end(key)
                    found[text] = vector
        return found

    def add(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                key = _digest(text)
                if key not in self._held:
                    self._held[key] = vector.copy()  # a row would keep its whole shard in memory
                    self._bytes += vector.nbytes + self._OVERHEAD
            while self._bytes > self._most:
                _, oldest = self._held.popitem(last=False)
                self._bytes -= oldest.nbytes + self._OVERHEAD


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _stacked(vectors: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import numpy as np

    if not vectors:
        return np.empty((0, 0), dtype=np.float32)
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1:
        raise ConfigError(f"The embedder gives vectors of different lengths: {sorted(lengths)}.")
    return np.stack(vectors)


def _rebuild(kind: type[EmbedShard], embedder: Embedder, of: Kind, remember_bytes: int) -> EmbedShard:
    return kind(embedder, of, remember_bytes=remember_bytes)
