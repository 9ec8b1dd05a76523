"""Bodies of streamed replies, piece by piece, and the reader at work on them."""

from __future__ import annotations

import json
from typing import Any

from shared_core.types import ChatDelta, ChatReply, ReplyMeta
from shared_core.wire.chat_stream import ChatStreamReader

__all__ = ["DONE", "META", "USAGE", "chunk", "event", "read", "text"]

META = ReplyMeta("asked/for")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"


def event(value: Any, lead: bytes = b"data: ") -> bytes:
    return lead + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(delta: dict[str, Any] | None, finish: Any = ..., index: int = 0, **more: Any) -> dict[str, Any]:
    """One chunk with one choice; `finish` is left out when it is not given."""
    choice: dict[str, Any] = {"index": index, "delta": delta}
    if finish is not ...:
        choice["finish_reason"] = finish
    return {"id": "c1", "model": "served/model", "created": 1786000000, "choices": [choice], **more}


def text(value: str, finish: Any = None, **more: Any) -> dict[str, Any]:
    return chunk({"content": value}, finish, **more)


def read(*body: bytes, tags: bool = False) -> tuple[list[ChatDelta], ChatReply]:
    """The deltas and the reply of a stream that ends after this body."""
    reader = ChatStreamReader(reasoning_tags=tags)
    deltas = [delta for piece in body for delta in reader.feed(piece)]
    deltas += reader.end()
    return deltas, reader.reply(META)
