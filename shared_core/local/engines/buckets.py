"""T5's buckets of distance, for engines that draw a graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["relative_buckets"]


def relative_buckets(buckets: int, furthest: int) -> NDArray[np.int64]:
    """T5's bucket for each distance, both directions.

    Near distances have a bucket each, farther ones share buckets that widen with the logarithm.
    Source: section 2.1 of https://arxiv.org/abs/1910.10683; `_relative_position_bucket` of transformers.

    Args:
        buckets: How many; half of them for keys after the query.
        furthest: Distance from which on all are in the last bucket.

    Returns:
        For the distances -furthest to furthest, key minus query.

    Example:
        >>> relative_buckets(8, 16)[16 - 3 : 16 + 4].tolist()
        [2, 2, 1, 0, 5, 6, 6]
    """
    import numpy as np

    distances = np.arange(-furthest, furthest + 1)
    side, exact = buckets // 2, buckets // 4
    far = np.log(np.maximum(abs(distances), 1).astype(np.float32) / exact) / math.log(furthest / exact)
    coarse = np.minimum(exact + (far * (side - exact)).astype(np.int64), side - 1)
    near = abs(distances)
    found: NDArray[np.int64] = np.where(near < exact, near, coarse) + side * (distances > 0)
    return found
