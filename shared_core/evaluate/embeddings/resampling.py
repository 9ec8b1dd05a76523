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
_ALL_WAYS = 13  # queries, up to which no more than 10,000 subsets are to be gone through
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
    """How two means over the same queries differ, by a randomisation test.

    Args:
        mean: The first one's less the second one's.
        low, high: Its 95 % interval: the differences that the test does not reject. These lie between the means of
            subsets of the queries (Hartigan, Using subsample values as typical values, JASA 64, 1969). Of fewer than
            six queries it rejects none: from -1 to 1.
        p: How often chance alone would make a difference at least as large, if the two were alike: the test swaps the
            two at random for each query (Smucker, Allan and Carterette, A comparison of statistical significance tests
            for information retrieval evaluation, 2007). Of up to 13 queries all ways are gone through, of more 10,000.
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
        ours, theirs: One value from 0 to 1 a query, of the same queries in the same order.
        seed: Of what is drawn.

    Example:
        >>> difference([0.9] * 6, [0.5] * 5 + [0.9], seed=0).p  # of 32 ways to swap five, two are as far apart
        0.0625
    """
    import numpy as np

    apart = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    n, total = len(apart), math.fsum(apart.tolist())
    # A sum of the same numbers in another order must not count as smaller.
    least = abs(total) - 1e-12 * n
    ways, as_large, parts = 0, 0, []
    for kept in _subsets(n, seed):
        sums, counts = kept @ apart, kept.sum(axis=1)
        ways += len(kept)
        as_large += int((np.abs(2 * sums - total) >= least).sum())  # those that are not kept are swapped
        parts.append(sums[counts > 0] / counts[counts > 0])
    means = np.sort(np.concatenate(parts))
    outside = int((1 - _LEVEL) / 2 * (len(means) + 1))
    low, high = (float(means[outside - 1]), float(means[-outside])) if outside else (-1.0, 1.0)
    p = as_large / ways if n <= _ALL_WAYS else (1 + as_large) / (1 + ways)
    return Difference(total / n, low, high, p)


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


def _subsets(n: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Subsets of n things as rows of 0 and 1: all of them where these are few, else drawn by lot."""
    import numpy as np

    if n <= _ALL_WAYS:
        yield (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
        return
    random = np.random.default_rng(seed)
    for rows in _portions(n):
        yield random.integers(0, 2, (rows, n), dtype=np.int8).astype(np.float64)


def _portions(n: int) -> Iterator[int]:
    """How many samples are drawn at one time, until there are enough."""
    at_once = max(1, _CELLS // n)
    for done in range(0, _RESAMPLES, at_once):
        yield min(at_once, _RESAMPLES - done)
