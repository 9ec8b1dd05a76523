"""Chat: a request to JSON, a plain JSON reply to values. Streams are in `wire.chat_stream`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared_core.errors import BadRequest, InputTooLong
from shared_core.types import ApiKey, ChatRequest, Choice, HttpRequest, Message, Target, ToolCall
from shared_core.wire import json
from shared_core.wire.reasoning import reasoning_of, split_think
from shared_core.wire.tool_calls import parse_tool_calls

__all__ = ["check_messages", "encode", "finish_reason_of", "parse_choice", "text_of"]

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes. Servers refuse far less (TGI: 2 MB); this guards against an accident."""

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})

_FINISH = {"eos": "stop", "eos_token": "stop", "stop_sequence": "stop", "function_call": "tool_calls"}
"""Provider words for standard reasons. Source: recordings of together ("eos") and TGI ("eos_token")."""


def encode(request: ChatRequest, target: Target, key: ApiKey, user_agent: str) -> HttpRequest:
    """The POST for one try on one target.

    `model` is the body's first key: the router reads it from a small prefix of a body that may hold
    megabytes of pictures (huggingface_hub issue 4618).

    Raises:
        BadRequest: Something cannot be written as JSON.
        InputTooLong: The body exceeds 64 MiB.
    """
    body: dict[str, Any] = {"model": request.model, "messages": request.messages, **request.params}
    if request.stream:
        body["stream"] = True
        body.setdefault("stream_options", {"include_usage": True})
    else:
        body.pop("stream_options", None)
    if request.extra_body:
        body |= request.extra_body
    content = json.dump(body)
    if len(content) > LARGEST_BODY:
        raise InputTooLong(
            f"The request has {len(content) / 2**20:.0f} MiB, more than the {LARGEST_BODY // 2**20} MiB that are "
            "sent at most. Nothing was sent.",
            hint="Send fewer or smaller images, or pass a link to them.",
        )
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if request.stream else "application/json",
        "user-agent": user_agent,
        **target.headers,
    }
    if target.bill_to:
        headers["x-hf-bill-to"] = target.bill_to
    return HttpRequest("POST", f"{target.base_url}/chat/completions", headers, content, key)


def check_messages(messages: Sequence[Message]) -> None:
    """Finds what no provider accepts, and what each would report in other words.

    Raises:
        BadRequest: No messages, not messages, an unknown role, or a tool result without its call.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise BadRequest(
            f"messages must be a list of message dictionaries, not {type(messages).__name__}. Nothing was sent.",
            hint='Write [{"role": "user", "content": "…"}].',
        )
    if not messages:
        raise BadRequest(
            "There are no messages. Nothing was sent.",
            hint='Pass at least one: [{"role": "user", "content": "…"}].',
        )
    called: set[object] = set()
    for position, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise BadRequest(
                f"Message {position} is a {type(message).__name__}, not a dictionary. Nothing was sent."
            )
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise BadRequest(
                f"Message {position} has the role {role!r}. Nothing was sent.",
                hint=f"Roles are {', '.join(sorted(_ROLES))}.",
            )
        if role == "assistant":
            called |= _ids_of_calls(position, message.get("tool_calls") or ())
        elif role == "tool" and not _is_one_of(message.get("tool_call_id"), called):
            raise BadRequest(
                f"Message {position} is the result of the tool call {message.get('tool_call_id')!r}, "
                "which no earlier assistant message makes. Nothing was sent.",
                hint="Keep the assistant message with `tool_calls` before its results.",
            )


def _ids_of_calls(position: int, calls: object) -> set[object]:
    if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
        raise BadRequest(
            f"Message {position} has tool_calls that are a {type(calls).__name__}, not a list. Nothing was sent."
        )
    ids = [call.get("id") for call in calls if isinstance(call, Mapping)]
    if not all(isinstance(value, str | int | None) for value in ids):
        raise BadRequest(f"Message {position} has a tool call whose id is not a text. Nothing was sent.")
    return set(ids)


def _is_one_of(value: object, ids: set[object]) -> bool:
    return isinstance(value, str | int) and value in ids


def parse_choice(position: int, choice: Mapping[str, Any], *, reasoning_tags: bool) -> Choice:
    """One entry of a plain reply's `choices`."""
    message = choice.get("message")
    if not isinstance(message, Mapping):
        message = {"content": choice.get("text")}
    text, reasoning = text_of(message.get("content")), reasoning_of(message)
    calls = parse_tool_calls(message.get("tool_calls"))
    legacy = message.get("function_call")
    if not calls and isinstance(legacy, Mapping) and legacy.get("name"):
        calls = parse_tool_calls({"function": legacy})
    if reasoning_tags and not reasoning:
        reasoning, text = split_think(text)
    index, logprobs = choice.get("index"), choice.get("logprobs")
    return Choice(
        index=index if isinstance(index, int) else position,
        text="" if calls and text in ("None", "null") else text,
        reasoning=reasoning,
        tool_calls=calls,
        refusal=text_of(message.get("refusal")),
        finish_reason=finish_reason_of(choice.get("finish_reason"), calls),
        logprobs=logprobs if isinstance(logprobs, Mapping) else None,
    )


def text_of(content: object) -> str:
    """Content as text: a string, or the text parts of a list (Mistral's models)."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(
            part["text"]
            for part in content
            if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        )
    return ""


def finish_reason_of(value: object, calls: tuple[ToolCall, ...] | bool) -> str | None:
    """The standard word for a provider's finish reason."""
    if not isinstance(value, str) or not value:
        return None
    reason = _FINISH.get(value, value)
    # Old TGI and some vLLM set-ups end a tool call with "stop" or "eos_token".
    return "tool_calls" if calls and reason == "stop" else reason
