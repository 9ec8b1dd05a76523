"""JSON in and out of bytes, with the wire's own ideas of what is acceptable."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from shared_core.errors import BadRequest

__all__ = ["dump", "load"]


def load(data: bytes) -> Any:
    """A JSON value from bytes.

    pydantic's parser takes a third of the standard library's time, but refuses what providers do send:
    invalid UTF-8 and lone surrogates. Those go through the slow path, with U+FFFD for broken bytes.

    Raises:
        ValueError: Not JSON.
    """
    try:
        return from_json(data)
    except ValueError:
        try:
            return json.loads(data.decode("utf-8", "replace"))
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


def dump(value: Any) -> bytes:
    """JSON text in UTF-8.

    Raises:
        BadRequest: The value holds NaN, infinity, a lone surrogate, or something JSON has no word for.
    """
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise BadRequest(
            f"A text holds a lone surrogate (U+{ord(error.object[error.start]):04X}), "
            "which UTF-8 cannot carry. Nothing was sent.",
            hint="Clean the text with text.encode('utf-8', 'replace').decode().",
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(
            f"The request cannot be written as JSON: {error}. Nothing was sent.",
            hint="Use plain dictionaries, lists, texts, finite numbers and booleans only.",
        ) from None


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
