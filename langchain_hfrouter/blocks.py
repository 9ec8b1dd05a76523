"""Content blocks of every LangChain generation, as OpenAI content parts.

Lives here: one block in, one part out: LangChain v1 and v0 blocks, OpenAI's parts, Anthropic's `source` blocks;
text, image, audio, video, PDF and other files. Not here: messages and roles (`messages`).

A string is never opened as a path or URL: links go to the provider as they are, and something that is neither
a link nor data is an error.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["is_media", "to_part"]

Part = dict[str, Any]

_AUDIO_FORMATS = {
    "mpeg": "mp3",
    "x-wav": "wav",
    "wave": "wav",
    "vnd.wave": "wav",
    "x-m4a": "m4a",
    "mp4": "m4a",
}
# The first bytes of an image tell its type when the block does not: base64 of the magic numbers.
_IMAGE_MAGIC = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lG": "image/gif", "UklG": "image/webp"}
_EXTENSIONS = {"application/pdf": "file.pdf", "text/plain": "file.txt"}


def is_media(part: Mapping[str, Any]) -> bool:
    """Whether a part is anything but text."""
    return part.get("type") != "text"


def to_part(block: str | Mapping[str, Any]) -> Part | None:
    """One content block as an OpenAI content part.

    Args:
        block: A block of any generation, or a plain text.

    Returns:
        The part; None for a block that holds nothing to send. A block of an unknown type goes out unchanged:
        servers learn new types faster than clients.

    Raises:
        ConfigError: The block lacks its data, or names its source in a way that cannot be sent.

    Example:
        >>> to_part({"type": "image", "url": "https://example.org/cat.png"})
        {'type': 'image_url', 'image_url': {'url': 'https://example.org/cat.png'}}
    """
    if isinstance(block, str):
        return {"type": "text", "text": block} if block else None
    if not isinstance(block, Mapping):
        raise ConfigError(f"A content block must be a string or a dictionary, not {type(block).__name__}.")
    kind = block.get("type")
    if kind is None and isinstance(block.get("text"), str):
        kind = "text"
    if kind == "non_standard" and isinstance(block.get("value"), Mapping):
        return to_part(block["value"])
    convert = _CONVERTERS.get(str(kind))
    return dict(block) if convert is None else convert(block)


def _text(block: Mapping[str, Any]) -> Part | None:
    if not block.get("text"):
        return None
    part: Part = {"type": "text", "text": block["text"]}
    if "cache_control" in block:  # Anthropic's prompt caching, which the router hands on
        part["cache_control"] = block["cache_control"]
    return part


def _image(block: Mapping[str, Any]) -> Part:
    image: Part = {"url": _link(block, "image")}
    detail = block.get("detail") or (block.get("extras") or {}).get("detail")
    if detail:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _wrapped_link(kind: str) -> Any:
    """For OpenAI's own `image_url`, and its kin `audio_url` and `video_url`: a link, bare or in a dictionary."""

    def convert(block: Mapping[str, Any]) -> Part:
        value = block.get(kind)
        inner = {"url": value} if isinstance(value, str) else dict(value or {})
        if "detail" in block:
            inner.setdefault("detail", block["detail"])
        inner["url"] = _checked(inner.get("url"), kind.removesuffix("_url"))
        return {"type": kind, kind: inner}

    return convert


def _audio(block: Mapping[str, Any]) -> Part:
    data, mime = _inline(block)
    if data is None:
        return {"type": "audio_url", "audio_url": {"url": _link(block, "audio")}}
    if not mime:
        raise ConfigError("An audio block with base64 data needs its mime_type, such as 'audio/wav'.")
    subtype = mime.partition("/")[2].partition(";")[0]
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": _AUDIO_FORMATS.get(subtype, subtype)},
    }


def _video(block: Mapping[str, Any]) -> Part:
    return {"type": "video_url", "video_url": {"url": _link(block, "video", fallback="video/mp4")}}


def _file(block: Mapping[str, Any]) -> Part | None:
    if isinstance(block.get("file"), Mapping):  # OpenAI's own form
        return {"type": "file", "file": dict(block["file"])}
    if block.get("source_type") == "text":
        return _text({"text": block.get("text") or block.get("url")})
    _, mime = _inline(block)
    mime = mime or str(block.get("mime_type") or "")
    for family, convert in (("image/", _image), ("audio/", _audio), ("video/", _video)):
        if mime.startswith(family):
            return convert(block)
    file_id = block.get("file_id") or (block.get("id") if block.get("source_type") == "id" else None)
    if file_id:
        return {"type": "file", "file": {"file_id": file_id}}
    extras = block.get("extras") or block.get("metadata") or {}
    name = block.get("filename") or extras.get("filename") or extras.get("name") or block.get("title")
    file: Part = {"filename": name or _EXTENSIONS.get(mime, "file")}
    file["file_data"] = _link(block, "file", fallback="application/pdf")
    return {"type": "file", "file": file}


def _plain_text(block: Mapping[str, Any]) -> Part | None:
    if block.get("text"):
        return _text(block)
    data, _ = _inline(block)
    if data is None:
        return _file(block)
    try:
        return _text({"text": base64.b64decode(data, validate=True).decode()})
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError("A text-plain block does not hold base64 of UTF-8 text.") from error


def _document(block: Mapping[str, Any]) -> Part | None:
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") == "text":
        return _text({"text": source.get("data")})
    return _file(block)


def _as_json_text(key: str | None) -> Any:
    def convert(block: Mapping[str, Any]) -> Part:
        value = block if key is None else block.get(key)
        return {"type": "text", "text": json.dumps(value, ensure_ascii=False, default=str)}

    return convert


_CONVERTERS: dict[str, Any] = {
    "text": _text,
    "image": _image,
    "image_url": _wrapped_link("image_url"),
    "audio": _audio,
    "audio_url": _wrapped_link("audio_url"),
    "video": _video,
    "video_url": _wrapped_link("video_url"),
    "file": _file,
    "media": _file,
    "document": _document,
    "text-plain": _plain_text,
    "json": _as_json_text("json"),
    "search_result": _as_json_text(None),
}


def _inline(block: Mapping[str, Any]) -> tuple[str | None, str]:
    """Base64 data and mime type, wherever this generation keeps them; (None, ...) when there is no data."""
    source = block.get("source")
    if isinstance(source, Mapping):  # Anthropic
        data = source.get("data") if source.get("type") == "base64" else None
        mime = source.get("media_type")
    else:
        data = block.get("base64") or block.get("data")
        mime = block.get("mime_type")
    if data is not None and not isinstance(data, str):
        raise ConfigError(
            f"The data of a {block.get('type')} block is {type(data).__name__}, not base64 text.",
            hint="Encode it: base64.b64encode(data).decode().",
        )
    return data, str(mime or "")


def _link(block: Mapping[str, Any], kind: str, *, fallback: str = "") -> str:
    """The block's content as one link: its own URL, or a data URL made of its base64."""
    data, mime = _inline(block)
    if data is not None:
        if not mime and kind == "image":
            mime = next((found for magic, found in _IMAGE_MAGIC.items() if data.startswith(magic)), "")
        if not (mime or fallback):
            raise ConfigError(f"A block of type {kind!r} with base64 data needs its mime_type.")
        return f"data:{mime or fallback};base64,{data}"
    source = block.get("source")
    url = (source.get("url") if isinstance(source, Mapping) else None) or block.get("url")
    return _checked(url or block.get("file_uri"), kind)


def _checked(url: object, kind: str) -> str:
    if isinstance(url, str) and (url.startswith("data:") or "://" in url[:64]):
        return url
    shown = repr(url[:80]) if isinstance(url, str) else "nothing"
    raise ConfigError(
        f"A block of type {kind!r} needs a link (https://...) or base64 data; it holds {shown}.",
        hint="Files are never opened from a path: read the file and pass base64=... with its mime_type.",
    )
