"""Exact search, and how good what was found is: recall, nDCG, reciprocal rank. Pure arithmetic.

The figures are trec_eval's (`recall_k`, `ndcg_cut_k`, `recip_rank` of the first k), which BEIR and MTEB report too: a
document is relevant when its grade is above 0, the gain of a document is its grade, and the discount of rank r is
log2(r + 1) (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002).

Where two documents are equally near, the one whose name comes first in the order of code points stands first, so that
neither the order of the documents nor that of the computation has a say. (trec_eval takes the last one.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from shared_core.errors import ConfigError, MalformedResponse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FIGURES", "Similarity", "ndcg", "nearest", "recall", "reciprocal_rank"]

Similarity = Literal["cosine", "dot"]
"""Angles alone, or lengths too, for models that were trained so."""

_QUERIES, _DOCUMENTS = 256, 16_384  # a block of scores: 16 MiB


def recall(found: Sequence[str], relevant: Mapping[str, float], k: int) -> float:
    """Which share of the relevant documents is among the first k. With more than k of them it stays below 1.

    Args:
        found: Names, the nearest first.
        relevant: The grade of each relevant document, above 0; at least one.
        k: How many are looked at.

    Example:
        >>> recall(["b", "a", "c"], {"a": 1, "z": 1}, 2)
        0.5
    """
    return sum(name in relevant for name in found[:k]) / len(relevant)


def ndcg(found: Sequence[str], relevant: Mapping[str, float], k: int) -> float:
    """The gain of the first k, discounted by rank, as a share of the most that there could be.

    Args:
        found, relevant, k: As in `recall`.

    Example:
        >>> round(ndcg(["b", "a", "c"], {"a": 1}, 10), 4)  # 1 / log2(3)
        0.6309
    """
    best = sorted(relevant.values(), reverse=True)
    return _gain([relevant.get(name, 0.0) for name in found[:k]]) / _gain(best[:k])


def reciprocal_rank(found: Sequence[str], relevant: Mapping[str, float], k: int) -> float:
    """One over the rank of the first relevant document; 0 when none is among the first k.

    Args:
        found, relevant, k: As in `recall`.

    Example:
        >>> reciprocal_rank(["b", "a", "c"], {"a": 1, "c": 1}, 10)
        0.5
    """
    return next((1 / rank for rank, name in enumerate(found[:k], 1) if name in relevant), 0.0)


FIGURES: Mapping[str, Callable[[Sequence[str], Mapping[str, float], int], float]] = {
    "ndcg": ndcg,
    "recall": recall,
    "mrr": reciprocal_rank,
}
"""By the names that they have in results."""


def _gain(grades: Sequence[float]) -> float:
    # fsum: a sum that depends on nothing but its terms.
    return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


def nearest(
    documents: NDArray[np.float32],
    queries: NDArray[np.float32],
    names: Sequence[Sequence[str]],
    k: int,
    similarity: Similarity = "cosine",
) -> Iterator[list[str]]:
    """The k nearest documents of each query, found exactly: every query against every document, a block at a time.

    Takes 16 MiB besides the vectors and, for "cosine", a copy of them.

    Args:
        documents: Shape (texts, dimensions).
        queries: Shape (queries, dimensions).
        names: The names of the documents that have each text: sorted, and the texts by their first name. Equal texts
            are embedded once, so that they are equally near.
        k: How many to find, at most.
        similarity: A vector of zeros has a cosine of 0 to all.

    Yields:
        Names, the nearest first; equally near ones in order.

    Raises:
        MalformedResponse: Vectors are not finite, or of different lengths.
    """
    if documents.shape[1] != queries.shape[1]:
        raise MalformedResponse(
            f"Documents have {documents.shape[1]} dimensions, queries {queries.shape[1]}.",
            hint="Embed both with one model.",
        )
    documents, queries = _prepared(documents, similarity), _prepared(queries, similarity)
    for start in range(0, len(queries), _QUERIES):
        for places, scores in _block(documents, queries[start : start + _QUERIES], k):
            found = [
                (-score, name) for place, score in zip(places, scores, strict=True) for name in names[place]
            ]
            yield [name for _, name in sorted(found)[:k]]


def _block(
    documents: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> Iterator[tuple[list[int], list[float]]]:
    """The k nearest texts of each of some queries, and how near they are."""
    import numpy as np

    kept: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = [
        (np.empty(0, np.intp), np.empty(0, np.float32))
    ] * len(queries)
    for start in range(0, len(documents), _DOCUMENTS):
        scores = queries @ documents[start : start + _DOCUMENTS].T
        for row, line in enumerate(scores):
            best = _largest(line, k)
            places = np.concatenate([kept[row][0], best + start])
            values = np.concatenate([kept[row][1], line[best]])
            order = np.argsort(-values, kind="stable")[:k]
            kept[row] = places[order], values[order]
    for places, values in kept:
        yield places.tolist(), values.tolist()


def _largest(line: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Where the k largest values stand, ascending; of equal ones the first."""
    import numpy as np

    if len(line) <= k:
        return np.arange(len(line), dtype=np.intp)
    least = np.partition(line, -k)[-k]
    above, equal = np.flatnonzero(line > least), np.flatnonzero(line == least)
    return np.sort(np.concatenate([above, equal[: k - len(above)]]))


def _prepared(vectors: NDArray[np.float32], similarity: Similarity) -> NDArray[np.float32]:
    import numpy as np

    if similarity not in ("cosine", "dot"):
        raise ConfigError(f"There is no similarity {similarity!r}.", hint='Choose "cosine" or "dot".')
    # A sum is finite only where every number is: no mask of the vectors' size is made.
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    if not np.isfinite(lengths).all():
        raise MalformedResponse("A vector holds what is no finite number.", hint="Ask another host.")
    if similarity == "dot":
        return vectors
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-30).astype(np.float32)[:, None]
    return scaled
