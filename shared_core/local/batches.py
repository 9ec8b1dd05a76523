"""Tokens to vectors in batches: sorted by length, cut at what the engine likes, put back in order.

Lives here: arithmetic on positions, in numpy. No work per row: a thousand texts cost as much Python as ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from shared_core.local.engines import Engine, TokenBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["cuts", "run", "sorted_by_length"]


def run(
    engine: Engine, tokens: TokenBatch, dimensions: int, turn: AbstractContextManager[object] | None = None
) -> NDArray[np.float32]:
    """The vectors of many texts, in their order.

    Args:
        engine: Computes one batch at a time.
        tokens: At least one text.
        dimensions: Length of the engine's vectors.
        turn: Entered for each batch anew, so that long runs let others in between; None for no turns.

    Returns:
        float32, shape (texts, dimensions).
    """
    import numpy as np

    turn = nullcontext() if turn is None else turn
    texts = len(tokens.lengths)
    if texts * int(tokens.lengths.max()) <= engine.budget:
        with turn:
            return engine.run(tokens)
    order, tokens = sorted_by_length(tokens)
    ends = np.concatenate(([0], np.cumsum(tokens.lengths)))
    vectors = np.empty((texts, dimensions), np.float32)
    places = list(cuts(tokens.lengths, engine.budget))
    found = engine.run_each(
        TokenBatch(tokens.ids[ends[first] : ends[last]], tokens.lengths[first:last]) for first, last in places
    )
    for first, last in places:
        with turn:
            vectors[first:last] = next(found)
    in_order = np.empty_like(vectors)
    in_order[order] = vectors
    return in_order


def sorted_by_length(tokens: TokenBatch) -> tuple[NDArray[np.intp], TokenBatch]:
    """The same texts, longest first: the batch that needs the most memory comes at once, or not at all.

    Returns:
        The positions in the new order, and the tokens in it.
    """
    import numpy as np

    order = np.argsort(-tokens.lengths, kind="stable")
    lengths = tokens.lengths[order]
    starts = (np.cumsum(tokens.lengths) - tokens.lengths)[order]
    # Each token's old place: its text's old start, and its place inside the text.
    new_starts = np.cumsum(lengths) - lengths
    places = np.arange(len(tokens.ids)) + np.repeat(starts - new_starts, lengths)
    return order, TokenBatch(tokens.ids[places], lengths)


def cuts(lengths: NDArray[np.int32], budget: int) -> Iterator[tuple[int, int]]:
    """First and last position (exclusive) of each batch.

    Args:
        lengths: Tokens of each text, longest first.
        budget: Tokens a batch may hold, padding included; a longer text is a batch alone.
    """
    first = 0
    while first < len(lengths):
        last = min(len(lengths), first + max(1, budget // int(lengths[first])))
        yield first, last
        first = last
