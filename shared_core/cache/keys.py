"""The key of a cached vector: everything that decides what the vector is, in 32 bytes.

Vectors of two models, revisions, kinds, prompts, lengths, normalisations or precisions never share a key, and
neither texts nor prompts can be read back out of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b

from shared_core.errors import ConfigError
from shared_core.types import Kind

__all__ = ["VectorKeys"]

_FORMAT = 1
"""Raised when the meaning of a key or of a value changes: older entries are then never found."""


class VectorKeys:
    """Makes the keys of one way of embedding.

    Args:
        model: Whose vectors; for a model in a folder, what tells it from others (its path, or a hash).
        revision: Commit or branch of the model; None where the host does not tell.
        kind: "query" or "document".
        prompt: What was put before the text; None where the host keeps the prompt, "" for none.
        dimensions: Length that the vectors were cut to; None for the model's own.
        normalize: Whether they were scaled to length 1; None as the model does.
        precision_class: What arithmetic made them: "float32", "bfloat16", "float16", "int8", or "remote".

    Example:
        >>> keys = VectorKeys("sentence-transformers/all-MiniLM-L6-v2", None, "query", "", None, True, "float32")
        >>> [len(key) for key in keys.of(["Hello", "world"])]
        [32, 32]
    """

    def __init__(
        self,
        model: str,
        revision: str | None,
        kind: Kind,
        prompt: str | None,
        dimensions: int | None,
        normalize: bool | None,
        precision_class: str,
    ) -> None:
        fields = [_FORMAT, model, revision, kind, prompt, dimensions, normalize, precision_class]
        # JSON, since joined strings could be cut in two ways; ASCII, since a prompt may hold a lone surrogate.
        self._prefix = blake2b(json.dumps(fields, ensure_ascii=True).encode(), digest_size=32).digest()

    def of(self, texts: Iterable[str]) -> list[bytes]:
        """One key a text, in order.

        Args:
            texts: Any strings; lone surrogates and NUL are texts like others.

        Raises:
            ConfigError: One of them is no string.
        """
        prefixed = blake2b(self._prefix, digest_size=32)
        keys = []
        for text in texts:
            if not isinstance(text, str):
                raise ConfigError(f"Text {len(keys)} is of type {type(text).__name__}, not a string.")
            hasher = prefixed.copy()
            hasher.update(text.encode("utf-8", "surrogatepass"))
            keys.append(hasher.digest())
        return keys
