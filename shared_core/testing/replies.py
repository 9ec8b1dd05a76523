"""From an answer to what goes on the wire: the completion's body, or the chunks of its stream.

`stop`, `max_tokens`, usage and log-probabilities are applied here, once, for every model. A stream's deltas
joined are the plain answer: both are cut from the same pieces.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from . import tokens
from .call import Answer, ChatCall, Message, ToolCall
from .sse import to_json


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer after `stop` and `max_tokens`, cut into tokens, with its reason to end and its usage."""

    call: ChatCall
    text: list[str]
    reasoning: list[str]
    tool_calls: list[ToolCall]
    finish_reason: str
    usage: dict[str, Any]
    fingerprint: str
    id: str
    created: int = field(default_factory=lambda: int(time.time()))


def finish(call: ChatCall, answer: Answer, cached: int = 0) -> Finished:
    """Apply the limits of the request to a model's answer.

    Args:
        call: The request.
        answer: What the model says.
        cached: Tokens of the prompt that are in a cache, at most all of them.
    """
    seed = to_json([call.model, [(m.role, m.text, m.tool_call_id) for m in call.messages]])
    digest = hashlib.sha256(seed.encode()).hexdigest()
    text, reasoning, reason = answer.text, tokens.pieces(answer.reasoning), "stop"
    for stop in call.stop:
        text = text.split(stop, 1)[0]
    pieces = tokens.pieces(text)
    if call.max_tokens is not None and len(reasoning) + len(pieces) > call.max_tokens:
        reason = "length"
        reasoning = reasoning[: call.max_tokens]
        pieces = pieces[: call.max_tokens - len(reasoning)]
    calls = [
        ToolCall(item.name, to_json(item.arguments, spaces=True), f"call_{digest[:20]}{place:04d}")
        for place, item in enumerate(answer.tool_calls)
    ]
    if calls:
        reason = "tool_calls"
    usage = _usage(call, pieces, reasoning, calls, cached)
    fingerprint = answer.fingerprint or "fp_offline"
    return Finished(call, pieces, reasoning, calls, reason, usage, fingerprint, f"chatcmpl-{digest[:24]}")


def prompt_tokens(call: ChatCall) -> int:
    """Tokens of the request: texts, tool calls, offered tools, media, and a frame for each message."""
    counted = sum(_message_tokens(message) for message in call.messages)
    offered = ([t.name, t.description, t.parameters] for t in call.tools)
    return counted + sum(tokens.count(to_json(tool)) for tool in offered)


def _message_tokens(message: Message) -> int:
    calls = sum(tokens.count(call.name) + tokens.count(str(call.arguments)) for call in message.tool_calls)
    media = tokens.MEDIA_TOKENS * len(message.media)
    return tokens.MESSAGE_TOKENS + tokens.count(message.text) + calls + media


def _usage(
    call: ChatCall, text: list[str], reasoning: list[str], calls: list[ToolCall], cached: int
) -> dict[str, Any]:
    called = sum(tokens.count(item.name) + tokens.count(str(item.arguments)) for item in calls)
    prompt, completion = prompt_tokens(call), call.n * (len(text) + len(reasoning) + called)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(cached, prompt)},
        "completion_tokens_details": {"reasoning_tokens": call.n * len(reasoning)},
    }


def completion(done: Finished) -> dict[str, Any]:
    """The body of a reply that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(done.text)}
    if done.reasoning:
        message["reasoning"] = "".join(done.reasoning)
    if done.tool_calls:
        message["content"] = message["content"] or None
        message["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in done.tool_calls
        ]
    choice: dict[str, Any] = {
        "message": message,
        "logprobs": _logprobs(done, done.text),
        "finish_reason": done.finish_reason,
    }
    return {
        **_frame(done, "chat.completion"),
        "choices": [{"index": index, **choice} for index in range(done.call.n)],
        "usage": done.usage,
    }


def chunks(done: Finished) -> list[dict[str, Any]]:
    """The chunks of a streamed reply, one token each, without the usage (see `Finished.usage`)."""
    made: list[dict[str, Any]] = []
    for delta in _deltas(done):
        logprobs = _logprobs(done, [delta["content"]]) if delta.get("content") else None
        made.append({"delta": delta, "logprobs": logprobs, "finish_reason": None})
    made.append({"delta": {}, "logprobs": None, "finish_reason": done.finish_reason})
    frame = _frame(done, "chat.completion.chunk")
    return [{**frame, "choices": [{"index": i, **choice}]} for choice in made for i in range(done.call.n)]


def _deltas(done: Finished) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if done.tool_calls else ""}]
    deltas += [{"reasoning": piece} for piece in done.reasoning]
    deltas += [{"content": piece} for piece in done.text]
    for index, call in enumerate(done.tool_calls):
        head = {"index": index, "id": call.id, "type": "function"}
        deltas.append({"tool_calls": [{**head, "function": {"name": call.name, "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in tokens.pieces(str(call.arguments))
        ]
    return deltas


def _frame(done: Finished, kind: str) -> dict[str, Any]:
    return {
        "id": done.id,
        "object": kind,
        "created": done.created,
        "model": done.call.model,
        "system_fingerprint": done.fingerprint,
    }


def _logprobs(done: Finished, text: list[str]) -> dict[str, Any] | None:
    if done.call.top_logprobs is None:
        return None
    return {"content": [_token_logprob(token, done.call.top_logprobs) for token in text], "refusal": None}


def _token_logprob(token: str, alternatives: int) -> dict[str, Any]:
    """The model is sure of every token: made-up alternatives share what little is left."""

    def entry(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    others = [entry(f"{token}~{rank}", -5.0 - rank) for rank in range(1, alternatives)]
    top = [entry(token, -0.01), *others][:alternatives]
    return {**entry(token, -0.01), "top_logprobs": top}
