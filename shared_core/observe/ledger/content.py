"""What was asked and answered, as texts: for ledgers that are to keep it. Media are named and not kept."""

from __future__ import annotations

import json
from typing import Any

from shared_core.observe.events import CallEnded
from shared_core.types import Blob, ChatRequest, EmbedRequest, RerankRequest

__all__ = ["content_of"]

_LONGEST = 2**20  # characters of one text; a picture in a message is a long one


def content_of(event: CallEnded) -> tuple[str | None, str | None]:
    """The request as JSON, and the reply's text, or JSON where it called tools."""
    return _cut(json.dumps(_asked(event.request), ensure_ascii=False, default=_named)), _answered(event.reply)


def _asked(request: Any) -> Any:
    if isinstance(request, ChatRequest):
        return list(request.messages)
    if isinstance(request, EmbedRequest):
        return list(request.texts)
    if isinstance(request, RerankRequest):
        return {"query": request.query, "documents": list(request.texts)}
    return {"inputs": request.inputs, "parameters": dict(request.parameters)}


def _answered(reply: Any) -> str | None:
    if getattr(reply, "tool_calls", ()):
        return _cut(json.dumps(reply.as_message(), ensure_ascii=False, default=_named))
    text = getattr(reply, "text", None)
    return _cut(text) if isinstance(text, str) else None


def _named(value: object) -> str:
    if isinstance(value, Blob):
        return f"<{value.mime_type}, {len(value)} bytes>"
    return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    # A lone surrogate in an answer is no reason to lose its row.
    kept = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
    return kept.encode("utf-8", "replace").decode()
