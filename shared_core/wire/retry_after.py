"""How long a service asks to wait, in every notation in use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["parse_estimate", "parse_retry_after", "retry_after_of"]

_HEEDED = frozenset({408, 425, 429})
_NUMBER = r"(\d+(?:\.\d+)?)"
_PARTS = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")
_USED_UP, _RESET = re.compile(r";\s*r=0(?!\d)"), re.compile(r";\s*t=(\d{1,9})(?!\d)")
_IN_TEXT = re.compile(r"(?:try again|retry) (?:in|after) ((?:[\d.]+(?:h|ms|m|s))+)", re.IGNORECASE)


def retry_after_of(status: int, headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds to wait from a reply's headers; None when it does not say.

    Heeded on 408, 425, 429 and 5xx only: together sends `retry-after: 2` with every success
    (recordings of 2026). A date is compared with the reply's own `Date`, so that a wrong clock here
    does no harm.
    """
    if status not in _HEEDED and status < 500:
        return None
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"[0-9]{1,12}", milliseconds):
        return int(milliseconds) / 1000
    value = headers.get("retry-after")
    if value is None:
        return _reset_of(headers.get("ratelimit", ""))
    served_at = _unix(headers.get("date", ""))
    return parse_retry_after(value, now=now if served_at is None else served_at)


def _reset_of(value: str) -> float | None:
    """Seconds until a limit that is used up is new again: the longest of them.

    Source: `RateLimit: "api";r=0;t=55` (huggingface.co/docs/hub/rate-limits), of the draft
    draft-ietf-httpapi-ratelimit-headers.
    """
    used_up = (item for item in value.split(",") if _USED_UP.search(item))
    resets = [int(found[1]) for item in used_up if (found := _RESET.search(item))]
    return float(max(resets)) if resets else None


def parse_retry_after(value: str, *, now: float) -> float | None:
    """Seconds to wait, from a `Retry-After` header.

    Args:
        value: Whole or fractional seconds ("7"), a duration ("1m0.3s", "300ms"), or an HTTP date.
        now: Unix time in seconds, passed in so that tests need no clock.

    Returns:
        Seconds, never negative; None when unreadable: a bad header is the provider's mistake and must
        not become the caller's exception.

    Source: RFC 9110 section 10.2.3; durations as Groq writes them.
    """
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    if (duration := _duration(value)) is not None:
        return duration
    at = _unix(value)
    return None if at is None else max(0.0, at - now)


def parse_estimate(payload: object) -> float | None:
    """Seconds from a body: `estimated_time` of a loading model, or "try again in 50.6s" in its message."""
    if not isinstance(payload, Mapping):
        return None
    estimate = payload.get("estimated_time")
    if isinstance(estimate, int | float) and not isinstance(estimate, bool) and 0 <= estimate < math.inf:
        return float(estimate)
    inner: Any = payload.get("error")
    text = inner.get("message") if isinstance(inner, Mapping) else inner
    found = _IN_TEXT.search(text) if isinstance(text, str) else None
    return _duration(found.group(1)) if found else None


def _duration(value: str) -> float | None:
    match = _PARTS.fullmatch(value)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    return total if math.isfinite(total) else None


def _unix(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
