"""What a cache's arguments must be."""

from __future__ import annotations

import math

from shared_core.errors import ConfigError

__all__ = ["LEAST_BYTES", "checked_bytes", "checked_ttl"]

LEAST_BYTES = 2**20


def checked_bytes(max_bytes: int) -> int:
    """A bound that can be kept to.

    Raises:
        ConfigError: It is under 1 MiB, or no whole number.
    """
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int):
        raise ConfigError(f"max_bytes={max_bytes!r} is not a whole number of bytes.")
    if max_bytes < LEAST_BYTES:
        raise ConfigError(f"max_bytes={max_bytes} is under 1 MiB, which no cache can keep to.")
    return max_bytes


def checked_ttl(ttl: float | None) -> float | None:
    """Seconds to live.

    Raises:
        ConfigError: It is no positive, finite number.
    """
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl < math.inf:
        raise ConfigError(f"ttl={ttl!r} is not a number of seconds above 0; None keeps entries for good.")
    return ttl
