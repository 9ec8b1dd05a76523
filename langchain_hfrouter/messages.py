"""LangChain messages as OpenAI-format dictionaries, the form the core takes.

Lives here: roles, tool calls, tool results, reasoning echo, and where media of tool results go.
Not here: single content blocks (`blocks`), and checks of the conversation as a whole (the core's).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_hfrouter.blocks import is_media, to_part
from shared_core.errors import ConfigError

__all__ = ["to_wire"]

WireMessage = dict[str, Any]

# What a model said besides text: it travels in fields of the message, or not at all.
_NOT_CONTENT = frozenset(
    {
        "function_call",
        "input_json_delta",
        "invalid_tool_call",
        "reasoning",
        "redacted_thinking",
        "refusal",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "thinking",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
    }
)


def to_wire(
    messages: Sequence[BaseMessage],
    *,
    echo_reasoning: bool = False,
    media_in_tool_messages: bool = False,
) -> list[WireMessage]:
    """A conversation as the router takes it.

    Args:
        messages: LangChain messages, in order.
        echo_reasoning: Send the reasoning of earlier answers back, as `reasoning_content`.
        media_in_tool_messages: Leave media inside tool results. Otherwise, since the tool role is text-only,
            they follow in a user message after the last result of that turn.

    Returns:
        One dictionary a message, plus the user messages that carry media of tool results.

    Raises:
        ConfigError: A message or block cannot be sent.
    """
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    wire: list[WireMessage] = []
    hoisted: list[dict[str, Any]] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            converted, media = _tool_result(message, keep_media=media_in_tool_messages)
            wire.append(converted)
            hoisted += media
            continue
        if hoisted:
            wire.append({"role": "user", "content": hoisted})
            hoisted = []
        if isinstance(message, AIMessage):
            wire.append(_answer(message, answered, echo_reasoning=echo_reasoning))
        else:
            wire.append(_plain(message))
    if hoisted:
        wire.append({"role": "user", "content": hoisted})
    return wire


def _plain(message: BaseMessage) -> WireMessage:
    if isinstance(message, HumanMessage):
        role = "user"
    elif isinstance(message, SystemMessage):
        # LangChain's own mark for OpenAI's newer spelling of the system role.
        role = str(message.additional_kwargs.get("__openai_role__", "system"))
    elif isinstance(message, ChatMessage):
        role = message.role
    elif isinstance(message, FunctionMessage):
        role = "function"
    else:
        raise ConfigError(
            f"A message of type {type(message).__name__} cannot be sent to a model.",
            hint="Use HumanMessage, SystemMessage, AIMessage, ToolMessage or ChatMessage.",
        )
    wire: WireMessage = {"role": role, "content": _content(message.content, joint="\n")}
    if message.name:
        wire["name"] = message.name
    return wire


def _answer(message: AIMessage, answered: set[str], *, echo_reasoning: bool) -> WireMessage:
    content = message.content
    if isinstance(content, list):
        content = [
            block for block in content if not (isinstance(block, dict) and block.get("type") in _NOT_CONTENT)
        ]
    wire: WireMessage = {"role": "assistant", "content": _content(content, joint="")}
    if not wire["content"] and message.additional_kwargs.get("refusal"):
        wire["content"] = message.additional_kwargs["refusal"]
    if message.name:
        wire["name"] = message.name
    if echo_reasoning and (reasoning := _reasoning(message)):
        wire["reasoning_content"] = reasoning
    calls = [
        _call(call["id"], call["name"], _arguments(call["name"], call["args"])) for call in message.tool_calls
    ]
    # A call that could not be parsed stays in the history only when it was answered: an open call is a 400.
    calls += [
        _call(broken["id"], broken["name"] or "", broken["args"] or "")
        for broken in message.invalid_tool_calls
        if broken["id"] in answered
    ]
    if calls:
        wire["tool_calls"] = calls
    return wire


def _arguments(name: str, args: dict[str, Any]) -> str:
    try:
        return json.dumps(args, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"The arguments of a call of {name!r} in the history cannot be written as JSON: {error}",
            hint="Use plain dictionaries, lists, texts, numbers and booleans only, as the model itself writes them.",
        ) from error


def _call(call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id or "", "type": "function", "function": {"name": name, "arguments": arguments}}


def _reasoning(message: AIMessage) -> str:
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str):
        return kept
    blocks = message.content if isinstance(message.content, list) else []
    return "".join(
        str(block.get("reasoning") or block.get("thinking") or "")
        for block in blocks
        if isinstance(block, dict) and block.get("type") in ("reasoning", "thinking")
    )


def _tool_result(message: ToolMessage, *, keep_media: bool) -> tuple[WireMessage, list[dict[str, Any]]]:
    """The tool message, and the parts that must follow it in a user message."""
    wire: WireMessage = {"role": "tool", "tool_call_id": message.tool_call_id}
    content = _content(message.content, joint="\n")
    if isinstance(content, str) or keep_media:
        wire["content"] = content
        return wire, []
    texts = [part["text"] for part in content if not is_media(part)]
    media = [part for part in content if is_media(part)]
    whose = f"tool call {message.tool_call_id}" + (f" ({message.name})" if message.name else "")
    if media:
        texts.append("The media of this result follow in the next user message.")
        media.insert(0, {"type": "text", "text": f"Media returned by {whose}:"})
    wire["content"] = "\n".join(texts)
    return wire, media


def _content(content: str | list[Any], *, joint: str) -> str | list[dict[str, Any]]:
    """Text where text is all there is, since many chat templates take nothing else; parts otherwise."""
    if isinstance(content, str):
        return content
    parts = [part for block in content if (part := to_part(block)) is not None]
    if all(part.keys() == {"type", "text"} and part["type"] == "text" for part in parts):
        return joint.join(part["text"] for part in parts)
    return parts
