"""How long a service asks to wait, in every notation in use."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shared_core.wire.retry_after import parse_estimate, parse_retry_after, retry_after_of

NOW = 1_786_000_000.0  # Thu, 06 Aug 2026 07:06:40 GMT

NOTATIONS: dict[str, tuple[str, float | None]] = {
    "seconds": ("7", 7.0),
    "no seconds": ("0", 0.0),
    "fractional seconds": ("1.5", 1.5),
    "blanks around it": (" 7 ", 7.0),
    "a date": ("Thu, 06 Aug 2026 07:07:10 GMT", 30.0),
    "a date gone by": ("Thu, 06 Aug 2026 07:06:10 GMT", 0.0),
    "a date of RFC 850": ("Thursday, 06-Aug-26 07:07:10 GMT", 30.0),
    "groq's seconds": ("7.66s", 7.66),
    "groq's minutes": ("2m59.56s", 179.56),
    "minutes alone": ("3m", 180.0),
    "hours": ("1h0m3s", 3603.0),
    "milliseconds": ("300ms", 0.3),
    "seconds and milliseconds": ("1s500ms", 1.5),
    "negative seconds are none to wait": ("-5", 0.0),
    "not a number": ("nan", None),
    "for ever": ("inf", None),
    "more digits than a number can have": ("9" * 400 + "s", None),
    "words": ("soon", None),
    "empty": ("", None),
    "a unit alone": ("s", None),
    "half a date": ("Thu, 06 Aug", None),
    "a date that does not exist": ("Thu, 99 Foo 2026 99:99:99 GMT", None),
}


@pytest.mark.parametrize(("value", "seconds"), NOTATIONS.values(), ids=NOTATIONS.keys())
def test_a_header_is_read(value: str, seconds: float | None) -> None:
    found = parse_retry_after(value, now=NOW)
    assert found is None if seconds is None else found == pytest.approx(seconds)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
def test_the_header_is_heeded_where_waiting_helps(status: int) -> None:
    assert retry_after_of(status, {"retry-after": "2"}, now=NOW) == 2.0


@pytest.mark.parametrize("status", [200, 307, 400, 401, 402, 403, 404, 413, 422])
def test_the_header_is_ignored_elsewhere_because_together_sends_it_with_success(status: int) -> None:
    assert retry_after_of(status, {"retry-after": "2", "retry-after-ms": "2000"}, now=NOW) is None


LIMITS: dict[str, tuple[str, float | None]] = {
    "a window that is used up": ('"api";r=0;t=55', 55.0),
    "with blanks": ('"api" ; r=0 ; t=55', 55.0),
    "a window with room left says nothing": ('"api";r=12;t=55', None),
    "the longest of those that are used up": (
        '"api";r=0;t=55, "pages";r=0;t=90, "resolvers";r=5;t=300',
        90.0,
    ),
    "no time": ('"api";r=0', None),
    "no number": ('"api";r=0;t=soon', None),
    "more digits than a number of seconds has": ('"api";r=0;t=' + "9" * 400, None),
    "ten are left, not none": ('"api";r=010;t=55', None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("value", "seconds"), LIMITS.values(), ids=LIMITS.keys())
def test_the_hub_says_in_ratelimit_when_its_window_ends(value: str, seconds: float | None) -> None:
    assert retry_after_of(429, {"ratelimit": value}, now=NOW) == seconds
    assert retry_after_of(200, {"ratelimit": value}, now=NOW) is None
    assert retry_after_of(429, {"ratelimit": value, "retry-after": "3"}, now=NOW) == 3.0


def test_a_date_is_compared_with_the_servers_own_clock() -> None:
    headers = {"retry-after": "Thu, 01 Jan 2015 00:00:09 GMT", "date": "Thu, 01 Jan 2015 00:00:00 GMT"}
    assert retry_after_of(503, headers, now=NOW) == 9.0


def test_milliseconds_come_first_when_both_are_sent() -> None:
    assert retry_after_of(429, {"retry-after-ms": "1500", "retry-after": "2"}, now=NOW) == 1.5


@pytest.mark.parametrize(
    "value", ["soon", "²", "-1", "", "9" * 5000], ids=["word", "superscript", "minus", "empty", "endless"]
)
def test_unreadable_milliseconds_leave_the_word_to_the_other_header(value: str) -> None:
    assert retry_after_of(429, {"retry-after-ms": value, "retry-after": "2"}, now=NOW) == 2.0


ESTIMATES: dict[str, tuple[Any, float | None]] = {
    "a loading model": ({"error": "loading", "estimated_time": 577.37}, 577.37),
    "a whole number": ({"estimated_time": 20}, 20.0),
    "a sentence": ({"error": "Please try again in 1m30s."}, 90.0),
    "a sentence in OpenAI's object": ({"error": {"message": "Please Retry After 250ms"}}, 0.25),
    "negative": ({"estimated_time": -1}, None),
    "a text": ({"estimated_time": "20"}, None),
    "true": ({"estimated_time": True}, None),
    "for ever": ({"estimated_time": math.inf}, None),
    "not a number": ({"estimated_time": math.nan}, None),
    "a sentence without a unit": ({"error": "try again in 5 minutes"}, None),
    "dots": ({"error": "try again in ...s"}, None),
    "a list": ([1], None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("payload", "seconds"), ESTIMATES.values(), ids=ESTIMATES.keys())
def test_an_estimate_in_a_body_is_read(payload: Any, seconds: float | None) -> None:
    assert parse_estimate(payload) == seconds
