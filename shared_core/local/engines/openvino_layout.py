"""Where the tokens of a batch lie, for the OpenVINO graph: packed, and in a rectangle for attention.

The plugin makes kernels anew for every shape, which takes about 5 ms, and keeps them: about 1 MB for a shape
of MiniLM (2026.4; CPU_RUNTIME_CACHE_CAPACITY hardly lowers that). So shapes are rounded up to few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core.local.engines import TokenBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["INPUTS", "arranged", "rounded"]

INPUTS = {"ids": 1, "places": 1, "lengths": 1, "grid": 2, "cells": 1}
"""Names of the graph's inputs in their order, and the axes of each; all are int32. See `arranged`."""

_FEW = 16  # at most one token in so many is filling
_STEP = 64  # tokens; steps are never wider

_LANES = 16
"""Attention gets a multiple of so many places, as many float32 as AVX-512 holds. What is left of a row beyond
them is rounded in another way in bfloat16, so that a text of 20 tokens alone came out otherwise than beside a
longer one (cosine 0.99997; in int8, 0.998). With it vectors keep a cosine of 0.9999998 in every precision."""


def rounded(tokens: int) -> int:
    """The next of few sizes: each up to 32, then steps that double with the size, 64 at most.

    Example:
        >>> [rounded(tokens) for tokens in (1, 31, 33, 200, 2001)]
        [1, 31, 34, 200, 2048]
    """
    step = min(_STEP, 1 << max(0, (tokens // _FEW).bit_length() - 1))
    return tokens + -tokens % step


def arranged(batch: TokenBatch) -> list[NDArray[np.int32]]:
    """The inputs of the graph, as `INPUTS` names them.

    Returns:
        "ids" and "places": of each token, its id and its place in its text; filled up with zeros to a rounded
        number. "lengths": tokens of each text. "grid": (texts, longest), where each place of a text lies among
        the tokens; places beyond its end, and so the last column, hold its last token. "cells": where each
        token lies in the flat grid.

    Example:
        >>> import numpy as np
        >>> batch = TokenBatch(np.array([5, 6, 7], np.int32), np.array([1, 2], np.int32))
        >>> ids, places, lengths, grid, cells = arranged(batch)
        >>> places.tolist(), grid[:, :3].tolist(), cells.tolist()
        ([0, 0, 1], [[0, 0, 0], [1, 2, 2]], [0, 16, 17])
    """
    import numpy as np

    lengths = np.ascontiguousarray(batch.lengths, np.int32)
    count, texts = len(batch.ids), len(lengths)
    longest = rounded(int(lengths.max()))
    longest += -longest % _LANES
    ends = np.cumsum(lengths, dtype=np.int32)
    starts = ends - lengths
    grid = np.minimum(starts[:, None] + np.arange(longest, dtype=np.int32), ends[:, None] - 1)
    ids, places, cells = np.zeros((3, rounded(count)), np.int32)
    ids[:count] = batch.ids
    places[:count] = np.arange(count, dtype=np.int32) - np.repeat(starts, lengths)
    cells[:count] = np.repeat(np.arange(texts, dtype=np.int32) * longest, lengths) + places[:count]
    return [ids, places, lengths, grid, cells]
