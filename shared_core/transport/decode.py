"""Compressed bodies, for servers that compress although nobody asked."""

from __future__ import annotations

import zlib

from shared_core.errors import MalformedResponse

__all__ = ["Inflater", "inflater_for"]

_PIECE = 1 << 20


class Inflater:
    """Undoes gzip or deflate piece by piece, never inflating more than 1 MiB at a time."""

    __slots__ = ("_inflate", "_waiting")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._waiting = b""

    @property
    def pending(self) -> bool:
        """Whether more can be had without more input."""
        return bool(self._waiting)

    def feed(self, data: bytes = b"") -> bytes:
        """The next decoded bytes; may be empty although more will come.

        Raises:
            MalformedResponse: The data is not compressed as announced.
        """
        try:
            piece = self._inflate.decompress(self._waiting + data, _PIECE)
        except zlib.error as error:
            raise MalformedResponse(f"The body cannot be decompressed: {error}.") from None
        self._waiting = self._inflate.unconsumed_tail
        return piece


def inflater_for(headers: dict[str, str]) -> Inflater | None:
    """A decoder when the head announces one we know; unknown words ("chunked", seen from Cerebras) are ignored."""
    coding = headers.get("content-encoding")
    return Inflater() if coding is not None and coding.lower() in ("gzip", "x-gzip", "deflate") else None
