"""What is wrong with the arguments of a class, in one sentence.

Lives here: pydantic's complaints without the values they are about, one of which may be a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from langchain_hfrouter.errors import ConfigError
from shared_core import errors as _core

__all__ = ["complaint", "in_words", "unknown_argument"]


def complaint(error: ValidationError, owner: str) -> ConfigError:
    """One error for all complaints: our own check's, with its advice, where that is the only one.

    Args:
        error: Pydantic's.
        owner: The class.
    """
    items = error.errors(include_input=False, include_url=False)
    own = items[0].get("ctx", {}).get("error") if len(items) == 1 else None
    if isinstance(own, _core.ConfigError) and own.hint:
        return ConfigError(own.message, hint=own.hint)
    if len(items) == 1 and items[0]["type"] == "missing" and items[0]["loc"] == ("model",):
        return ConfigError("No model was given.", hint='Pass model="org/name", as on its page of the Hub.')
    return ConfigError(in_words(error), hint=f"See the docstring of {owner}.")


def in_words(error: ValidationError) -> str:
    """All complaints of one error; no value is quoted."""
    problems = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(step) for step in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {message}" if where else message)
    return "These settings cannot work: " + "; ".join(dict.fromkeys(problems))


def unknown_argument(owner: str, name: str, known: Iterable[str], instead: Mapping[str, str]) -> ConfigError:
    """The error for an argument that a class does not have.

    Args:
        owner: The class.
        name: The argument.
        known: The arguments that it has; a near one is proposed.
        instead: For names of other packages' classes, what to write here.

    Example:
        >>> print(unknown_argument("HFLocalEmbeddings", "normalise", ["normalize"], {}).hint)
        Did you mean normalize?
    """
    import difflib

    hint = instead.get(name)
    if hint is None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"See the docstring of {owner}."
    return ConfigError(f"{owner} has no argument {name}.", hint=hint)
