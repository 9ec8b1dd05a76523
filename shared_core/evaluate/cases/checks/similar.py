"""Vectors for `similar`, from whatever makes vectors of texts.

There is no embedder unless one is named: a model that nobody asked for would be downloaded, or paid for. `local:` and
a folder or an id of the Hub is one on this machine (an id is downloaded once, when it is first used); any other name
is a model behind the router. In place of a name goes an object of `shared_core.local`, LangChain or LlamaIndex, or a
function.
"""

from __future__ import annotations

import math
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError, RouterError
from shared_core.flow import Flow, offload
from shared_core.types import Cost

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["checked_embedder", "cosine", "embedded"]

_LOCAL = "local:"
_METHODS = ("embed", "embed_documents", "get_text_embedding_batch")
"""Of ours, of LangChain and of LlamaIndex: lists of texts in, vectors out."""


def embedded(
    client: HFRouter | AsyncHFRouter, embedder: Any, texts: Sequence[str]
) -> Flow[tuple[list[Sequence[float]], Cost]]:
    """The vectors of some texts, and what they cost.

    Raises:
        RouterError: There are none.
    """
    if isinstance(embedder, str) and not embedder.startswith(_LOCAL):
        reply = yield from client._embed(list(texts), "document", {"model": embedder})
        return list(reply.vectors), reply.meta.cost
    return (yield from offload(lambda: _made(embedder, list(texts)))), Cost(note="the embedder does not say")


def checked_embedder(embedder: Any) -> Any:
    """The same, once it is sure that vectors can be asked of it; nothing is loaded.

    Raises:
        ConfigError: They cannot.
    """
    if not isinstance(embedder, str):
        _function(embedder)
    return embedder


def _made(embedder: Any, texts: list[str]) -> list[Sequence[float]]:
    """The vectors that an embedder makes in this program."""
    import numpy as np

    if isinstance(embedder, str):
        from shared_core.local import LocalEmbedder

        embedder = LocalEmbedder(embedder.removeprefix(_LOCAL))
    try:
        reply = _function(embedder)(texts)
        vectors = np.asarray(getattr(reply, "vectors", reply), dtype=np.float64)
    except RouterError:
        raise
    except (Exception, CancelledError) as error:  # whatever it raises, it has failed, and the run goes on
        raise ConfigError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ConfigError(f"It gave an array of shape {vectors.shape} for {len(texts)} texts.")
    return list(vectors)


def _function(embedder: Any) -> Callable[[list[str]], Any]:
    for name in _METHODS:
        if callable(method := getattr(embedder, name, None)):
            return method  # type: ignore[no-any-return]
    if callable(embedder):
        return embedder  # type: ignore[no-any-return]
    raise ConfigError(
        f"A {type(embedder).__name__} makes no vectors of texts.",
        hint='Give a model\'s id, "local:folder-or-id", an embedder, or a function of a list of texts.',
    )


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors; 0 where one of them is all zeros, NaN where one is not finite.

    Example:
        >>> cosine([1.0, 0.0], [1.0, 1.0]), cosine([1e-300, 0.0], [1e300, 0.0])
        (0.7071067811865475, 1.0)
    """
    import numpy as np

    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    tops = [float(np.abs(each).max(initial=0.0)) for each in (first, second)]
    if not all(map(math.isfinite, tops)):
        return math.nan
    if not all(tops):
        return 0.0
    first, second = first / tops[0], second / tops[1]  # so that no square is too large or too small
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
