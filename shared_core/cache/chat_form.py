"""An answer as the bytes that a cache holds, and back: JSON with a version, which nothing but text and numbers can be.

What belongs to the exchange and not to the answer is left out: headers (they may hold cookies), tries, times.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import to_json

from shared_core.types import ChatReply, Choice, Cost, ReplyMeta, ToolCall, Usage
from shared_core.wire.json import load

__all__ = ["REMEMBERED", "packed", "unpacked"]

REMEMBERED = Cost(Decimal(0), "price list", note="remembered from an earlier call: nothing was sent")
"""The cost of an answer that was remembered."""

_VERSION = 1
_SLOW = json.JSONEncoder(separators=(",", ":"))


def packed(reply: ChatReply) -> bytes | None:
    """The answer as bytes; None where it holds what JSON cannot say."""
    meta = reply.meta
    form = {
        "v": _VERSION,
        "choices": [_listed(choice) for choice in reply.choices],
        "usage": reply.usage,
        "meta": [meta.model, meta.provider, meta.request_id, meta.url],
        "id": reply.id,
        "created": reply.created,
        "fingerprint": reply.system_fingerprint,
        "raw": reply.raw,
    }
    try:
        return to_json(form, inf_nan_mode="constants")
    except ValueError:  # a lone surrogate, which the slow path can escape; or what neither can say
        try:
            return _SLOW.encode(form).encode("ascii")
        except (TypeError, ValueError, RecursionError):
            return None


def unpacked(data: bytes) -> ChatReply | None:
    """The answer, the caller's own to change; None where the bytes are none, of another version, or damaged."""
    try:
        form = load(data)
        if form["v"] != _VERSION:
            return None
        model, provider, request_id, url = form["meta"]
        return ChatReply(
            choices=tuple(_choice(*listed) for listed in _full(form["choices"])),
            usage=None if form["usage"] is None else _usage(*form["usage"]),
            meta=ReplyMeta(
                model=_a(str, model),
                provider=_maybe(str, provider),
                request_id=_maybe(str, request_id),
                attempts=0,
                url=_a(str, url),
                cost=REMEMBERED,
                cached=True,
            ),
            id=_a(str, form["id"]),
            created=_maybe(int, form["created"]),
            system_fingerprint=_maybe(str, form["fingerprint"]),
            raw=_a(dict, form["raw"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _listed(choice: Choice) -> list[Any]:
    return [
        choice.index,
        choice.text,
        choice.reasoning,
        choice.tool_calls,
        choice.refusal,
        choice.finish_reason,
        choice.logprobs,
    ]


def _choice(
    index: Any, text: Any, reasoning: Any, calls: Any, refusal: Any, finish_reason: Any, logprobs: Any
) -> Choice:
    return Choice(
        _a(int, index),
        _a(str, text),
        _a(str, reasoning),
        tuple(_call(*call) for call in calls) if calls else (),
        _a(str, refusal),
        _maybe(str, finish_reason),
        _maybe(dict, logprobs),
    )


def _call(id: Any, name: Any, arguments: Any) -> ToolCall:
    return ToolCall(_a(str, id), _a(str, name), _a(str, arguments))


def _usage(
    prompt: Any, completion: Any, total: Any, cached: Any, reasoning: Any, raw: Mapping[str, Any]
) -> Usage:
    counts = (
        _a(int, prompt),
        _a(int, completion),
        _a(int, total),
        _maybe(int, cached),
        _maybe(int, reasoning),
    )
    return Usage(*counts, _a(dict, raw))


def _full(values: Any) -> Any:
    if not values:
        raise ValueError("no answer")
    return values


def _a(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"not a {kind.__name__}")
    return value


def _maybe(kind: type, value: Any) -> Any:
    return None if value is None else _a(kind, value)
