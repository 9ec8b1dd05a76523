"""The values that travel through a run: rows in shards on the way in, vectors in batches on the way out.

All of them can be pickled, so that an executor may send them to other processes and machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NOTHING_READ", "Batch", "EmbeddedShard", "Failure", "Row", "Shard", "after", "cut"]

NOTHING_READ = b""
"""The digest before the first row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source.

    Args:
        number: Its place in the source, from 0.
        id: What it is called in the sink; its number where the source has no ids.
        text: What is embedded.
        error: Why it cannot be; "" when it can.
    """

    number: int
    id: int | str
    text: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows that are embedded together, and checkpointed together.

    Args:
        rows: In the order of the source.
        digest: Of every row of the source up to the last of these.
        done: Share of the source read so far, 0 to 1; None where its size is unknown.
    """

    rows: tuple[Row, ...]
    digest: bytes
    done: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A row without a vector.

    Args:
        row: Its place in the source, from 0.
        id: Its id; its place where the id could not be read.
        error: Why.
    """

    row: int
    id: int | str
    error: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a sink is given.

    Args:
        ids: In the order of the source.
        texts: Theirs.
        vectors: float32, shape (ids, dimensions), contiguous.
    """

    ids: tuple[int | str, ...]
    texts: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class EmbeddedShard:
    """A shard with its vectors.

    Args:
        shard: What was embedded.
        batch: The rows that have a vector.
        failures: The rows that have none.
        embedded: Texts that the embedder was asked for; the others had come before.
        truncated: Texts among them that were cut at the model's limit, where the embedder says so.
    """

    shard: Shard
    batch: Batch
    failures: tuple[Failure, ...] = ()
    embedded: int = 0
    truncated: int = 0


def after(digest: bytes, row: Row) -> bytes:
    """The digest of all rows up to this one: whether a source is still the same is seen from it."""
    name = json.dumps([row.id, row.error]).encode()
    hasher = blake2b(digest, digest_size=16)
    hasher.update(b"%d:" % len(name) + name)
    hasher.update(row.text.encode("utf-8", "surrogatepass"))
    return hasher.digest()


def cut(rows: Iterator[Row], size: int, digest: bytes, done: Callable[[], float | None]) -> Iterator[Shard]:
    """Shards of the rows.

    Args:
        rows: What is left of the source.
        size: Rows a shard; the last may have fewer.
        digest: Of the rows before these.
        done: Says at any time how much of the source was read.
    """
    held: list[Row] = []
    for row in rows:
        held.append(row)
        digest = after(digest, row)
        if len(held) == size:
            yield Shard(tuple(held), digest, done())
            held = []
    if held:
        yield Shard(tuple(held), digest, done())
