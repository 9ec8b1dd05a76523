"""How the texts of a batch lie in memory while torch works on them: packed, sorted by length, no padding.

Lives here: positions, counted in numpy. Not here: arithmetic on the token vectors themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from shared_core.local.engines import TokenBatch

__all__ = ["Layout", "Run", "pieces", "sorted_by_length"]


class Run(NamedTuple):
    """Texts that follow each other and have one length: a rectangle without padding.

    Args:
        start: Its first row among all tokens.
        texts: How many.
        length: Tokens of each.
    """

    start: int
    texts: int
    length: int

    @property
    def rows(self) -> slice:
        """Of all its tokens."""
        return slice(self.start, self.start + self.texts * self.length)


@dataclass(frozen=True, slots=True)
class Layout:
    """One packed batch, as attention, places and pooling need to know it.

    Args:
        ids: int32, shape (tokens,): what each token is.
        places: int32, shape (tokens,): where it stands in its text.
        starts: int32, shape (texts + 1,): the first token of each text, and the end of the last.
        runs: The texts, gathered by length.
        longest: Tokens of the longest text.
        largest_id: The largest of `ids`.
    """

    ids: torch.Tensor
    places: torch.Tensor
    starts: torch.Tensor
    runs: tuple[Run, ...]
    longest: int
    largest_id: int

    @classmethod
    def of(cls, batch: TokenBatch, device: torch.device | None = None) -> Layout:
        """The layout of texts that are sorted by length.

        Args:
            batch: At least one text; texts of one length follow each other.
            device: Where the tensors go, through pinned memory and without waiting; None for the CPU.
        """
        texts, tokens = len(batch.lengths), len(batch.ids)
        # One block of memory, so that a GPU gets it in one copy.
        block = torch.empty(2 * tokens + texts + 1, dtype=torch.int32, pin_memory=device is not None)
        counted = block.numpy()
        counted[:tokens] = batch.ids
        starts = counted[2 * tokens :]
        starts[0] = 0
        np.cumsum(batch.lengths, out=starts[1:])
        counted[tokens : 2 * tokens] = np.arange(tokens) - np.repeat(starts[:-1], batch.lengths)
        if device is not None:
            block = block.to(device, non_blocking=True)
        return cls(
            ids=block[:tokens],
            places=block[tokens : 2 * tokens],
            starts=block[2 * tokens :],
            runs=tuple(_runs(batch.lengths, starts)),
            longest=int(batch.lengths.max()),
            largest_id=int(batch.ids.max()),
        )


def _runs(lengths: NDArray[np.int32], starts: NDArray[np.int32]) -> Iterator[Run]:
    firsts = np.flatnonzero(np.diff(lengths, prepend=-1))
    lasts = np.append(firsts[1:], len(lengths))
    for start, texts, length in zip(
        starts[firsts].tolist(), (lasts - firsts).tolist(), lengths[firsts].tolist(), strict=True
    ):
        yield Run(start, texts, length)


def sorted_by_length(batch: TokenBatch) -> tuple[NDArray[np.intp] | None, TokenBatch]:
    """The same texts, longest first.

    Returns:
        The texts' old positions in their new order (None: nothing moved), and the sorted batch.
    """
    lengths = batch.lengths
    if not np.any(lengths[1:] > lengths[:-1]):
        return None, batch
    order = np.argsort(-lengths, kind="stable")
    moved = lengths[order]
    old_starts = (np.cumsum(lengths) - lengths)[order]
    new_starts = np.cumsum(moved) - moved
    rows = np.arange(len(batch.ids)) + np.repeat(old_starts - new_starts, moved)
    return order, TokenBatch(batch.ids[rows], moved)


def pieces(batch: TokenBatch, limit: int) -> Iterator[TokenBatch]:
    """A batch in pieces of at most `limit` tokens; a longer text is a piece of its own.

    Args:
        batch: Any texts, in any order.
        limit: Tokens.
    """
    if len(batch.ids) <= limit:
        yield batch
        return
    ends = np.cumsum(batch.lengths)
    first = before = 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, before + limit, side="right")))
        yield TokenBatch(batch.ids[before : ends[last - 1]], batch.lengths[first:last])
        first, before = last, int(ends[last - 1])
