"""Where a token comes from, without the token.

An `ApiKey` may be printed, logged, pickled and copied: it never shows, and never carries along, what it
holds. A copy in another process finds an ambient token again in that process's own environment; an
explicit one is gone there, and using it says so instead of taking some other account's token.
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.errors import ConfigError

__all__ = ["ApiKey"]

Source = Literal["argument", "ambient", "none", "left behind"]


class ApiKey:
    """A token, or the promise of one.

    Args:
        value: The token itself; None to look it up in the environment and the stored login when it is
            first needed; "" for no token at all.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str | None = None) -> None:
        self.source: Source = "ambient" if value is None else "argument" if value else "none"
        self._value = ""
        if value:
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

    def reveal(self) -> str:
        """The token for one request; "" when there is none (an ambient one is found by the client).

        Raises:
            ConfigError: The key was given explicitly in another process and did not travel here.
        """
        if self.source == "left behind":
            raise ConfigError(
                "This object was pickled or copied, and its explicit api_key was left behind on purpose.",
                hint="Set HF_TOKEN where this runs and build the object without api_key, or pass api_key again.",
            )
        return self._value

    def __repr__(self) -> str:
        return f"ApiKey({self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and (self.source, self._value) == (other.source, other._value)

    def __hash__(self) -> int:
        return hash(self._value)  # which a text remembers; the source need not tell more

    def __reduce__(self) -> tuple[Any, ...]:
        return _travelled, (self.source,)

    def __copy__(self) -> ApiKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ApiKey:
        return _travelled(self.source)


def _travelled(source: Source) -> ApiKey:
    key = ApiKey(None if source == "ambient" else "")
    if source in ("argument", "left behind"):
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
