"""Makes `init_chat_model("hfrouter:...")` know this package, on request.

LangChain keeps its providers in a private table without entry points, so nothing is registered by an import:
`register()` writes one row, and says clearly when that table is not where it was (langchain 1.2.0, for one,
has a chain of `if`s in its place; 1.4.7 has the table).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["register"]


def register(name: str = "hfrouter") -> None:
    """Lets `langchain.chat_models.init_chat_model` make a `ChatHFRouter`.

    Args:
        name: The provider's name in front of the first colon. Calling this again does no harm.

    Raises:
        ImportError: langchain is not installed.
        ConfigError: This langchain keeps its providers elsewhere; use `ChatHFRouter(...)` directly.

    Example:
        >>> register()  # doctest: +SKIP
        >>> init_chat_model("hfrouter:openai/gpt-oss-120b:groq", temperature=0)  # doctest: +SKIP
    """
    try:
        base: Any = import_module("langchain.chat_models.base")
    except ImportError as error:
        raise ImportError("register() needs langchain: run `pip install langchain`.") from error
    table = getattr(base, "_BUILTIN_PROVIDERS", None)
    rows = list(table.values()) if isinstance(table, dict) else []
    if (
        not isinstance(table, dict)
        or not rows
        or not all(isinstance(row, tuple) and len(row) == 3 for row in rows)
    ):
        raise ConfigError(
            "This version of langchain keeps its table of providers in a form that register() does not know.",
            hint="Make the model directly: ChatHFRouter(model=...).",
        )
    table[name] = ("langchain_hfrouter", "ChatHFRouter", _create)


def _create(cls: Any, **kwargs: Any) -> Any:
    return cls(**kwargs)
