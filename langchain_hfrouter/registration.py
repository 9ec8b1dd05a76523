"""Makes `init_chat_model("hfrouter:...")` and `init_embeddings("hfrouter:...")` know this package, on request.

LangChain keeps its providers in private tables without entry points, so nothing is registered by an import:
`register()` writes one row into each, and says clearly when a table is not where it was (langchain 1.2.0, for
one, has a chain of `if`s in the place of both; 1.4.7 has the tables).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["register"]

_ROWS = {
    "langchain.chat_models.base": "ChatHFRouter",
    "langchain.embeddings.base": "HFRouterEmbeddings",
}


def register(name: str = "hfrouter") -> None:
    """Lets langchain's `init_chat_model` make a `ChatHFRouter`, and `init_embeddings` an `HFRouterEmbeddings`.

    Args:
        name: The provider's name in front of the first colon. Calling this again does no harm.

    Raises:
        ImportError: langchain is not installed.
        ConfigError: This langchain keeps its providers elsewhere; use the classes directly.

    Example:
        >>> register()  # doctest: +SKIP
        >>> init_chat_model("hfrouter:openai/gpt-oss-120b:groq", temperature=0)  # doctest: +SKIP
        >>> init_embeddings("hfrouter:BAAI/bge-m3:deepinfra", batch_size=64)  # doctest: +SKIP
    """
    tables = {module: _table(module) for module in _ROWS}
    for module, class_name in _ROWS.items():
        tables[module][name] = ("langchain_hfrouter", class_name, _create)


def _table(module: str) -> dict[str, Any]:
    """The providers of one module.

    Raises:
        ImportError, ConfigError: As of `register`.
    """
    try:
        base: Any = import_module(module)
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
            hint="Make the model directly: ChatHFRouter(model=...), HFRouterEmbeddings(model=...).",
        )
    return table


def _create(cls: Any, **kwargs: Any) -> Any:
    return cls(**kwargs)
