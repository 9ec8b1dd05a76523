"""Media blocks as the content parts that the router takes.

Lives here: image, audio, video and document blocks to OpenAI content parts.
Not here: messages and roles (`messages`).

Bytes and files travel inline as base64. An address is passed on as it stands and never fetched: the provider
fetches it, or refuses. Only a block's own `path`, which the caller put there, is ever read.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Callable
from io import IOBase
from pathlib import Path
from typing import Any, NamedTuple

import filetype  # type: ignore[import-untyped]
from llama_index.core.base.llms.types import (
    AudioBlock,
    DocumentBlock,
    ImageBlock,
    VideoBlock,
)
from pydantic import BaseModel

from shared_core.errors import BadRequest

__all__ = ["MEDIA_KINDS", "document_text", "media_part"]

Part = dict[str, Any]

# What audio formats are called in requests, where that differs from the file's suffix or MIME type.
_AUDIO_FORMATS = {"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "x-flac": "flac", "mp4": "m4a"}

# Documents that any model can read as text: no provider needs to know the file format.
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


class _Media(NamedTuple):
    """Where a block's content is: an address, or base64 text with its first bytes."""

    url: str | None
    base64: str = ""
    head: bytes = b""
    name: str = ""

    @property
    def mimetype(self) -> str | None:
        """Judged by the content, else by the file's name."""
        guess = filetype.guess(self.head) if self.head else None
        return str(guess.mime) if guess else mimetypes.guess_type(self.name)[0]


def _media(block: Any, kind: str, inline: bytes | IOBase | None) -> _Media:
    """Finds a block's content. The order is LlamaIndex's own: inline, then path, then address."""
    if inline is not None:
        if isinstance(inline, IOBase):
            inline.seek(0)
            data = inline.read()
        else:
            # Blocks keep their bytes as base64; one that skipped validation may hold them raw.
            data = _decoded(inline)
        return _inline(data, "", kind)
    if block.path is not None:
        try:
            data = Path(block.path).read_bytes()
        except OSError as error:
            raise BadRequest(
                f"The {kind} {str(block.path)!r} cannot be read: {error.strerror or error}.",
                hint="Check the path, or pass the bytes or a url instead.",
            ) from error
        return _inline(data, str(block.path), kind)
    if block.url is not None:
        url = str(block.url)
        return _Media(url, name=url.partition("?")[0])
    raise BadRequest(f"The {kind} block is empty.", hint="Give it bytes, a path or a url.")


def _inline(data: bytes, name: str, kind: str) -> _Media:
    if not data:
        raise BadRequest(
            f"The {kind} {name!r} holds no bytes." if name else f"The {kind} block holds no bytes."
        )
    return _Media(None, base64.b64encode(data).decode("ascii"), data[:8192], name)


def _decoded(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return data


def _data_url(media: _Media, mimetype: str | None, kind: str) -> str:
    mimetype = mimetype or media.mimetype
    if mimetype is None:
        name = f" {media.name!r}" if media.name else ""
        raise BadRequest(
            f"The format of the {kind}{name} cannot be told from its bytes.",
            hint=f"Set `{kind}_mimetype` on the block.",
        )
    return f"data:{mimetype};base64,{media.base64}"


def _image(block: ImageBlock) -> Part:
    media = _media(block, "image", block.image)
    address: Part = {"url": media.url or _data_url(media, block.image_mimetype, "image")}
    if block.detail:
        address["detail"] = block.detail
    return {"type": "image_url", "image_url": address}


def _audio(block: AudioBlock) -> Part:
    media = _media(block, "audio", block.audio)
    if media.url is not None:
        # OpenAI knows inline audio only; this is vLLM's part for an address.
        return {"type": "audio_url", "audio_url": {"url": media.url}}
    kind = block.format or (media.mimetype or "").rpartition("/")[2]
    if not kind:
        raise BadRequest(
            "The format of the audio cannot be told from its bytes.",
            hint='Set `format` on the AudioBlock, such as "wav" or "mp3".',
        )
    return {
        "type": "input_audio",
        "input_audio": {"data": media.base64, "format": _AUDIO_FORMATS.get(kind, kind)},
    }


def _video(block: VideoBlock) -> Part:
    media = _media(block, "video", block.video)
    return {
        "type": "video_url",
        "video_url": {"url": media.url or _data_url(media, block.video_mimetype, "video")},
    }


def _document(block: DocumentBlock) -> Part:
    text = document_text(block)
    if text is not None:
        return {"type": "text", "text": text}
    media = _media(block, "document", block.data)
    data = media.url or _data_url(media, block.document_mimetype, "document")
    name = Path(media.name).name if block.title in (None, "input_document") else block.title
    return {"type": "file", "file": {"filename": name or "input_document", "file_data": data}}


def document_text(block: DocumentBlock) -> str | None:
    """A document's text when it is plain text (Markdown, JSON and the like), else None."""
    if block.url is not None and block.data is None and block.path is None:
        return None
    media = _media(block, "document", block.data)
    mimetype = block.document_mimetype or media.mimetype or ""
    if not mimetype.startswith(_TEXT_TYPES):
        return None
    text = base64.b64decode(media.base64).decode("utf-8", "replace")
    return text if block.title in (None, "input_document") else f"{block.title}\n\n{text}"


_PARTS: dict[type[BaseModel], Callable[[Any], Part]] = {
    ImageBlock: _image,
    AudioBlock: _audio,
    VideoBlock: _video,
    DocumentBlock: _document,
}

MEDIA_KINDS: dict[type[BaseModel], str] = {
    ImageBlock: "image",
    AudioBlock: "audio",
    VideoBlock: "video",
    DocumentBlock: "document",
}
"""What each media block is called in a sentence."""


def media_part(block: BaseModel) -> Part | None:
    """The content part of a media block; None when the block is no medium.

    Raises:
        BadRequest: The file cannot be read, there is nothing in the block, or its format is unknown.

    Example:
        >>> media_part(ImageBlock(url="https://example.org/cat.png"))
        {'type': 'image_url', 'image_url': {'url': 'https://example.org/cat.png'}}
    """
    for kind, convert in _PARTS.items():
        if isinstance(block, kind):
            return convert(block)
    return None
