"""Width, height and duration of a file, from the numbers in its head: nothing is decoded, so nothing can burst.

What is damaged or unknown measures as None: a result is kept even where it cannot be measured.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from shared_core.media.kinds import sniff

__all__ = ["Measures", "measure"]


class Measures(NamedTuple):
    """Of a file; None where its head does not say.

    Args:
        width, height: In pixels.
        duration: In seconds.
    """

    width: int | None = None
    height: int | None = None
    duration: float | None = None


def measure(data: bytes) -> Measures:
    """The measures of a PNG, GIF, JPEG, WebP, BMP, WAV, FLAC or MP4 file.

    Args:
        data: The whole file, or its first megabyte.

    Example:
        >>> measure(b"GIF89a" + bytes([44, 1, 200, 0]))
        Measures(width=300, height=200, duration=None)
    """
    reader = _READERS.get(sniff(data))
    try:
        return reader(data) if reader is not None else Measures()
    except (struct.error, IndexError, ValueError, ZeroDivisionError):
        return Measures()


def _png(data: bytes) -> Measures:
    return Measures(*struct.unpack_from(">II", data, 16))


def _gif(data: bytes) -> Measures:
    return Measures(*struct.unpack_from("<HH", data, 6))


def _bmp(data: bytes) -> Measures:
    width, height = struct.unpack_from("<ii", data, 18)
    return Measures(width, abs(height))


def _jpeg(data: bytes) -> Measures:
    """Segments until the one that begins a frame: SOF0 to SOF15, save those that are tables."""
    at = 2
    while data[at] == 0xFF:
        mark, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Measures(width, height)
        at += 2 + length
    return Measures()


def _webp(data: bytes) -> Measures:
    form = data[12:16]
    if form == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return Measures((low_width | high_width << 16) + 1, (low_height | high_height << 16) + 1)
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Measures((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return Measures(width & 0x3FFF, height & 0x3FFF)


def _wav(data: bytes) -> Measures:
    at, rate = 12, 0
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", data, at + 16)  # bytes a second
        if name == b"data":
            return Measures(duration=length / rate)
        at += 8 + length + length % 2
    return Measures()


def _flac(data: bytes) -> Measures:
    """STREAMINFO: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples: 0 where it was written as a stream."""
    (packed,) = struct.unpack_from(">Q", data, 18)
    samples = packed & (1 << 36) - 1
    return Measures(duration=samples / (packed >> 44) if samples else None)


def _mp4(data: bytes) -> Measures:
    moov = _box(data, 0, len(data), b"moov")
    head = _box(data, *moov, b"mvhd")
    version = data[head[0]]
    scale, length = struct.unpack_from(">IQ" if version else ">II", data, head[0] + (20 if version else 12))
    width = height = None
    at = moov[0]
    while (track := _box(data, at, moov[1], b"trak"))[0] < track[1]:
        header, _ = _box(data, *track, b"tkhd")
        sides = struct.unpack_from(">II", data, header + (88 if data[header] else 76))
        width, height = (side >> 16 for side in sides)
        if width and height:
            break
        at = track[1]
    return Measures(width or None, height or None, length / scale)


def _box(data: bytes, at: int, end: int, wanted: bytes) -> tuple[int, int]:
    """Where the inside of the first box of that name begins and ends; nothing there gives an empty one."""
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or end - at
        if size < head:
            raise ValueError("a box that ends before it begins")
        if name == wanted:
            return at + head, min(at + size, end)
        at += size
    return end, end


_READERS = {
    "image/png": _png,
    "image/gif": _gif,
    "image/bmp": _bmp,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "audio/wav": _wav,
    "audio/flac": _flac,
    "audio/mp4": _mp4,
    "video/mp4": _mp4,
    "video/quicktime": _mp4,
}
