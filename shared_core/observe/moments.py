"""Times that users name, as Unix seconds."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from shared_core.errors import ConfigError

__all__ = ["Moment", "unix"]

Moment = datetime | date | float
"""A time with its zone, or without one (that of this machine); the day that begins then in UTC; or Unix seconds."""


def unix(moment: Moment) -> float:
    """Unix seconds.

    Raises:
        ConfigError: It is no time.

    Example:
        >>> unix(date(2026, 11, 27))
        1795737600.0
    """
    if isinstance(moment, datetime):
        return moment.timestamp()
    if isinstance(moment, date):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp()
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
        raise ConfigError(f"{moment!r} is no time.", hint="Give a datetime, a date (UTC) or Unix seconds.")
    return moment
