"""The arguments that keep a client within bounds and tell of its calls, which every class of ours takes alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from shared_core.errors import ConfigError
from shared_core.types.budget import Budget
from shared_core.types.limits import Concurrency, Limit

__all__ = ["SAFEGUARDS", "SafeguardArguments", "check_state_travels", "plain_safeguard"]


class SafeguardArguments(TypedDict, total=False):
    """Explained at `HFRouter`; None leaves each of them out. What may be an object of another room is `Any` here: a
    `Ledger`, a `ChatCache`, or what they can be made of."""

    usage_tags: Mapping[str, str] | None
    hooks: Sequence[Callable[[Any], object]] | None
    ledger: Any
    chat_cache: Any
    state: Any
    limits: Sequence[Limit | Mapping[str, Any]] | None
    concurrency: int | Literal["adaptive"] | Concurrency | Mapping[str, Any] | None
    budgets: Sequence[Budget | Mapping[str, Any]] | None
    hedge: bool | float | None


SAFEGUARDS = tuple(SafeguardArguments.__annotations__)
"""Their names."""


def check_state_travels(state: Any, chat_cache: Any = None, embedding_cache: Any = None) -> None:
    """Lets a pickle be made, unless it would hold a password.

    Args:
        state: The argument of this name.
        chat_cache, embedding_cache: Those, where an object keeps them as they were written.

    Raises:
        ConfigError: One of the places is a URL with a password.
    """
    store = chat_cache.get("store") if isinstance(chat_cache, Mapping) else chat_cache
    for name, place in (("state", state), ("chat_cache", store), ("embedding_cache", embedding_cache)):
        if isinstance(place, str) and "://" in place and _without_password(place) != place:
            raise ConfigError(
                f"{name}= is a URL that may hold a password; it is not pickled, so that the password goes nowhere.",
                hint="Give a function of a module that returns the URL, such as one reading the environment.",
            )


def plain_safeguard(value: Any) -> Any:
    """An argument as JSON, which the same argument takes again. What cannot be written down is left out, as None: a
    function or an object has no text that would not be taken for a path.

    Example:
        >>> plain_safeguard("redis://:secret@cache.example:6379/0"), plain_safeguard([{"requests": 60}])
        ('redis://cache.example:6379/0', [{'requests': 60}])
    """
    if isinstance(value, str):
        return _without_password(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain_safeguard(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_safeguard(each) for each in value]
    as_dict = getattr(value, "as_dict", None)
    if callable(as_dict) and not isinstance(value, type):
        return as_dict()
    return None


def _without_password(text: str) -> str:
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        where = parts.hostname or ""
        return parts._replace(netloc=f"{where}:{parts.port}" if parts.port else where, query="").geturl()
    except ValueError:
        return "***"
