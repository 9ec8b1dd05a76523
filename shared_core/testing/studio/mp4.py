"""An MP4 file around H.264 units: what is in it stands before the pictures, so that it plays while it loads."""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["container"]

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TICKS = 1000
"""Ticks a second of the file; a track's own clock ticks once a frame times 100."""
_FRAME = 100


def _box(name: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name.encode()) + body


def _full(name: str, *parts: bytes, version_and_flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version_and_flags), *parts)


def _table(name: str, *entries: bytes, count: int | None = None) -> bytes:
    return _full(name, struct.pack(">I", len(entries) if count is None else count), *entries)


def container(units: Sequence[bytes], sps: bytes, pps: bytes, *, width: int, height: int, fps: int) -> bytes:
    """The file: one video track, one unit a frame, the first a whole picture."""
    samples = [struct.pack(">I", len(unit)) + unit for unit in units]
    kind = _box("ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    facts = (sps, pps, width, height, fps)
    empty = _moov(samples, 0, *facts)
    offset = len(kind) + len(empty) + 8
    return kind + _moov(samples, offset, *facts) + _box("mdat", *samples)


def _moov(
    samples: list[bytes], offset: int, sps: bytes, pps: bytes, width: int, height: int, fps: int
) -> bytes:
    seconds = len(samples) / fps
    lasts = round(seconds * _TICKS)
    head = _full(
        "mvhd",
        struct.pack(">4I", 0, 0, _TICKS, lasts),
        struct.pack(">IHH", 0x10000, 0x100, 0) + bytes(8) + _MATRIX + bytes(24) + struct.pack(">I", 2),
    )
    track = _full(
        "tkhd",
        struct.pack(">5I", 0, 0, 1, 0, lasts) + bytes(16) + _MATRIX,
        struct.pack(">II", width << 16, height << 16),
        version_and_flags=3,
    )
    clock = _full("mdhd", struct.pack(">4IHH", 0, 0, fps * _FRAME, len(samples) * _FRAME, 0x55C4, 0))
    handler = _full("hdlr", struct.pack(">I4s", 0, b"vide") + bytes(12) + b"offline\0")
    where = _box("dinf", _table("dref", _full("url ", version_and_flags=1)))
    media = _box(
        "minf",
        _full("vmhd", bytes(8), version_and_flags=1),
        where,
        _samples(samples, offset, sps, pps, width, height),
    )
    return _box("moov", head, _box("trak", track, _box("mdia", clock, handler, media)))


def _samples(samples: list[bytes], offset: int, sps: bytes, pps: bytes, width: int, height: int) -> bytes:
    parameters = _box(
        "avcC",
        bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1)),
        struct.pack(">H", len(sps)) + sps + b"\x01" + struct.pack(">H", len(pps)) + pps,
    )
    coding = _box(
        "avc1",
        bytes(6)
        + struct.pack(">H", 1)
        + bytes(16)
        + struct.pack(">HHIIIH", width, height, 0x480000, 0x480000, 0, 1),
        bytes(32) + struct.pack(">Hh", 24, -1),
        parameters,
    )
    sizes = [struct.pack(">I", len(sample)) for sample in samples]
    return _box(
        "stbl",
        _table("stsd", coding),
        _table("stts", struct.pack(">II", len(samples), _FRAME)),
        _table("stss", struct.pack(">I", 1)),
        _table("stsc", struct.pack(">III", 1, len(samples), 1)),
        _full("stsz", struct.pack(">II", 0, len(samples)), *sizes),
        _table("stco", struct.pack(">I", offset)),
    )
