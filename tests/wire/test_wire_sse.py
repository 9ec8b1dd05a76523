"""Server-sent events: what the specification says, and the liberties that providers take."""

from __future__ import annotations

import pytest

from shared_core.wire.sse import Event, EventTooLarge, SseDecoder


def decoded(body: bytes, size: int | None = None) -> list[Event]:
    """The events of a body that arrives whole, or in pieces of `size` bytes."""
    decoder = SseDecoder()
    step = size or len(body) or 1
    events = [event for at in range(0, len(body), step) for event in decoder.feed(body[at : at + step])]
    return events + decoder.end()


BODIES = {
    "lines end with LF": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "lines end with CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "lines end with CR alone": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "the three line ends may be mixed": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", [b"a", b"b", b"c"]),
    "a byte order mark at the start is dropped": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "a byte order mark later is content": (b"data: \xef\xbb\xbfa\n\n", [b"\xef\xbb\xbfa"]),
    "comments are dropped": (b": keep-alive\n\ndata: a\n\n: bye\n\n", [b"a"]),
    "a comment inside an event is dropped": (b": OPENROUTER PROCESSING\ndata: a\n\n", [b"a"]),
    "a comment between two data lines is dropped": (b"data: a\n:\ndata: b\n\n", [b"a\nb"]),
    "several data lines join with a line feed": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "an empty data line is an empty line": (b"data: a\ndata\ndata: b\n\n", [b"a\n\nb"]),
    "data needs no space after its colon": (b'data:{"a":1}\n\n', [b'{"a":1}']),
    "only one space is taken away": (b"data:  a\n\n", [b" a"]),
    "an event without data is none": (b"event: ping\nid: 7\nretry: 10\n\ndata: a\n\n", [b"a"]),
    "unknown fields are ignored": (b"weight: 3\ndata: a\nflavour\n\n", [b"a"]),
    "more blank lines than needed do no harm": (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "a line separator U+2028 is content": ("data: a\u2028b\n\n".encode(), ["a\u2028b".encode()]),
    "a next-line mark U+0085 is content": ("data: a\u0085b\n\n".encode(), ["a\u0085b".encode()]),
    "form feed and vertical tab are content": (b"data: a\x0b\x0cb\n\n", [b"a\x0b\x0cb"]),
    "a zero byte is content": (b"data: a\x00b\n\n", [b"a\x00b"]),
    "an unterminated last event is still delivered": (b"data: a\n\ndata: b", [b"a", b"b"]),
    "a last event with one line end is delivered": (b"data: a\n", [b"a"]),
    "a last event that ends in CR is delivered": (b"data: a\r", [b"a"]),
    "an unterminated comment is nothing": (b"data: a\n\n: by", [b"a"]),
    "an empty body holds nothing": (b"", []),
    "data with no value is an empty event": (b"data\n\n", [b""]),
    "a field that merely starts with data is another field": (b"database: a\n\ndata: b\n\n", [b"b"]),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES.keys())
def test_a_whole_body_is_read(body: bytes, expected: list[bytes]) -> None:
    assert [data for data, _ in decoded(body)] == expected


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES.keys())
def test_the_same_body_byte_by_byte_gives_the_same_events(body: bytes, expected: list[bytes]) -> None:
    assert [data for data, _ in decoded(body, 1)] == expected


def test_an_event_has_its_name() -> None:
    assert decoded(b'event: error\ndata: {"a":1}\n\ndata: b\n\n') == [(b'{"a":1}', b"error"), (b"b", b"")]


def test_the_last_of_two_names_counts() -> None:
    assert decoded(b"event: first\nevent:second\ndata: a\n\n") == [(b"a", b"second")]


def test_an_event_is_delivered_with_the_byte_that_completes_it_and_not_later() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [(b"a", b"")]


def test_nothing_is_delivered_twice_at_the_end() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: a\n\n")
    assert decoder.end() == []
    assert decoder.end() == []


@pytest.mark.parametrize("piece", [10, 70, 200], ids=["in small pieces", "in two pieces", "in one piece"])
def test_an_event_that_never_ends_is_refused_before_it_fills_the_memory(piece: int) -> None:
    decoder = SseDecoder(most_bytes=100)
    with pytest.raises(EventTooLarge, match="larger than 100 bytes"):
        _ = [decoder.feed(b"x" * piece) for _ in range(20)]


def test_many_small_events_may_together_be_larger_than_the_bound() -> None:
    decoder = SseDecoder(most_bytes=20)
    pieces = [b"data: 12345\n\nda", b"ta: 67890\n\n"] * 50
    assert len([event for piece in pieces for event in decoder.feed(piece)]) == 100
