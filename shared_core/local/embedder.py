"""Texts to vectors with sentence-transformers: the reference that faster engines are judged by.

Lives here: loading, sharing a loaded model between all objects of the process, queries against documents.
Not here: speed. torch and sentence_transformers take seconds to import, so they load with the first text.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LocalEmbedder"]

Kind = Literal["query", "document"]

_loaded: dict[tuple[str, str | None], Any] = {}
_loading = threading.Lock()


class LocalEmbedder:
    """An embedding model on this machine, loaded when the first text comes.

    Objects with the same model and device share the loaded weights. Threads may share one object. A
    pickled or copied embedder carries its two arguments only, and loads again where it arrives.

    Args:
        model: A folder with a sentence-transformers model, or a Hub id such as
            "sentence-transformers/all-MiniLM-L6-v2" (downloaded once, into the Hub's cache).
        device: Where it runs, such as "cpu", "cuda" or "mps"; None lets torch choose.

    Raises:
        ConfigError: `model` is empty.

    Example:
        >>> LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2").embed(["a"]).shape  # doctest: +SKIP
        (1, 384)
    """

    __slots__ = ("device", "model")

    def __init__(self, model: str, device: str | None = None) -> None:
        if not model:
            raise ConfigError(
                "A local embedder needs a model.",
                hint='Give a folder or a Hub id, such as "sentence-transformers/all-MiniLM-L6-v2".',
            )
        self.model = model
        self.device = device

    def __repr__(self) -> str:
        return f"LocalEmbedder(model={self.model!r}, device={self.device!r})"

    @property
    def dimensions(self) -> int:
        """Length of each vector; loads the model when that has not happened yet."""
        engine = self._engine()
        # Named `get_sentence_embedding_dimension` before sentence-transformers 6.
        ask = getattr(engine, "get_embedding_dimension", None) or engine.get_sentence_embedding_dimension
        return int(ask() or 0)

    def embed(self, texts: Sequence[str], kind: Kind = "document") -> NDArray[np.float32]:
        """One vector a text, in the order of the texts.

        The texts go to the model unchanged. Where the model has prompts for queries and documents, the one
        that `kind` names is used: mixing them up costs recall without any error.

        Args:
            texts: What to embed; may be empty.
            kind: "query" for what is searched with, "document" for what is searched in.

        Returns:
            An array of float32 with the shape (len(texts), dimensions).

        Raises:
            ImportError: The extra `local` is not installed.
            ConfigError: A text is not a string, `kind` is unknown, or the model cannot be loaded.
        """
        if kind not in ("query", "document"):
            raise ConfigError(f"kind={kind!r} is neither 'query' nor 'document'.")
        batch = list(texts)
        for position, text in enumerate(batch):
            if not isinstance(text, str):
                raise ConfigError(f"Text {position} to embed is a {type(text).__name__}, not a string.")
        import numpy as np

        if not batch:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        engine = self._engine()
        encode = engine.encode_query if kind == "query" else engine.encode_document
        vectors = encode(batch, convert_to_numpy=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _engine(self) -> Any:
        key = (self.model, self.device)
        engine = _loaded.get(key)
        if engine is None:
            with _loading:
                engine = _loaded.get(key)
                if engine is None:
                    engine = _loaded[key] = _load(self.model, self.device)
        return engine


def _load(model: str, device: str | None) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ImportError(
            'Embedding on this machine needs sentence-transformers: run `pip install "hfrouter[local]"`.'
        ) from error
    from transformers.utils import logging as transformers_logging

    bar_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would draw itself over the program's own output
    try:
        return SentenceTransformer(model, device=device)
    except (OSError, ValueError, RuntimeError, AssertionError) as error:  # the last: torch without CUDA
        raise ConfigError(
            f"The embedding model {model!r} cannot be loaded: {str(error)[:300]}",
            hint="Check the folder or the Hub id, and the device; a Hub model needs network access the first time.",
        ) from error
    finally:
        if bar_shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
