"""Work on batches whose memory need is known only by trying: in halves, when it was too much.

Lives here: splitting, remembering what fits. Not here: GPUs; a test's runner will do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from shared_core.errors import ConfigError
from shared_core.local.engines import TokenBatch
from shared_core.local.engines.torch_layout import pieces

__all__ = ["Halving"]

R = TypeVar("R")


class Halving(Generic[R]):
    """Runs batches in pieces that fit into memory.

    Args:
        run: What to do with a piece; it raises `too_much` when memory does not suffice, before anything is
            left half done.
        too_much: That error.
        release: Gives back what earlier pieces left in memory.
        limit: Tokens a piece may have at first.

    Example:
        >>> halving = Halving(run, torch.OutOfMemoryError, torch.cuda.empty_cache, 32768)  # doctest: +SKIP
    """

    def __init__(
        self,
        run: Callable[[TokenBatch], R],
        too_much: type[Exception],
        release: Callable[[], None],
        limit: int,
    ) -> None:
        self._run = run
        self._too_much = too_much
        self._release = release
        self._limit = limit
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Tokens a piece may have, by what was learnt so far."""
        return self._limit

    def pieces(self, batch: TokenBatch) -> Iterator[R]:
        """What `run` gives for each piece, in the order of the texts.

        Raises:
            ConfigError: A single text does not fit.
        """
        for piece in pieces(batch, self._limit):
            yield from self._whole_or_halves(piece)

    def _whole_or_halves(self, batch: TokenBatch) -> Iterator[R]:
        done = self._tried(batch)
        if done is not None:
            yield done[0]
            return
        # Outside of `except`: there the error's traceback would hold the tensors that filled the memory.
        self._release()
        done = self._tried(batch)  # what other work or an earlier shape had left may have been the reason
        if done is not None:
            yield done[0]
            return
        texts, tokens = len(batch.lengths), len(batch.ids)
        if texts == 1:
            raise ConfigError(
                f"A text of {tokens} tokens does not fit into the device's memory.",
                hint='Set max_tokens lower, precision to "float16" or "bfloat16", or device to "cpu".',
            )
        half = max(1, tokens // 2)
        with self._lock:
            self._limit = min(self._limit, half)
        middle = texts // 2
        cut = int(batch.lengths[:middle].sum())
        yield from self._whole_or_halves(TokenBatch(batch.ids[:cut], batch.lengths[:middle]))
        yield from self._whole_or_halves(TokenBatch(batch.ids[cut:], batch.lengths[middle:]))

    def _tried(self, batch: TokenBatch) -> tuple[R] | None:
        try:
            return (self._run(batch),)
        except self._too_much:
            return None
