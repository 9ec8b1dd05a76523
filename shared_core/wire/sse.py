"""Server-sent events from bytes that may be cut anywhere.

Follows the WHATWG specification (lines end with CR, LF or CRLF and nothing else, several `data:` lines
join with a line feed, comments are dropped), with two liberties that real providers need: an event that
the end of the stream left unterminated is still delivered, and `data:` needs no space after it.
"""

from __future__ import annotations

__all__ = ["Event", "EventTooLarge", "SseDecoder"]


Event = tuple[bytes, bytes]
"""One event: its data, and its name (empty when the stream gave none). A bare tuple: one is made a token."""


class EventTooLarge(ValueError):
    """One event exceeds the bound; the message names it."""


class SseDecoder:
    """A push decoder: feed bytes, get the events that they complete.

    Args:
        most_bytes: Largest event accepted, in bytes; guards memory against a stream without line ends.

    Example:
        >>> SseDecoder().feed(b'data: {"a": 1}' + bytes([10, 10]))
        [(b'{"a": 1}', b'')]
    """

    __slots__ = ("_held", "_most_bytes", "_searched", "_started", "_tail")

    def __init__(self, most_bytes: int = 16 * 1024 * 1024) -> None:
        self._tail = bytearray()
        self._searched = 0
        self._held = b""  # a CR at the end of a read: an LF may follow
        self._started = False
        self._most_bytes = most_bytes

    def feed(self, data: bytes) -> list[Event]:
        """The events that end in this piece.

        Raises:
            EventTooLarge: An unfinished event has grown past `most_bytes`.
        """
        if self._held:
            data, self._held = self._held + data, b""
        if b"\r" in data:
            if data.endswith(b"\r"):
                data, self._held = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not self._tail:
            # The usual read is one line of data and the empty line that ends it.
            if data.endswith(b"\n\n"):
                if self._started and data.startswith(b"data: ") and data.find(b"\n") == len(data) - 2:
                    return [(data[6:-2], b"")]
                return self._parse(data)
            end = data.rfind(b"\n\n")
            if end >= 0:
                self._keep(data[end + 2 :])
                return self._parse(data[: end + 2])
            self._keep(data)
            return []
        return self._feed_tail(data)

    def _feed_tail(self, data: bytes) -> list[Event]:
        tail = self._tail
        tail += data
        # Only the new bytes, and the one before them, can complete an event.
        end = tail.rfind(b"\n\n", max(0, self._searched - 1))
        self._searched = len(tail)
        if end < 0:
            self._check(len(tail))
            return []
        whole = bytes(tail[: end + 2])
        rest = bytes(tail[end + 2 :])
        self._tail = bytearray()
        self._keep(rest)
        return self._parse(whole)

    def end(self) -> list[Event]:
        """What an unterminated last event holds, now that nothing more comes."""
        rest, self._tail, self._held = bytes(self._tail), bytearray(), b""
        return self._parse(rest) if rest else []

    def _keep(self, rest: bytes) -> None:
        self._check(len(rest))
        self._tail += rest
        self._searched = len(rest)

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            raise EventTooLarge(f"one event of the stream is larger than {self._most_bytes} bytes")

    def _parse(self, text: bytes) -> list[Event]:
        if not self._started:
            self._started = True
            text = text.removeprefix(b"\xef\xbb\xbf")
        events = []
        for block in text.split(b"\n\n"):
            # The usual event is one line of data.
            if block.startswith(b"data:") and b"\n" not in block:
                events.append((block[6:] if block.startswith(b" ", 5) else block[5:], b""))
            elif block:
                event = _parse_block(block)
                if event is not None:
                    events.append(event)
        return events


def _parse_block(block: bytes) -> Event | None:
    data = []
    name = b""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return (b"\n".join(data), name) if data else None
