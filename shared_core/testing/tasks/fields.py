"""Reading a request: fields are taken one by one, and what is wrong is said in the provider's own words."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from shared_core.testing.record import Received

from .jobs import Works
from .refusals import Words

__all__ = ["Fields", "media_bytes", "read_fields"]

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,(?P<data>.*)", re.DOTALL)
_SIZE = re.compile(r"(\d+)\s*[x*]\s*(\d+)")
_LARGEST = 4096


def read_fields(received: Received, words: Words) -> Fields:
    """The fields of a JSON body, or the refusal it deserves."""
    body = received.json
    if body is None:
        try:
            body = json.loads(received.raw)
        except ValueError as error:
            raise words.unreadable(str(error)) from None
    if not isinstance(body, dict):
        raise words.unreadable("an object was expected")
    return Fields(body, words)


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a body, and the words for what is wrong in it.

    Attributes:
        values: The object.
        words: The provider's words.
        place: Where it stands in the body, such as `input`.
    """

    values: dict[str, Any]
    words: Words
    place: str = ""

    def path(self, key: str) -> str:
        """The field's full name."""
        return f"{self.place}.{key}" if self.place else key

    def has(self, key: str) -> bool:
        """Whether a field is there and not null."""
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A string; without a default it must be there, and have something in it."""
        value = self.values.get(key)
        if value is None:
            if default is None:
                raise self.words.missing(self.path(key))
            return default
        if not isinstance(value, str):
            raise self.words.wrong(self.path(key), "a string")
        if default is None and not value.strip():
            raise self.words.invalid(self.path(key), f"{key} must not be empty")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float | None:
        """A number within bounds."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.words.wrong(self.path(key), "a number")
        if not low <= value <= high:
            raise self.words.invalid(
                self.path(key), f"{key} must be between {low:g} and {high:g}, not {value:g}"
            )
        return float(value)

    def whole(self, key: str, low: float = 1, high: float = _LARGEST) -> int | None:
        """A whole number within bounds, None where there is none."""
        value = self.values.get(key)
        if isinstance(value, bool) or (value is not None and not isinstance(value, int)):
            raise self.words.wrong(self.path(key), "an integer")
        found = self.number(key, low, high)
        return None if found is None else int(found)

    def seed(self) -> int | None:
        """The seed."""
        return self.whole("seed", -(2.0**63), 2.0**64)

    def inner(self, key: str) -> Fields:
        """An object in a field, empty where there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.words.wrong(self.path(key), "an object")
        return Fields(value or {}, self.words, self.path(key))

    def size(self) -> tuple[int | None, int | None]:
        """Width and height, however they are given: apart, as `512x512`, or as an object."""
        for key in ("size", "image_size", "target_size"):
            value = self.values.get(key)
            if isinstance(value, dict):
                inside = self.inner(key)
                return inside.whole("width"), inside.whole("height")
            if isinstance(value, str):
                match = _SIZE.fullmatch(value) or _SIZE.fullmatch(_PRESETS.get(value, ""))
                if match is None:
                    raise self.words.invalid(self.path(key), f"{value!r} is no size")
                return int(match[1]), int(match[2])
        return self.whole("width"), self.whole("height")

    def media(self, key: str, works: Works, default: bytes | None = None) -> bytes:
        """The bytes that a field gives inline or by the URL of a result file of ours."""
        value = self.values.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if value is None and default is not None:
            return default
        if value is None:
            raise self.words.missing(self.path(key))
        if not isinstance(value, str):
            raise self.words.wrong(self.path(key), "a string")
        return media_bytes(value, self.path(key), self.words, works)


_PRESETS = {
    "square_hd": "1024x1024",
    "square": "512x512",
    "portrait_4_3": "768x1024",
    "portrait_16_9": "576x1024",
    "landscape_4_3": "1024x768",
    "landscape_16_9": "1024x576",
}
"""fal's names for sizes."""


def media_bytes(value: str, field: str, words: Words, works: Works, *, bare: bool = False) -> bytes:
    """What a `data:` URL holds, or a result file of ours; `bare` takes base64 without a URL around it.

    Other addresses are refused as unreachable: the offline router fetches nothing.
    """
    if value.startswith(("http://", "https://")):
        made = works.at(value)
        if made is None:
            raise words.invalid(field, f"Failed to download the file at {value}")
        return made.data
    match = _DATA_URL.fullmatch(value)
    if match is None and not bare:
        raise words.invalid(field, "Unsupported data URL")
    try:
        data = base64.b64decode(match["data"] if match else value, validate=True)
    except (binascii.Error, ValueError):
        raise words.invalid(field, "Unsupported data URL" if match else f"`{field}` is no base64") from None
    if not data:
        raise words.invalid(field, f"{field} is empty")
    return data
