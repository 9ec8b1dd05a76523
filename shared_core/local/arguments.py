"""The arguments of a local embedder, and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from shared_core.errors import ConfigError
from shared_core.local.download import is_hub_id
from shared_core.local.engines import Backend, Precision
from shared_core.storage.redis import is_redis_url
from shared_core.types.embeddings import Kind

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.local.choose import BackendWish, PrecisionWish

__all__ = ["Arguments", "texts_of", "whole_number"]

_DEVICE = re.compile(r"[a-z]+(:\d+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Arguments:
    """Of `LocalEmbedder`, whose docstring says what each means.

    Raises:
        ConfigError: One of them cannot work.
    """

    model: str
    device: str = "auto"
    precision: PrecisionWish = "auto"
    backend: BackendWish = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    dimensions: int | None = None
    normalize: bool | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    intra_op_threads: int | None = None
    cache: EmbeddingCache | str | Path | bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise ConfigError(
                "A local embedder needs a model.",
                hint='Give a folder or a Hub id, such as "sentence-transformers/all-MiniLM-L6-v2".',
            )
        if is_redis_url(self.cache):
            # These arguments are shown and travel in pickles, and a URL may hold a password.
            raise ConfigError("cache= is an address, not a path.", hint="Give `RedisCache` of it.")
        _one_of("precision", self.precision, ("auto", *get_args(Precision)))
        _one_of("backend", self.backend, ("auto", *get_args(Backend)))
        if not isinstance(self.device, str) or not _DEVICE.fullmatch(self.device):
            raise ConfigError(
                f"device={self.device!r} is no device.", hint='Examples: "auto", "cpu", "cuda:1", "mps".'
            )
        for name in ("dimensions", "max_tokens", "intra_op_threads"):
            whole_number(name, getattr(self, name))
        for name in ("revision", "query_prompt", "document_prompt"):
            if not isinstance(getattr(self, name), str | None):
                raise ConfigError(f"{name}={getattr(self, name)!r} is not a string.")
        if self.normalize not in (None, True, False):
            raise ConfigError(f"normalize={self.normalize!r} is neither None nor True nor False.")
        if self.trust_remote_code:
            self._check_trust()

    def _check_trust(self) -> None:
        """Code may run only if it cannot change under the user's feet."""
        if not _COMMIT.fullmatch(self.revision or "") or not is_hub_id(self.model):
            raise ConfigError(
                "trust_remote_code runs the author's code, and so needs a Hub id and revision= as a full commit.",
                hint="Read the code at one commit on the Hub, and give that commit's 40 digits.",
            )

    def __repr__(self) -> str:
        named = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        given = [f"{name}={value!r}" for name, value, default in named if value != default]
        return f"LocalEmbedder({', '.join(given)})"


def whole_number(name: str, value: Any) -> None:
    """Refuse what is neither None nor a whole number above zero.

    Raises:
        ConfigError: Names the argument.
    """
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigError(f"{name}={value!r} is not a whole number above zero.")


def texts_of(texts: Any, kind: Kind) -> list[str]:
    """A caller's texts as a list.

    Raises:
        ConfigError: They are one string, or one of them is none; or `kind` is unknown.
    """
    if kind not in ("query", "document"):
        raise ConfigError(f"kind={kind!r} is neither 'query' nor 'document'.")
    if isinstance(texts, str | bytes):
        raise ConfigError("texts is one string, not a list of them.", hint="For one text write [text].")
    listed = list(texts)
    for position, text in enumerate(listed):
        if not isinstance(text, str):
            raise ConfigError(f"Text {position} is a {type(text).__name__}, not a string.")
    return listed


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name}={value!r} is unknown.", hint=f"Known are {', '.join(known)}.")
