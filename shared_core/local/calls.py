"""One call of an embedder, from texts to the reply: what the cache knows, the rest from the model, the shape.

Lives here: what belongs to one call alone. Not here: what objects share (`running`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError
from shared_core.local.arguments import Arguments, whole_number
from shared_core.local.model import Embedded, Model, Part
from shared_core.local.recipe import Recipe
from shared_core.local.source import Source
from shared_core.types import AT_HOME, ReplyMeta, Usage
from shared_core.types.embeddings import EmbedReply, Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared_core.cache import EmbeddingCache, Recalled

__all__ = ["Call", "shaped"]


class Call:
    """What one caller asked for, and what is known of the answer so far.

    Args:
        arguments: The embedder's.
        source: Its model's files.
        texts, kind, dimensions, normalize, truncate: The call's.

    Attributes:
        part: What the model is to do; after `recall`, what the cache does not know.
        raw: Whether it needs the model without its final normalisation.
        recalled: How many texts the cache knew.

    Raises:
        ConfigError: `dimensions` or `normalize` cannot work.
    """

    __slots__ = (
        "_arguments", "_cut", "_dimensions", "_keep", "_kind", "_normalise", "_notes", "_prompt", "_recalled",
        "_source", "_started", "_tokens", "_vectors", "part", "raw", "recalled",
    )  # fmt: skip

    def __init__(
        self,
        arguments: Arguments,
        source: Source,
        texts: list[str],
        kind: Kind,
        dimensions: int | None,
        normalize: bool | None,
        truncate: bool,
    ) -> None:
        self._started = time.perf_counter()
        whole_number("dimensions", dimensions)
        if normalize not in (None, True, False):
            raise ConfigError(f"normalize={normalize!r} is neither None nor True nor False.")
        self._arguments = arguments
        self._source = source
        self._kind = kind
        self._dimensions = arguments.dimensions if dimensions is None else dimensions
        self._normalise = arguments.normalize if normalize is None else normalize
        never_normalises = isinstance(source.facts, Recipe) and not source.facts.normalise
        self.raw = self._normalise is False and not never_normalises
        self.part = Part(source.prompts[kind], texts, None, not truncate)
        self._prompt = self.part.prompt if texts else ""
        self._notes = (source.unasked[kind],) if texts and source.unasked.get(kind) else ()
        self._vectors: NDArray[np.float32] | None = None
        self._cut: tuple[int, ...] = ()
        self._tokens = self.recalled = 0
        self._recalled: Recalled | None = None
        self._keep: Callable[[NDArray[np.float32]], None] | None = None

    def recall(self, cache: EmbeddingCache, identity: str) -> None:
        """Ask the cache, and leave to the model what it does not know.

        Args:
            cache: Where to look, and where new vectors will be kept.
            identity: Tells the model's files from others.
        """
        from shared_core.cache import VectorKeys, keep, through

        keys = self._keys(identity, VectorKeys)
        recalled = through(cache, keys, self._dimensions)
        missing = recalled.missing
        self._recalled = recalled
        self.recalled = len(keys) - len(missing)
        self.part = self.part._replace(texts=[self.part.texts[place] for place in missing], places=missing)
        self._keep = lambda vectors: keep(cache, [keys[place] for place in missing], vectors)
        if not missing:
            self._vectors = recalled.vectors

    def take(self, embedded: Embedded, model: Model) -> None:
        """What the model made of `part`; new vectors go into the cache.

        Raises:
            ConfigError: More dimensions are asked for than the model has.
        """
        vectors = shaped(embedded.vectors, model, self._dimensions, self._normalise)
        if self._keep is not None:
            self._keep(vectors)
        self._vectors = vectors if self._recalled is None else self._recalled.with_missing(vectors)
        self._cut = tuple(self.part.place(index) for index in embedded.cut)
        self._tokens = int(embedded.lengths.sum())

    def reply(self, dimensions: Callable[[], int]) -> EmbedReply:
        """The answer.

        Args:
            dimensions: The embedder's; asked when there were no texts.
        """
        vectors = self._vectors
        if vectors is None:
            import numpy as np

            own = dimensions()
            vectors = np.zeros((0, min(self._dimensions or own, own)), np.float32)
        return EmbedReply(
            vectors,
            Usage(self._tokens, 0, self._tokens),
            ReplyMeta(
                model=self._arguments.model,
                provider="local",
                latency_s=time.perf_counter() - self._started,
                cost=AT_HOME,
            ),
            self._cut,
            self._notes,
            recalled=self.recalled,
            prompt=self._prompt,
        )

    def _keys(self, identity: str, make: type) -> list[bytes]:
        arguments = self._arguments
        whole = "whole" if self.part.whole else "cut"
        keys: list[bytes] = make(
            arguments.model if self._source.revision else str(self._source.folder),
            f"{identity} {whole} at {arguments.max_tokens}",
            self._kind,
            self.part.prompt,
            self._dimensions,
            self._normalise,
            "float32" if arguments.precision == "auto" else arguments.precision,
        ).of(self.part.texts)
        return keys


def shaped(
    vectors: NDArray[np.float32], model: Model, dimensions: int | None, normalise: bool | None
) -> NDArray[np.float32]:
    """A model's vectors, cut and scaled where the caller wants them otherwise than the model gives them.

    Args:
        vectors: float32, shape (texts, the model's dimensions).
        model: Says whether they have length 1.
        dimensions: Length to cut to, before they are scaled; None for all.
        normalise: Whether they shall have length 1; None as the model does.

    Returns:
        float32, contiguous.

    Raises:
        ConfigError: More dimensions are asked for than there are.
    """
    import numpy as np

    own = vectors.shape[1]
    if dimensions is not None and dimensions > own:
        raise ConfigError(f"dimensions={dimensions}, but the model's vectors have {own}.")
    is_cut = dimensions is not None and dimensions < own
    if is_cut:
        vectors = vectors[:, :dimensions]
    if (model.normalised or normalise) and normalise is not False and (is_cut or not model.normalised):
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors = vectors / np.maximum(lengths, np.float32(1e-12))[:, None]
    return np.ascontiguousarray(vectors, dtype=np.float32)
