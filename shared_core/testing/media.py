"""Inline media of a message: decoded, recognised by their first bytes, refused when they are garbage.

A client that sends a cut file, a wrong media type or broken base64 hears of it here, as it would from a real
provider.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from .refusals import bad_request

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w-]+=[^;,]*)*;base64,(?P<data>.*)", re.DOTALL)

_ALIASES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "video/quicktime": "video/mp4",
}


@dataclass(frozen=True, slots=True)
class Media:
    """One media part: its kind (`image`, `audio`, `video`, `document`) and its bytes or URL."""

    kind: str
    type: str
    data: bytes
    url: str = ""

    def __str__(self) -> str:
        article = "an" if self.kind[0] in "aeiou" else "a"
        if self.url:
            return f"{article} {self.kind} at {self.url}, not fetched"
        return f"{article} {self.kind}, {self.type}, {len(self.data)} bytes"


def from_url(kind: str, url: str, param: str) -> Media:
    """Media given by a `data:` URL, or by an http address, which is noted and not fetched."""
    if url.startswith(("http://", "https://")):
        return Media(kind, "", b"", url=url)
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise bad_request(
            f"Invalid {kind} URL: neither http(s) nor a base64 data: URL.", param, "invalid_url"
        )
    return from_base64(kind, match["data"], match["type"].lower(), param)


def from_base64(kind: str, text: str, declared: str, param: str) -> Media:
    """Media given as base64 with a declared media type, which must be what the bytes are."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(f"Invalid base64 in {kind} data.", param, "invalid_base64") from None
    declared = _ALIASES.get(declared, declared)
    found = recognise(data)
    if (
        found == "text/plain"
        and kind == "document"
        and (declared.startswith("text/") or declared in _TEXTUAL)
    ):
        found = declared
    if not _agree(declared, found):
        seen = found or "nothing known"
        raise bad_request(
            f"The {kind} data is declared {declared} but its bytes are {seen}.", param, "invalid_media"
        )
    return Media(kind, declared, data)


_TEXTUAL = ("application/json", "application/xml", "application/yaml")


def _agree(declared: str, found: str) -> bool:
    if found == "application/zip":  # office documents are zip archives
        return declared.startswith("application/")
    if found == "video/mp4":  # the same container carries sound alone
        return declared in ("video/mp4", "audio/mp4", "audio/aac")
    return declared == found or {declared, found} == {"video/webm", "audio/webm"}


def recognise(data: bytes) -> str:
    """The media type that the first bytes tell, `""` when they tell none."""
    for offset, mark, found in _MARKS:
        if data[offset : offset + len(mark)] == mark:
            return found
    if data[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(data[8:12], "")
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    return "text/plain" if _is_text(data) else ""


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and "\x00" not in text


_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"PK\x03\x04", "application/zip"),
)
