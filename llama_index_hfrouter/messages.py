"""ChatMessages to the router's messages.

Lives here: roles, tool calls and their results, reasoning that goes back, where media may stand.
Not here: the content parts of media (`media`), replies (`chunks`).

The messages that come in are never changed. Media can stand only in user messages on the wire, so those of a
tool or an assistant move into a user message right behind it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from llama_index_hfrouter.media import MEDIA_KINDS, document_text, media_part
from shared_core.errors import BadRequest

__all__ = ["EchoReasoning", "MessageRules", "to_wire"]

EchoReasoning = Literal["auto"] | bool

_ROLES: dict[MessageRole, str] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",  # OpenAI's newer name; chat templates know only the old one
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

_WANTS_REASONING_BACK = ("deepseek", "moonshotai/", "kimi", "minimax", "zai-org/", "glm-", "qwen/qwen3.6")
"""Beginnings of names, in lower case, of models that want `reasoning_content` back on tool-call turns.

DeepSeek's answer 400 without it; Kimi, MiniMax, GLM and Qwen 3.6 reason worse. Others are left alone, because
Gemma's models, and groq for every model, answer 400 when it is present.
Source: chat-ui's `reasoningPolicy.ts`, protocol notes 4.5 and 6.2 (November 2026).
"""

_REFUSES_REASONING = ("groq",)
"""Providers that answer 400 to `reasoning_content`, whatever the model. Source: as above."""


@dataclass(frozen=True, slots=True)
class MessageRules:
    """What depends on the model.

    Args:
        echo_reasoning: Whether ThinkingBlocks of assistant messages go back as `reasoning_content`: always,
            never, or ("auto") with tool calls when the model's family asks for it.
        model: The model id that "auto" judges by.
        provider: Who answers, where that was asked for.
        sees_images, hears_audio, sees_video: False when it is known that the model cannot; what a tool returned then
            becomes a remark.
    """

    echo_reasoning: EchoReasoning = "auto"
    model: str = ""
    provider: str | None = None
    sees_images: bool | None = None
    hears_audio: bool | None = None
    sees_video: bool | None = None

    def sends_reasoning(self, *, with_tool_calls: bool) -> bool:
        if self.echo_reasoning == "auto":
            wanted = self.model.lower().startswith(_WANTS_REASONING_BACK)
            return with_tool_calls and wanted and self.provider not in _REFUSES_REASONING
        return self.echo_reasoning


def to_wire(messages: Sequence[ChatMessage], rules: MessageRules) -> list[dict[str, Any]]:
    """Messages in OpenAI's form, ready for the core.

    Raises:
        BadRequest: A block cannot be sent; the message says which and why.

    Example:
        >>> to_wire([ChatMessage("hi")], MessageRules())
        [{'role': 'user', 'content': 'hi'}]
    """
    wire: list[dict[str, Any]] = []
    hoisted: list[dict[str, Any]] = []  # media waiting for the next place where they may stand
    for message in messages:
        role = _ROLES[message.role]
        if role == "tool":  # results of parallel calls must stay together
            wire.append(_tool(message, rules, hoisted))
            continue
        if role == "user":
            content = _content(message.blocks)
            if hoisted:
                # One message, because two of the user in a row break strict chat templates.
                content = [*hoisted, *_as_parts(content)]
                hoisted = []
            wire.append({"role": role, "content": content})
            continue
        if hoisted:
            wire.append({"role": "user", "content": hoisted})
            hoisted = []
        if role == "assistant":
            wire.append(_assistant(message, rules, hoisted))
        else:
            wire.append({"role": role, "content": _content(message.blocks)})
    if hoisted:
        wire.append({"role": "user", "content": hoisted})
    return wire


# -- user and system ------------------------------------------------------------------------------------


def _content(blocks: Sequence[BaseModel]) -> str | list[dict[str, Any]]:
    if len(blocks) == 1 and type(blocks[0]) is TextBlock:
        return blocks[0].text
    parts: list[dict[str, Any]] = []
    for block in _flat(blocks):
        if isinstance(block, TextBlock):
            parts.append({"type": "text", "text": block.text})
        elif part := media_part(block):
            parts.append(part)
        elif not isinstance(block, ThinkingBlock | ToolCallBlock):  # those belong to the assistant
            raise _unknown(block)
    if all(part["type"] == "text" for part in parts):
        # A plain string is the one form of content that every server and chat template takes.
        return "\n".join(part["text"] for part in parts)
    return parts


def _as_parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _flat(blocks: Sequence[BaseModel]) -> list[BaseModel]:
    """Cache marks dropped; citations replaced by what they cite."""
    flat: list[BaseModel] = []
    for block in blocks:
        if isinstance(block, CachePoint):
            continue
        if isinstance(block, CitableBlock):
            flat.append(TextBlock(text=f"{block.title} ({block.source})"))
            flat.extend(_flat(block.content))
        elif isinstance(block, CitationBlock):
            flat.append(block.cited_content)
        else:
            flat.append(block)
    return flat


def _unknown(block: BaseModel) -> BadRequest:
    return BadRequest(
        f"A {type(block).__name__} cannot be sent to a model.",
        hint="Use text, image, audio, video or document blocks.",
    )


# -- assistant ------------------------------------------------------------------------------------------


def _assistant(message: ChatMessage, rules: MessageRules, hoisted: list[dict[str, Any]]) -> dict[str, Any]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    thoughts: list[str] = []
    media: list[dict[str, Any]] = []
    for block in _flat(message.blocks):
        if isinstance(block, TextBlock):
            texts.append(block.text)
        elif isinstance(block, ToolCallBlock):
            calls.append(_call(block.tool_call_id, block.tool_name, block.tool_kwargs))
        elif isinstance(block, ThinkingBlock):
            thoughts.append(block.content or "")
        elif part := media_part(block):
            media.append(part)
        else:
            raise _unknown(block)
    if not calls:
        calls = [_legacy_call(call) for call in message.additional_kwargs.get("tool_calls") or ()]
    wire: dict[str, Any] = {"role": "assistant", "content": "\n".join(texts)}
    thought = "".join(thoughts)
    if thought and rules.sends_reasoning(with_tool_calls=bool(calls)):
        wire["reasoning_content"] = thought
    if calls:
        wire["tool_calls"] = calls
    if media:
        hoisted += [{"type": "text", "text": "Media that the assistant gave above:"}, *media]
    return wire


def _call(call_id: str | None, name: str, arguments: Mapping[str, Any] | str) -> dict[str, Any]:
    if not isinstance(arguments, str):
        try:
            # Dates and models too: a program that writes calls by hand has the values its tools have.
            arguments = json.dumps(arguments, ensure_ascii=False, default=to_jsonable_python)
        except (TypeError, ValueError) as error:
            raise BadRequest(
                f"The arguments of the tool call {name!r} cannot be written as JSON: {error}.",
                hint="Give the ToolCallBlock plain values: texts, numbers, lists and dictionaries.",
            ) from error
    return {
        "id": call_id or "",
        "type": "function",
        "function": {"name": name, "arguments": arguments or "{}"},
    }


def _legacy_call(call: Any) -> dict[str, Any]:
    """A call from `additional_kwargs`, where other LLM classes leave OpenAI's dictionaries or objects."""
    if not isinstance(call, Mapping):
        call = call.model_dump() if hasattr(call, "model_dump") else {}
    function = call.get("function")
    if not isinstance(function, Mapping) or not function.get("name"):
        raise BadRequest("An assistant message holds a tool call without a function name.")
    return _call(call.get("id"), function["name"], function.get("arguments") or "{}")


# -- tool results ---------------------------------------------------------------------------------------


def _tool(message: ChatMessage, rules: MessageRules, hoisted: list[dict[str, Any]]) -> dict[str, Any]:
    call_id = message.additional_kwargs.get("tool_call_id") or ""
    texts: list[str] = []
    media: list[dict[str, Any]] = []
    for block in _flat(message.blocks):
        if isinstance(block, TextBlock):
            texts.append(block.text)
        elif (remark := _left_out(block, rules)) is not None:
            texts.append(remark)
        elif isinstance(block, DocumentBlock) and (text := document_text(block)) is not None:
            texts.append(text)
        elif part := media_part(block):
            media.append(part)
            texts.append(f"[The {_kind(block)} follows in the next user message.]")
        elif not isinstance(block, ThinkingBlock | ToolCallBlock):
            raise _unknown(block)
    if media:
        hoisted += [{"type": "text", "text": f"Media that tool call {call_id} returned:"}, *media]
    return {"role": "tool", "tool_call_id": call_id, "content": "\n".join(texts)}


def _left_out(block: BaseModel, rules: MessageRules) -> str | None:
    """What stands in the place of media that the model cannot take; None where it can, or nobody knows."""
    if isinstance(block, ImageBlock) and rules.sees_images is False:
        return "[An image, left out: this model takes no images.]"
    if isinstance(block, AudioBlock) and rules.hears_audio is False:
        return "[A sound, left out: this model takes no sounds.]"
    if isinstance(block, VideoBlock) and rules.sees_video is False:
        return "[A video, left out: this model takes no videos.]"
    return None


def _kind(block: BaseModel) -> str:
    return next((name for kind, name in MEDIA_KINDS.items() if isinstance(block, kind)), "content")
