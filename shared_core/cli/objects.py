"""Python objects that a person names on the command line: `bots.py:chain`, `package.module:model`.

Only the command line is read this way: a file may be a stranger's, and loading an object runs its code.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["models_of", "names_object"]

_SUBJECTS = {
    "langchain_core": ("langchain_hfrouter", "LangChainSubject"),
    "llama_index": ("llama_index_hfrouter", "LlamaIndexSubject"),
}
"""Of whose frameworks which adapter makes someone to ask."""


def names_object(name: str) -> bool:
    """Whether this is no model's id: the id of a model on the Hub has a slash, and no file of Python before its colon.

    Example:
        >>> names_object("bots.py:chain"), names_object("package.module:model"), names_object("org/name:groq")
        (True, True, False)
    """
    where, colon, _ = name.partition(":")
    return bool(colon) and (where.endswith(".py") or "/" not in where)


def models_of(names: list[str], *, load: bool = True) -> list[Any]:
    """Whom these names mean: models behind the router, and objects.

    Args:
        names: As they were typed.
        load: False leaves the code of objects where it is: they are there by name, and cannot be asked.

    Raises:
        ConfigError: There is no such object, or it cannot be asked.
    """
    of_name = _object if load else _unloaded
    return [of_name(name) if names_object(name) else name for name in names]


def _unloaded(name: str) -> Any:
    from shared_core.evaluate import FunctionSubject

    def ask(*_: Any, **__: Any) -> str:
        raise ConfigError(f"{name} was not loaded.")

    return FunctionSubject(ask, name)


def _object(name: str) -> Any:
    from shared_core.evaluate.cases.checks.code import load_object

    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` has it: modules of the current folder can be named
    found = load_object(name, None)
    for kind in type(found).__mro__:
        adapter = _SUBJECTS.get(kind.__module__.partition(".")[0])
        if adapter is not None:
            package, subject = adapter
            return getattr(import_module(package), subject)(found, name)
    if callable(getattr(found, "ask", None)):
        return found
    if callable(found) and not isinstance(found, type):
        from shared_core.evaluate import FunctionSubject

        return FunctionSubject(found, name)
    raise ConfigError(
        f"{name} is a {type(found).__name__}, which cannot be asked.",
        hint="Name a model or chain of LangChain or LlamaIndex, or a function of messages.",
    )
