"""What bytes are, by how they begin: names and headers lie, and a wrong answer is a web page called image/png."""

from __future__ import annotations

__all__ = ["EXTENSIONS", "kind_of", "sniff"]

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
}
"""Of the names that files are given; and, as its keys, all that `sniff` knows."""

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"mif1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}

_LAYERS = {0: "audio/aac", 2: "audio/mpeg", 4: "audio/mpeg"}
"""By the bits of an MPEG frame's layer. Layer I (6) is left out: no music comes in it, but UTF-16 begins so."""


def sniff(data: bytes) -> str:
    """The media type of a file.

    Args:
        data: Its beginning; 16 bytes tell all that is known here.

    Returns:
        Such as "image/png"; "" for what is none of `EXTENSIONS`.

    Example:
        >>> sniff(b"GIF89a......"), sniff(b"<!doctype html>")
        ('image/gif', '')
    """
    for beginning, found in _BEGINNINGS:
        if data.startswith(beginning):
            return found
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp" and len(data) >= 12:
        return _BRANDS.get(data[8:12], "video/mp4")
    if data.startswith(b"BM") and data[6:10] == bytes(4):  # two letters alone begin many a text
        return "image/bmp"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return _LAYERS.get(data[1] & 0x06, "")
    return ""


def kind_of(mime_type: str) -> str:
    """ "image", "audio", "video", or whatever stands before the slash."""
    return mime_type.partition("/")[0]
