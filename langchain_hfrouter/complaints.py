"""What is wrong with the arguments of a class, in one sentence.

Lives here: pydantic's complaints without the values they are about, one of which may be a token.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from langchain_hfrouter.errors import ConfigError

__all__ = ["in_words", "unknown_argument"]


def in_words(error: ValidationError) -> str:
    """All complaints of one error; no value is quoted."""
    problems = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(step) for step in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {message}" if where else message)
    return "These settings cannot work: " + "; ".join(dict.fromkeys(problems))


def unknown_argument(owner: str, name: str, known: Iterable[str], instead: dict[str, str]) -> ConfigError:
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
