"""How much may be asked, and how much at once: the limits a user sets.

Lives here: the values, their checks, what they mean in seconds. Not here: who keeps to them (`policy.rate_limit`,
`policy.concurrency`), which call falls under which (`policy.scopes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from shared_core.errors import ConfigError

__all__ = ["PERIODS", "SCOPES", "TAG", "Concurrency", "Limit", "Period"]

T = TypeVar("T")

Period = Literal["second", "minute", "hour", "day"]
"""What a limit is counted over."""

PERIODS: Mapping[str, float] = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
"""Seconds."""

SCOPES = ("all", "host", "provider", "model", "key")
"""What a limit may be counted for, besides a usage tag (`TAG` and its name)."""

TAG = "tag:"
"""What stands before the name of a usage tag that a limit is counted for."""

_AT_ONCE = 8
"""Without `burst`, one in so many of a limit may be used at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many requests, or so many tokens, in a second, a minute, an hour or a day.

    In no window of that length are more let through than the limit and `burst`: an eighth of it at once, the rest
    evenly. Tokens are estimated before a call, and corrected by its usage; a single call that is larger than may be
    used at once passes when nothing else is due, and is counted in full.

    Equal limits are one limit: for all clients of a process, or of all processes with the same `state`.

    Args:
        requests: How many requests, each try counted; or else
        tokens: how many tokens, read and written.
        per: "second", "minute", "hour" or "day".
        burst: How many more may be used at once, on top of the limit, which then is spread evenly as a whole. For
            900 in a day, 100 of them at once, and never more than that: `Limit(requests=800, per="day", burst=100)`.
        of: What is counted apart: "all" counts together whatever is sent, "host" by address, "provider" by the one
            that the call names (by address where it names none), "model" by model, provider and address, "key" by
            account, and "tag:user" by what the usage tag "user" says (calls without it are counted together).
        only: The one host, provider, model or tag's value that is meant; "" for each.

    Raises:
        ConfigError: It is no limit.

    Example:
        >>> str(Limit(requests=60, per="minute", of="provider"))
        '60 requests per minute for each provider'
        >>> str(Limit(tokens=6000, of="provider", only="groq"))
        '6,000 tokens per minute for provider groq'
    """

    requests: int | None = None
    tokens: int | None = None
    per: Period = "minute"
    burst: int | None = None
    of: str = "all"
    only: str = ""

    def __post_init__(self) -> None:
        if (self.requests is None) == (self.tokens is None):
            raise ConfigError("A limit is one of requests or of tokens.", hint=_LIMIT_HINT)
        if not _is_count(self.amount) or not (self.burst is None or _is_count(self.burst, least=0)):
            raise ConfigError(f"{self!r} does not count in whole numbers.", hint=_LIMIT_HINT)
        if self.per not in PERIODS:
            raise ConfigError(
                f"per={self.per!r} is no period.", hint='Use "second", "minute", "hour" or "day".'
            )
        _check_scope(self.of)
        if not isinstance(self.only, str) or (self.only and self.of in ("all", "key")):
            raise ConfigError(
                f"only={self.only!r} cannot be told with of={self.of!r}.",
                hint='Name a host, a provider, a model or a tag\'s value: of="provider", only="groq".',
            )

    @classmethod
    def read(cls, spec: Limit | Mapping[str, Any]) -> Limit:
        """A limit as a user wrote it: itself, or its arguments by name.

        Raises:
            ConfigError: It is neither.
        """
        return spec if isinstance(spec, Limit) else _read(cls, spec, _LIMIT_HINT)

    def as_dict(self) -> dict[str, Any]:
        """What was given, by name, as plain values; `read` takes it again."""
        return _given(self)

    @property
    def amount(self) -> int:
        """How many, of what the limit counts."""
        return self.requests or self.tokens or 0

    @property
    def seconds_each(self) -> float:
        """Seconds in which one more may be used."""
        return PERIODS[self.per] / (self.amount - self._share)

    @property
    def at_once(self) -> int:
        """How many may be used in one moment, when nothing was for a while."""
        extra = self._share if self.burst is None else self.burst
        return extra if self.tokens else extra + 1

    @property
    def _share(self) -> int:
        return self.amount // _AT_ONCE if self.burst is None else 0

    def __str__(self) -> str:
        unit = ("token" if self.tokens else "request") + ("s" if self.amount > 1 else "")
        what = f"{self.amount:,} {unit} per {self.per}"
        more = f" (and {self.burst:,} at once)" if self.burst else ""
        return f"{what}{more}{_for_whom(self.of, self.only)}"


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests may be under way at once, in this process: of all its threads, tasks and clients.

    A stream is under way until it is read to its end, or left.

    Args:
        limit: How many, or "adaptive": from `first` on, one more for each answer until the first refusal (429, 503,
            a time limit), then a third fewer with each, and one more for each round of answers.
        of: What is counted apart; see `Limit`.
        first: Where "adaptive" begins.
        most: What it never passes.

    Raises:
        ConfigError: It is no limit.

    Example:
        >>> str(Concurrency(8, of="host"))
        '8 requests at once for each host'
    """

    limit: int | Literal["adaptive"] = "adaptive"
    of: str = "model"
    first: int = 8
    most: int = 256

    def __post_init__(self) -> None:
        counts = [self.first, self.most, *([] if self.limit == "adaptive" else [self.limit])]
        if not all(map(_is_count, counts)) or self.first > self.most:
            raise ConfigError(f"{self!r} limits nothing.", hint=_CONCURRENCY_HINT)
        _check_scope(self.of)

    @classmethod
    def read(cls, spec: Concurrency | Mapping[str, Any] | int | str) -> Concurrency:
        """A limit as a user wrote it: a number (for each host), "adaptive" (for each model), or its arguments.

        Raises:
            ConfigError: It is none of these.
        """
        if isinstance(spec, Concurrency):
            return spec
        if spec == "adaptive":
            return cls()
        if _is_count(spec):
            return cls(limit=spec, of="host")  # type: ignore[arg-type]
        return _read(cls, spec, _CONCURRENCY_HINT)

    def as_dict(self) -> dict[str, Any]:
        """What was given, by name, as plain values; `read` takes it again."""
        return _given(self)

    def __str__(self) -> str:
        if self.limit == "adaptive":
            how_many = "As many requests as go"
        else:
            how_many = f"{self.limit} request{'s' if self.limit > 1 else ''}"
        return f"{how_many} at once{_for_whom(self.of)}"


_LIMIT_HINT = (
    'Write Limit(requests=60, per="minute", of="provider"), or Limit(tokens=100_000, of="tag:user").'
)
_CONCURRENCY_HINT = 'Write a number from 1 on, "adaptive", or Concurrency(8, of="provider").'


def _for_whom(scope: str, only: str = "") -> str:
    name = scope.removeprefix(TAG)
    return "" if scope == "all" else f" for {name} {only}" if only else f" for each {name}"


def _given(value: Limit | Concurrency) -> dict[str, Any]:
    return {
        item.name: getattr(value, item.name)
        for item in fields(value)
        if getattr(value, item.name) != item.default
    }


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= 10**15


def _check_scope(scope: object) -> None:
    if scope in SCOPES or (isinstance(scope, str) and scope.startswith(TAG) and scope != TAG):
        return
    raise ConfigError(
        f"of={scope!r} is nothing that could be counted apart.",
        hint=f"Choose one of {', '.join(SCOPES)}, or {TAG}NAME for a usage tag.",
    )


def _read(kind: type[T], spec: object, hint: str) -> T:
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{spec!r} is no limit.", hint=hint)
    if unknown := spec.keys() - {item.name for item in fields(kind)}:  # type: ignore[arg-type]
        raise ConfigError(f"A limit has no {min(unknown)!r}.", hint=hint)
    return kind(**spec)
