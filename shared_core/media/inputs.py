"""Media that users give: bytes, files and pictures, read and checked before anything is sent.

A string is refused everywhere: it could be a model's, and would be a path or an address. Addresses come by
`url=` alone, and are handed to the provider, never fetched here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from shared_core.errors import ConfigError
from shared_core.media.kinds import kind_of, sniff
from shared_core.media.probe import measure
from shared_core.types.tasks import Blob, Link

if TYPE_CHECKING:
    from PIL.Image import Image

    MediaInput = bytes | Path | IO[bytes] | Image | Blob
    """What users give for a picture, a film or a sound. A string is never one: it could be a path or an address."""
else:
    MediaInput = Any  # Pillow is not loaded for its name

__all__ = ["AUDIO", "IMAGE", "Limits", "MediaInput", "blob_from", "link_from"]


class Limits(NamedTuple):
    """What is taken.

    Args:
        kind: "image", "audio" or "video"; "" for any of these.
        most_bytes: Size of the file.
        most_pixels: Width times height; a small file can unfold to gigabytes.
    """

    kind: str
    most_bytes: int
    most_pixels: int = 0


IMAGE = Limits("image", 32 * 2**20, 64_000_000)
"""Pixels: as many as a photograph of 8,000 x 8,000. Pillow warns from 89 million on."""

AUDIO = Limits("audio", 100 * 2**20)
"""Most speech services end at 25 MB (OpenAI's API reference, 2026-08); hf-inference has no stated limit."""


def blob_from(given: object, limits: Limits, argument: str) -> Blob:
    """The bytes of what a user gave.

    Args:
        given: bytes, a `pathlib.Path`, an open binary file, a Pillow picture, or a `Blob`.
        limits: What is taken.
        argument: What the user calls it.

    Raises:
        ConfigError: It is a string, empty, too large, cannot be read, or no such medium.
    """
    data = _read(given, limits, argument)
    if not data:
        raise ConfigError(f"{argument} is empty. Nothing was sent.")
    if len(data) > limits.most_bytes:
        raise ConfigError(
            f"{argument} has more than the {limits.most_bytes // 2**20} MiB that are taken. Nothing was sent.",
            hint="Send a smaller or more strongly compressed file.",
        )
    mime_type = sniff(data)
    # The same container carries sound and film.
    fits = kind_of(mime_type) == limits.kind if limits.kind else bool(mime_type)
    if not fits and not (limits.kind == "audio" and mime_type in ("video/mp4", "video/webm")):
        raise ConfigError(
            f"{argument} is no {limits.kind or 'picture, film or sound'}: its bytes are "
            f"{mime_type or 'nothing that is known here'}. Nothing was sent."
        )
    width, height, _ = measure(data)
    if width and height:
        _check_pixels(width, height, limits, argument)
    return Blob(data, mime_type)


def _check_pixels(width: int, height: int, limits: Limits, argument: str) -> None:
    if limits.most_pixels and width * height > limits.most_pixels:
        raise ConfigError(
            f"{argument} has {width:,} x {height:,} pixels, more than the {limits.most_pixels:,} that are taken. "
            "Nothing was sent.",
            hint="Scale it down first.",
        )


def link_from(url: object) -> Link:
    """An address that the provider is to fetch.

    Raises:
        ConfigError: It is not https, or holds a user name.
    """
    try:
        parts = urlsplit(url) if isinstance(url, str) and url.isprintable() else urlsplit("")
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or "@" in parts.netloc or {" ", "\\"} & set(str(url)):
        raise ConfigError(f"url={str(url)[:200]!r} is not an https address. Nothing was sent.")
    return Link(str(url))


def _read(given: object, limits: Limits, argument: str) -> bytes:
    if isinstance(given, str):
        raise ConfigError(
            f"{argument} is a string, and strings are never opened. Nothing was sent.",
            hint="Pass the bytes, `pathlib.Path(...)`, an open file, a Pillow picture, or url=... for an address that "
            "the provider is to fetch.",
        )
    if isinstance(given, Blob):
        return given.data
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    try:
        data = _contents(given, limits, argument)
    except ConfigError:
        raise
    except (OSError, ValueError) as error:  # closed files say so by ValueError
        said = getattr(error, "strerror", None) or error
        raise ConfigError(f"{argument} cannot be read: {said}. Nothing was sent.") from None
    if data is None:
        raise ConfigError(
            f"{argument} is of type {type(given).__name__}. Nothing was sent.",
            hint="Pass bytes, a `pathlib.Path`, an open file or a Pillow picture.",
        )
    return data


def _contents(given: object, limits: Limits, argument: str) -> bytes | None:
    """What a file holds, open or not, or a Pillow picture; None for anything else."""
    if isinstance(given, io.TextIOBase):
        raise _open_for_text(argument)
    if isinstance(given, Path):
        if given.exists() and not given.is_file():  # a pipe would be waited for
            raise OSError("it is no file")
        with given.open("rb") as file:
            return file.read(limits.most_bytes + 1)
    if hasattr(given, "read"):
        data = given.read(limits.most_bytes + 1)
        if not isinstance(data, bytes):
            raise _open_for_text(argument)
        return data
    if hasattr(given, "save") and hasattr(given, "getbands"):
        return _encoded(given, limits, argument)
    return None


def _open_for_text(argument: str) -> ConfigError:
    return ConfigError(f"{argument} is a file open for text. Nothing was sent.", hint='Open it with "rb".')


def _encoded(picture: Any, limits: Limits, argument: str) -> bytes:
    """A Pillow picture in its own format, as PNG where it has none; of a moving one, the frame it stands at."""
    width, height = picture.size
    _check_pixels(width, height, limits, argument)
    written = io.BytesIO()
    form = picture.format if picture.format in ("PNG", "JPEG", "WEBP", "GIF") else "PNG"
    try:
        picture.save(written, format=form)
    except (OSError, ValueError):  # a mode that the format has no word for
        written = io.BytesIO()
        picture.convert("RGB").save(written, format="PNG")
    return written.getvalue()
