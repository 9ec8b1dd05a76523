"""What was asked and answered, in the JSON form of OpenTelemetry's GenAI conventions. Only where a user opted in.

Lives here: messages, answers and tools as attributes of a span. Never in them: bytes of media, which are told by kind
and size; a query of an address, which may be a signature; what looks like a token.

Source: gen-ai-input-messages.json, gen-ai-output-messages.json and gen-ai-tool-definitions.json of
open-telemetry/semantic-conventions-genai 0.1. What stands for media is a part of a type of our own, which they allow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared_core.observe.events import CallEnded, CallStarted
from shared_core.observe.gen_ai import Values
from shared_core.types import Blob, ChatReply, ChatRequest, Choice, Link, Message, TaskRequest
from shared_core.wire.redact import redact

__all__ = ["answered", "asked"]

_Part = dict[str, Any]


def asked(event: CallStarted) -> Values:
    """The messages of a chat, or the input of a task, with the tools; nothing for texts to embed."""
    request = event.request
    if isinstance(request, ChatRequest):
        values = {"gen_ai.input.messages": _json([_message(each) for each in request.messages])}
        if tools := request.params.get("tools"):
            values["gen_ai.tool.definitions"] = _json([_tool(each) for each in tools])
        return values
    if isinstance(request, TaskRequest):
        return {"gen_ai.input.messages": _json([{"role": "user", "parts": [_input(request.inputs)]}])}
    return {}


def answered(event: CallEnded) -> Values:
    """The answers; of a stream that broke off, the part that arrived. Nothing for vectors and scores."""
    reply = event.reply
    if isinstance(reply, ChatReply):
        told = [_choice(each) for each in reply.choices]
    elif isinstance(text := getattr(reply, "text", None), str):
        reason = getattr(reply, "finish_reason", None) or "stop"
        told = [{"role": "assistant", "parts": [_text(text)], "finish_reason": reason}]
    elif files := getattr(reply, "files", ()):
        parts = [_media(file.mime_type) for file in files]
        told = [{"role": "assistant", "parts": parts, "finish_reason": "stop"}]
    else:
        return {}
    return {"gen_ai.output.messages": _json(told)}


def _message(message: Message) -> dict[str, Any]:
    role, content = str(message.get("role", "")), message.get("content")
    if role == "tool":
        response = content if isinstance(content, str) else list(_parts(content))
        parts: list[_Part] = [
            {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": response}
        ]
    else:
        parts = [*_parts(content), *_calls(message.get("tool_calls"))]
    named = {"name": message["name"]} if isinstance(message.get("name"), str) else {}
    return {"role": role, "parts": parts, **named}


def _parts(content: Any) -> Iterable[_Part]:
    if isinstance(content, str):
        yield _text(content)
    elif isinstance(content, Sequence):
        for piece in content:
            if isinstance(piece, str):
                yield _text(piece)
            elif isinstance(piece, Mapping):
                yield _piece(piece)


def _piece(piece: Mapping[str, Any]) -> _Part:
    """One part of a message in OpenAI's form."""
    kind = str(piece.get("type", ""))
    if isinstance(piece.get("text"), str):
        return _text(piece["text"])
    held = piece.get(kind)
    url = held.get("url") if isinstance(held, Mapping) else held
    if isinstance(url, str) and not url.startswith("data:"):
        return _address(url, kind.partition("_")[0])
    if isinstance(url, str):
        return _media(url[5:].partition(";")[0])
    form = held.get("format") if isinstance(held, Mapping) else None
    return _media(f"audio/{form}" if kind == "input_audio" and form else "", kind.removeprefix("input_"))


def _calls(calls: Any) -> Iterable[_Part]:
    for call in calls if isinstance(calls, Sequence) else ():
        function = call.get("function", {}) if isinstance(call, Mapping) else {}
        yield _call(call.get("id"), function.get("name"), function.get("arguments"))


def _call(id: Any, name: Any, arguments: Any) -> _Part:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):  # as the model wrote it, then
            return {"type": "tool_call", "id": id, "name": str(name or ""), "arguments": arguments}
    return {"type": "tool_call", "id": id, "name": str(name or ""), "arguments": arguments}


def _choice(choice: Choice) -> dict[str, Any]:
    parts: list[_Part] = []
    if choice.reasoning:
        parts.append({"type": "reasoning", "content": choice.reasoning})
    if choice.text:
        parts.append(_text(choice.text))
    if choice.refusal:
        parts.append({"type": "refusal", "content": choice.refusal})
    parts += [_call(call.id, call.name, call.arguments) for call in choice.tool_calls]
    return {"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason or "error"}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": str(tool.get("type", "function")), **tool.get("function", {})}


def _input(given: Any) -> _Part:
    if isinstance(given, Blob):
        return _media(given.mime_type, size=len(given))
    if isinstance(given, Link):
        return _address(given.url, "")
    return _text(
        given if isinstance(given, str) else json.dumps(given, default=_left_out, ensure_ascii=False)
    )


def _left_out(given: object) -> object:
    return _input(given) if isinstance(given, Blob | Link) else f"<{type(given).__name__}>"


def _text(text: str) -> _Part:
    return {"type": "text", "content": text}


def _address(url: str, modality: str) -> _Part:
    return {"type": "uri", "modality": modality, "uri": url.partition("?")[0]}


def _media(mime_type: str, modality: str = "", size: int | None = None) -> _Part:
    told: _Part = {"type": "media_left_out", "modality": modality or mime_type.partition("/")[0]}
    if mime_type:
        told["mime_type"] = mime_type
    if size is not None:
        told["size"] = size
    return told


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_left_out)
    return redact(text.encode("utf-8", "replace").decode())  # half a character would break the exporter
