"""Where shards are embedded: in this process today; an engine for many machines fulfils the same protocol."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from shared_core.corpus.shards import EmbeddedShard, Shard
from shared_core.errors import ConfigError

__all__ = ["Executor", "InThisProcess", "InThisThread"]


class Executor(Protocol):
    """Runs the work of a corpus.

    Reading, writing and the checkpoint stay with the caller; what an executor sends away is the work and its
    shards, which can be pickled and hold no secret.
    """

    def run(self, work: Callable[[Shard], EmbeddedShard], shards: Iterator[Shard]) -> Iterator[EmbeddedShard]:
        """The embedded shards, in the order of the shards.

        It must not run ahead: as many shards as it works on, and few more, may be taken before the results
        of the first are asked for. Closing the iterator ends the work.
        """
        ...


@dataclass(frozen=True, slots=True)
class InThisProcess:
    """Threads of this process.

    Args:
        workers: Shards in work at once. One is right for a model on this machine, whose arithmetic uses every
            core by itself, and for a router, which has several requests in flight for one shard.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError(f"workers={self.workers}: at least one must work.")

    def run(self, work: Callable[[Shard], EmbeddedShard], shards: Iterator[Shard]) -> Iterator[EmbeddedShard]:
        """See Executor. One shard more than there are workers is read ahead, so that nobody waits for the disk."""
        waiting: deque[Future[EmbeddedShard]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="hfrouter-corpus") as pool:
            try:
                for shard in shards:
                    waiting.append(pool.submit(work, shard))
                    while waiting and (len(waiting) > self.workers or waiting[0].done()):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


@dataclass(frozen=True, slots=True)
class InThisThread:
    """The caller's own thread, one shard after the other: Ctrl-C ends it at once, also in the middle of a shard, for
    which `InThisProcess` has to wait. Nothing is read ahead.

    Example:
        >>> list(InThisThread().run(lambda shard: shard, iter([1, 2])))
        [1, 2]
    """

    def run(self, work: Callable[[Shard], EmbeddedShard], shards: Iterator[Shard]) -> Iterator[EmbeddedShard]:
        """See Executor."""
        return map(work, shards)
