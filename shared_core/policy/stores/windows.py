"""Windows of the calendar in UTC, and the names of accounts in them.

A window has a name of its own, so that a new one begins without anything being reset, and a clock that jumps back
finds what was spent in the old one. Pure: the time is passed in.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote

__all__ = ["Span", "account_of", "value_in", "window_at"]

_DAY = 86400.0
_FOR_EVER = 1e17  # seconds: what SQLite and Redis can write down, unlike infinity


class Span(NamedTuple):
    """A window.

    Args:
        label: Its name, such as "2026-11-27".
        ends: Unix time in seconds; None for ever.
        until: The same as an ISO text; "" for ever.
        keep_until: Unix time in seconds from which on its accounts may be dropped: later than its end, for clocks
            that jump back and calls that take long.
    """

    label: str
    ends: float | None
    until: str
    keep_until: float


def window_at(per: str, now: float) -> Span:
    """The window that a moment falls into.

    Args:
        per: "hour", "day", "month" or "total".
        now: Unix time in seconds.

    Example:
        >>> window_at("month", 1764259200.0)[:3]
        ('2025-11', 1764547200.0, '2025-12-01T00:00Z')
        >>> window_at("total", 0.0).label
        'total'
    """
    return _window(per, int(now // 3600))


@functools.lru_cache(maxsize=64)
def _window(per: str, hour: int) -> Span:
    if per == "total":
        return Span("total", None, "", _FOR_EVER)
    start = datetime.fromtimestamp(hour * 3600, UTC)
    label = f"{start:%Y-%m-%dT%H}"
    if per == "hour":
        following = start + timedelta(hours=1)
    elif per == "day":
        label = label[:10]
        following = start.replace(hour=0) + timedelta(days=1)
    else:
        label = label[:7]
        following = (start.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)
    ends = following.timestamp()
    length = {"hour": 3600.0, "day": _DAY, "month": 31 * _DAY}[per]
    return Span(label, ends, f"{following:%Y-%m-%dT%H:%MZ}", ends + 2 * length + _DAY)


@functools.lru_cache(maxsize=1024)
def account_of(budget: str, value: str, label: str) -> str:
    """The key of an account; from no two budgets or values comes the same.

    Example:
        >>> account_of("usd per day of each user", "a/b", "2026-11-27")
        'usd%20per%20day%20of%20each%20user/a%2Fb/2026-11-27'
    """
    return f"{quote(budget, safe='')}/{quote(value, safe='@')}/{label}"


def value_in(account: str) -> str:
    """The value that an account's key names.

    Example:
        >>> value_in("usd%20in%20total/a%2Fb/total")
        'a/b'
    """
    return unquote(account.split("/")[1])
