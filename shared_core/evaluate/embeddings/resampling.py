"""How far a mean over queries can be trusted, and whether two models differ by more than chance. Pure, and seeded.

Everything here goes by queries: had other queries of the same kind been asked, how would the mean have come out?
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared_core.evaluate.intervals import wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Difference", "Estimate", "difference", "estimate", "holm"]

_RESAMPLES = 10_000
_FEW = 20  # queries
_LEVEL = 0.95
_CELLS = 2**22  # numbers drawn at one time: 32 MiB


class Estimate(NamedTuple):
    """A mean, with its interval at a level of 95 %.

    Args:
        mean: Over all queries.
        low, high: Percentiles of the means of 10,000 bootstrap samples of the queries. Of fewer than 20, or where all
            came out alike, a bootstrap would make too little: then Wilson's score interval for a share that large.
        n: How many queries.
    """

    mean: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """How two means over the same queries differ.

    Args:
        mean: The first one's less the second one's.
        low, high: Its 95 % interval, by a bootstrap of the queries.
        p: How often chance alone would make a difference at least as large, if the two were alike: a randomisation
            test, which swaps the two at random for each query (10,000 times; Smucker, Allan and Carterette, A
            comparison of statistical significance tests for information retrieval evaluation, 2007).
    """

    mean: float
    low: float
    high: float
    p: float


def estimate(values: Sequence[float], seed: int) -> Estimate:
    """The mean of some values from 0 to 1.

    Args:
        values: One a query; at least one.
        seed: Of what is drawn.

    Example:
        >>> estimate([1.0, 1.0, 1.0, 1.0], seed=0)  # 4 of 4 may well be 51 % of all
        Estimate(mean=1.0, low=0.5101091635454027, high=1.0, n=4)
    """
    import numpy as np

    n, total = len(values), math.fsum(values)
    mean = total / n
    if n < _FEW or min(values) == max(values):
        # Of all values from 0 to 1 with this mean, shares vary most: no other interval is longer.
        return Estimate(mean, *wilson(total, n), n)
    means = _bootstrap(np.asarray(values, np.float64), seed)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]).tolist()
    return Estimate(mean, low, high, n)


def difference(ours: Sequence[float], theirs: Sequence[float], seed: int) -> Difference:
    """How the means of two models differ.

    Args:
        ours, theirs: One value a query, of the same queries in the same order.
        seed: Of what is drawn.
    """
    import numpy as np

    apart = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    mean = math.fsum(apart.tolist()) / len(apart)
    low, high = np.quantile(_bootstrap(apart, seed), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]).tolist()
    # A sum of the same numbers in another order must not count as smaller.
    least = abs(mean) - 1e-12
    as_large = sum(int((np.abs(means) >= least).sum()) for means in _swapped(apart, seed))
    return Difference(mean, low, high, (1 + as_large) / (1 + _RESAMPLES))


def holm(chances: Sequence[float]) -> list[float]:
    """The same chances, made larger for that many were looked at (Holm's step-down method).

    Example:
        >>> holm([0.01, 0.5, 0.02])
        [0.03, 0.5, 0.04]
    """
    adjusted, least = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        least = max(least, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = least
    return adjusted


def _bootstrap(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means of samples of the values, drawn with replacement."""
    import numpy as np

    random = np.random.default_rng(seed)
    parts = [
        values[random.integers(0, len(values), (rows, len(values)))].mean(axis=1)
        for rows in _portions(len(values))
    ]
    return np.concatenate(parts)


def _swapped(apart: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.float64]]:
    """Means of the differences, each with a sign drawn by lot."""
    import numpy as np

    random = np.random.default_rng(seed)
    for rows in _portions(len(apart)):
        signs = random.integers(0, 2, (rows, len(apart)), dtype=np.int8) * 2.0 - 1.0
        yield signs @ apart / len(apart)


def _portions(n: int) -> Iterator[int]:
    """How many samples are drawn at one time, until there are enough."""
    at_once = max(1, _CELLS // n)
    for done in range(0, _RESAMPLES, at_once):
        yield min(at_once, _RESAMPLES - done)
