"""Where a token comes from, without the token.

An `ApiKey` may be printed, logged, pickled and copied: it never shows, and never carries along, what it
holds. A copy in another process finds an ambient token again in that process's own environment; an
explicit one is gone there, and using it says so instead of taking some other account's token. A function that
gives tokens is no secret: it travels by its name where pickle finds it by that, and is left behind like a token
where it does not.

Not here: asking a function (`client.key_functions`), which may take long.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Literal

from shared_core.errors import ConfigError

__all__ = ["ApiKey", "KeyFunction"]

Source = Literal["argument", "function", "ambient", "none", "left behind"]

KeyFunction = Callable[[], str] | Callable[[], Awaitable[str]]
"""A function without arguments that gives a token; on asynchronous clients also a coroutine function."""


class ApiKey:
    """A token, or the promise of one.

    Args:
        value: The token itself; a function that gives it, asked before each request; None to look it up in the
            environment and the stored login when it is first needed; "" for no token at all.

    Attributes:
        source: Where the token comes from.
        function: What gives it; None where no function does.

    Example:
        >>> ApiKey("hf_0123456789"), ApiKey(lambda: "hf_0123456789"), ApiKey(None), ApiKey("")
        (ApiKey(argument), ApiKey(function), ApiKey(ambient), ApiKey(none))
    """

    __slots__ = ("_value", "function", "source")

    def __init__(self, value: str | KeyFunction | None = None) -> None:
        self.source: Source = "ambient" if value is None else "argument" if value else "none"
        self.function: KeyFunction | None = None
        self._value = ""
        if callable(value):
            self.source, self.function = "function", value
        elif value:
            problem = _problem_of(value)
            if problem is None:
                self._value = value.strip()
            value = None  # a traceback that shows locals must not show the token
            if problem is not None:
                raise problem

    @classmethod
    def left_behind(cls) -> ApiKey:
        """In place of an explicit token that does not travel: missed loudly where it is used."""
        return _travelled("left behind")

    @property
    def is_given(self) -> bool:
        """Whether the user gave it, as a token or as a function: such a key is meant for one host."""
        return self.source in ("argument", "function")

    @property
    def name(self) -> str:
        """What the function is called, with its module; "" without one."""
        return "" if self.function is None else _name_of(self.function)

    @property
    def travels(self) -> bool:
        """Whether the same function is found by its name in every process."""
        return self.function is not None and _is_importable(self.function)

    def reveal(self) -> str:
        """The token for one request; "" when there is none (an ambient one is found by the client, a function is
        asked by it).

        Raises:
            ConfigError: The key was given explicitly in another process and did not travel here.
        """
        if self.source == "left behind":
            raise ConfigError(
                "This object was pickled or copied, and its explicit api_key was left behind on purpose.",
                hint="Set HF_TOKEN where this runs and build the object without api_key, or pass api_key again.",
            )
        return self._value

    def taken(self, result: object) -> ApiKey:
        """What the function gave, as a token.

        Args:
            result: Of the function, awaited where that was possible.

        Raises:
            ConfigError: It is no token; the message names the function and not what it gave.
        """
        if isinstance(result, str):
            problem = _problem_of(result)
            if problem is None:
                return ApiKey(result)
        elif isawaitable(result):
            problem = _not_awaited(result)
        else:
            problem = ConfigError(
                f"It gave a value of type {type(result).__name__}, not a text.",
                hint='Have it return the token itself, or "" for none.',
            )
        result = None  # a traceback that shows locals must not show it
        raise ConfigError(f"{self.name}() was asked for the token. {problem.message}", hint=problem.hint)

    def __repr__(self) -> str:
        return f"ApiKey({self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and (self.source, self._value, self.function) == (
            other.source,
            other._value,
            other.function,
        )

    def __hash__(self) -> int:
        return hash(self._value)  # which a text remembers; the source need not tell more

    def __reduce__(self) -> tuple[Any, ...]:
        return (ApiKey, (self.function,)) if self.travels else (_travelled, (self.source,))

    def __copy__(self) -> ApiKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ApiKey:
        return self if self.function is not None else _travelled(self.source)


def _travelled(source: Source) -> ApiKey:
    key = ApiKey(None if source == "ambient" else "")
    if source in ("argument", "function", "left behind"):
        key.source = "left behind"
    return key


def _problem_of(value: object) -> ConfigError | None:
    if not isinstance(value, str):
        return ConfigError(f"The api_key is a {type(value).__name__}, not a text.")
    value = value.strip()
    if value.isascii() and value.isprintable() and " " not in value:
        return None
    return ConfigError(
        "The api_key holds characters that no token has (spaces, line ends or non-ASCII).",
        hint="Copy the token again from https://hf.co/settings/tokens; quotes and line ends are not part of it.",
    )


def _not_awaited(result: Awaitable[object]) -> ConfigError:
    close = getattr(result, "close", None)
    if callable(close):  # Python would complain that it was never awaited
        close()
    return ConfigError(
        "It is a coroutine function, which a blocking call cannot wait for.",
        hint="Use the asynchronous client (AsyncHFRouter, ainvoke, achat), or pass a plain function.",
    )


def _name_of(function: object) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{getattr(named, '__module__', None) or '?'}.{getattr(named, '__qualname__', '?')}"


def _is_importable(function: object) -> bool:
    """Whether pickle would write its name alone. It would write a method's object, or a partial's arguments, with
    what they hold: those stay."""
    found: object = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    owner = getattr(function, "__self__", None)
    return found is not None and found == function and (owner is None or isinstance(owner, type))
