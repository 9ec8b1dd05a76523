"""Whose vectors are compared: models behind the router, models on this machine, and objects of any framework.

An embedder's `embed` is a flow, so that threads and event loops share one run. Objects are known by their methods
alone: nothing here imports a framework.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError, MalformedResponse, RouterError
from shared_core.evaluate.estimating import SubjectEstimate, at_home, of_vectors
from shared_core.flow import Flow, offload
from shared_core.local import LocalEmbedder
from shared_core.types import Cost, EmbedOptions, EmbedReply, Kind, ReplyMeta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Embedder", "LocalModel", "ObjectEmbedder", "RouterEmbedder", "embedders_of"]

T = TypeVar("T")

LOCAL = "local:"
"""Before the name of a model that is to run on this machine."""

_SPOKEN = (
    ("embed_documents", "embed_query"),  # LangChain
    ("get_text_embedding_batch", "get_query_embedding"),  # LlamaIndex
    ("encode_document", "encode_query"),  # sentence-transformers
)
"""What objects call it: vectors of a list of documents, and the vector of one query."""

_UNPRICED = Cost(note="the object does not say what it costs")


class Embedder(Protocol):
    """Who makes vectors.

    Attributes:
        name: What it is called in tables; no two in one comparison are called alike.
    """

    name: str

    def embed(self, texts: Sequence[str], kind: Kind) -> Flow[EmbedReply]:
        """One vector a text.

        Args:
            texts: At least one.
            kind: What they are: many models have a prompt of its own for each.

        Raises:
            RouterError: There are none.
        """
        ...


class RouterEmbedder:
    """A model behind the router, or behind any server that the client speaks to.

    Args:
        client: Asks; its retries, fallback, limits, budgets and embedding cache hold.
        model: The model's id, with or without a provider; None for the client's own.
        options: For every call: prompts, dimensions and the like; see `EmbedOptions`.
        name: What it is called; None is the model's id.

    Raises:
        ConfigError: An option is none.
    """

    def __init__(
        self,
        client: VectorRouter,
        model: str | None,
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or model or client.model or client.base_url
        self._options: EmbedOptions = {**(options or {}), "model": model}  # type: ignore[typeddict-item]
        self._client = client
        _known(self._options, EmbedOptions.__annotations__, self.name)

    def embed(self, texts: Sequence[str], kind: Kind) -> Flow[EmbedReply]:
        """See `Embedder.embed`."""
        return self._client._embed(texts, kind, self._options)

    def estimate(self, queries: Sequence[str], documents: Sequence[str]) -> Flow[SubjectEstimate]:
        """What their vectors may cost; nobody is asked."""
        texts = [f"{self._options.get('query_prompt') or ''}{text}" for text in queries]
        texts += [f"{self._options.get('document_prompt') or ''}{text}" for text in documents]
        return of_vectors(self._client, self._options.get("model"), self.name, texts, len(texts))


class LocalModel:
    """A model on this machine. It runs in a thread of its own.

    Args:
        embedder: It.
        name: What it is called; None is "local:" and the model.
    """

    def __init__(self, embedder: LocalEmbedder, name: str | None = None) -> None:
        self.name = name or f"{LOCAL}{embedder.model}"
        self._embedder = embedder

    def embed(self, texts: Sequence[str], kind: Kind) -> Flow[EmbedReply]:
        """See `Embedder.embed`."""
        return offload(lambda: _as_ours(lambda: self._embedder.embed(texts, kind)))

    def estimate(self, queries: Sequence[str], documents: Sequence[str]) -> Flow[SubjectEstimate]:
        """Whether the model would be downloaded; nothing is."""
        calls, revision = len(queries) + len(documents), self._embedder._arguments.revision
        return at_home(self._embedder.model, self.name, calls, revision)


class ObjectEmbedder:
    """An embedding model of LangChain, of LlamaIndex or of sentence-transformers, or whatever has the methods of one.
    It runs in a thread of its own, and is asked for one query at a time.

    Args:
        model: The object.
        name: What it is called; None is its class's name.

    Raises:
        ConfigError: It has none of these pairs of methods.

    Example:
        >>> class Lengths:
        ...     def embed_documents(self, texts): return [[len(text), 1.0] for text in texts]
        ...     def embed_query(self, text): return [len(text), 1.0]
        >>> ObjectEmbedder(Lengths()).name
        'Lengths'
    """

    def __init__(self, model: object, name: str | None = None) -> None:
        self.name = name or type(model).__name__
        for documents, query in _SPOKEN:
            if callable(getattr(model, documents, None)) and callable(getattr(model, query, None)):
                self._documents: Callable[[list[str]], Any] = getattr(model, documents)
                self._query: Callable[[str], Any] = getattr(model, query)
                return
        raise ConfigError(
            f"A {type(model).__name__} is no embedding model.",
            hint="Give a model's id, 'local:' and a model, or an object that has "
            + ", ".join(f"{one} and {other}" for one, other in _SPOKEN)
            + ".",
        )

    def embed(self, texts: Sequence[str], kind: Kind) -> Flow[EmbedReply]:
        """See `Embedder.embed`."""
        return offload(lambda: _as_ours(lambda: self._embed(texts, kind)))

    def _embed(self, texts: Sequence[str], kind: Kind) -> EmbedReply:
        started = time.perf_counter()
        made = self._documents(list(texts)) if kind == "document" else [self._query(text) for text in texts]
        seconds = time.perf_counter() - started
        meta = ReplyMeta(self.name, latency_s=seconds, cost=_UNPRICED)
        return EmbedReply(_array(made, self.name), None, meta)


def embedders_of(models: Any, client: VectorRouter) -> list[Embedder]:
    """Those whose vectors are compared.

    Args:
        models: A list, or a mapping by the names that they shall have, of: ids for the router; "local:" and a Hub id
            or a folder; mappings of "model" (either of these) and options; clients, `LocalEmbedder`s, objects of
            frameworks, and the classes above.
        client: Asks for those that are ids.

    Raises:
        ConfigError: There are none, one is no embedding model, or two are called alike.
    """
    if isinstance(models, str) or not isinstance(models, Mapping | Sequence) or not models:
        raise ConfigError(
            "There are no models to compare.", hint='Give a list: ["org/name", "local:org/name"].'
        )
    named = models.items() if isinstance(models, Mapping) else [(None, model) for model in models]
    found = [_embedder_of(model, client, None if name is None else str(name)) for name, model in named]
    names = [embedder.name for embedder in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name!r} is there twice.", hint='Name them: {"one": ..., "other": ...}.')
    return found


def _embedder_of(model: Any, client: VectorRouter, name: str | None) -> Embedder:
    if isinstance(model, Mapping):
        options = dict(model)
        said = options.pop("model", None)
        if not isinstance(said, str):
            raise ConfigError("A model's settings lack its id.", hint='Write {"model": "org/name", ...}.')
        return _named(said, options, client, name or options.pop("name", None))
    if isinstance(model, str):
        return _named(model, {}, client, name)
    if isinstance(model, VectorRouter):
        return RouterEmbedder(model, None, name=name)
    if isinstance(model, LocalEmbedder):
        return LocalModel(model, name)
    if isinstance(model, RouterEmbedder | LocalModel | ObjectEmbedder):
        named = copy(model)
        named.name = name or model.name
        return named
    return ObjectEmbedder(model, name)


def _named(model: str, options: dict[str, Any], client: VectorRouter, name: str | None) -> Embedder:
    if not model.startswith(LOCAL):
        return RouterEmbedder(client, model, options, name)
    _known(options, LocalEmbedder.__init__.__annotations__, model)
    return LocalModel(LocalEmbedder(model.removeprefix(LOCAL), **options), name)


def _known(options: Mapping[str, Any], words: Mapping[str, Any], model: str) -> None:
    if unknown := sorted(map(str, options.keys() - words.keys())):
        raise ConfigError(f"{model} has no option {unknown[0]!r}.", hint=f"There are {', '.join(words)}.")


def _as_ours(make: Callable[[], T]) -> T:
    """What was made; an error of any library as one of ours, so that the other models go on."""
    try:
        return make()
    except RouterError:
        raise
    except (Exception, CancelledError) as error:  # what it had cancelled is its own, and not this run
        why = " ".join(str(error).split())
        raise RouterError(f"{type(error).__name__}: {why}", hint="Look at the model itself.") from error


def _array(made: Any, name: str) -> NDArray[np.float32]:
    import numpy as np

    try:
        vectors = np.asarray(made, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise MalformedResponse(
            f"{name} gave no vectors of one length.", hint="See what it returns."
        ) from error
    return vectors
