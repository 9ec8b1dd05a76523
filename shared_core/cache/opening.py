"""From what a user wrote for `cache=` to a cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.cache.protocol import EmbeddingCache

__all__ = ["default_path", "open_cache"]


def default_path() -> Path:
    """The cache that a user's programs share: beside the Hub's own, where HF_HOME says."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "hfrouter" / "embeddings.sqlite"


def open_cache(cache: EmbeddingCache | str | Path | bool | None) -> EmbeddingCache | None:
    """The cache that an argument means.

    Args:
        cache: None or False for none; True for the user's own, beside the Hub's cache; a path to a SQLite file
            or a folder for one; or a cache, which is given back as it is.

    Raises:
        ConfigError: It is nothing of these, or the file belongs to another program.
    """
    if cache is None or cache is False:
        return None
    if cache is True or isinstance(cache, str | Path):
        from shared_core.cache.sqlite import SqliteCache

        return SqliteCache(None if cache is True else cache)
    if all(callable(getattr(cache, name, None)) for name in ("get_many", "put_many", "close")):
        return cache
    raise ConfigError(
        f"cache= is of type {type(cache).__name__}.",
        hint="Give True, a path, a SqliteCache, a RedisCache, or anything with get_many, put_many and close.",
    )
