"""Small files of each kind, as models make them."""

from __future__ import annotations

import io
import struct
import wave
import zlib

import pytest


def _png(width: int = 3, height: int = 2) -> bytes:
    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\x00" + b"\xff\x00\x00" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", pixels) + piece(b"IEND", b"")


def _wav(seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x00" * int(8000 * seconds))
    return file.getvalue()


@pytest.fixture
def png() -> bytes:
    """Red, 3 x 2 pixels."""
    return _png()


@pytest.fixture
def wav() -> bytes:
    """Half a second of silence."""
    return _wav()


@pytest.fixture
def mp4() -> bytes:
    """The head of a film, and no pictures."""
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
