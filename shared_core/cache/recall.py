"""Vectors out of a cache and into it: float32, little-endian, no header; the length says the dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared_core.cache.protocol import EmbeddingCache

__all__ = ["Recalled", "keep", "through"]

_ITEM = 4
"""Bytes of a float32."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a cache knew of a list of texts.

    Args:
        vectors: float32, shape (hits, dimensions), the caller's own to change. Of shape (0, 0) without a hit.
        missing: Positions of the texts that were not found, ascending.
    """

    vectors: NDArray[np.float32]
    missing: tuple[int, ...]

    def with_missing(self, fresh: NDArray[np.float32]) -> NDArray[np.float32]:
        """All vectors in the order of the texts.

        Args:
            fresh: Vectors of the missing texts, in the order of `missing`, shape (missing, dimensions).

        Raises:
            ConfigError: There are not as many as are missing, or they are of another length than the hits.
        """
        import numpy as np

        if len(fresh) != len(self.missing):
            raise ConfigError(
                f"{len(fresh)} vectors for {len(self.missing)} texts that were not in the cache."
            )
        if not len(self.vectors):
            return np.ascontiguousarray(fresh, dtype=np.float32)
        if not self.missing:
            return self.vectors
        if fresh.shape[1] != self.vectors.shape[1]:
            raise ConfigError(
                f"Vectors of {self.vectors.shape[1]} dimensions came from the cache, of {fresh.shape[1]} from the "
                "model.",
                hint="The model has changed under its name: pin its revision, or name another cache.",
            )
        merged = np.empty((len(self.vectors) + len(fresh), fresh.shape[1]), dtype=np.float32)
        is_missing = np.zeros(len(merged), dtype=bool)
        is_missing[list(self.missing)] = True
        merged[is_missing] = fresh
        merged[~is_missing] = self.vectors
        return merged


def through(cache: EmbeddingCache, keys: Sequence[bytes], dimensions: int | None = None) -> Recalled:
    """What the cache knows of these texts, in one look-up.

    Args:
        cache: Where to look.
        keys: From `VectorKeys.of`.
        dimensions: Length the vectors must have. None takes the length that most of the hits have. Anything
            else in the cache counts as missing, and is written anew.

    Raises:
        ConfigError: The cache does not answer for each key.
    """
    import numpy as np

    values = cache.get_many(keys)
    if len(values) != len(keys):
        raise ConfigError(
            f"The cache {type(cache).__name__} gave {len(values)} values for {len(keys)} keys.",
            hint="Its `get_many` must give a value or None for each key, in their order.",
        )
    lengths = Counter(len(value) for value in values if value and not len(value) % _ITEM)
    if dimensions is not None:
        wanted = dimensions * _ITEM
    elif lengths:
        wanted = lengths.most_common(1)[0][0]
    else:
        wanted = 0
    hits = [value for value in values if value and len(value) == wanted]
    missing: tuple[int, ...] = ()
    if len(hits) < len(values):
        missing = tuple(i for i, value in enumerate(values) if not value or len(value) != wanted)
    # A bytearray is the caller's own to write to; numpy would give a view of bytes that refuses.
    flat = np.frombuffer(bytearray().join(hits), dtype="<f4").astype(np.float32, copy=False)
    return Recalled(flat.reshape(len(hits), wanted // _ITEM if hits else 0), missing)


def keep(cache: EmbeddingCache, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
    """Remembers new vectors.

    Args:
        cache: Where to.
        keys: From `VectorKeys.of`, one a vector.
        vectors: Shape (keys, dimensions).

    Raises:
        ConfigError: There are not as many keys as vectors.
    """
    import numpy as np

    if len(keys) != len(vectors):
        raise ConfigError(f"{len(keys)} keys for {len(vectors)} vectors.")
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    cache.put_many([(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)])
