"""OpenAI-format messages and tools as LlamaIndex's: the way back of `messages`, for models of any maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.tools.types import BaseTool, ToolMetadata, ToolOutput

from shared_core.errors import ConfigError

__all__ = ["tool_from", "wire_to_chat"]


def wire_to_chat(message: Mapping[str, Any]) -> ChatMessage:
    """One message.

    Raises:
        ConfigError: It holds what LlamaIndex has no block for.

    Example:
        >>> wire_to_chat({"role": "user", "content": "hi"}).content
        'hi'
    """
    blocks: list[Any] = _blocks(message.get("content"))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        blocks.append(
            ToolCallBlock(
                tool_call_id=call.get("id"),
                tool_name=function.get("name", ""),
                tool_kwargs=function.get("arguments") or "{}",
            )
        )
    extra = {"tool_call_id": message["tool_call_id"]} if message.get("tool_call_id") else {}
    return ChatMessage(role=message.get("role", "user"), blocks=blocks, additional_kwargs=extra)


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str | None):
        return [TextBlock(text=content)] if content else []
    blocks: list[Any] = []
    for part in content if isinstance(content, Sequence) else ():
        match part:
            case {"type": "text", "text": str(text)}:
                blocks.append(TextBlock(text=text))
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                blocks.append(ImageBlock(url=url))
            case _:
                kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
                raise ConfigError(
                    f"A part of the kind {kind!r} cannot be passed on to an LLM of LlamaIndex.",
                    hint="Use texts and pictures.",
                )
    return blocks


@dataclass
class _Metadata(ToolMetadata):
    """A tool's description, with the parameters as they were written."""

    parameters: dict[str, Any] | None = None

    def get_parameters_dict(self) -> dict[str, Any]:
        return self.parameters or {"type": "object", "properties": {}}


class _Tool(BaseTool):
    """A tool that is offered, and never run: a case looks at the call alone."""

    def __init__(self, metadata: ToolMetadata) -> None:
        self._metadata = metadata

    @property
    def metadata(self) -> ToolMetadata:
        return self._metadata

    def __call__(self, input: Any) -> ToolOutput:  # LlamaIndex's name
        raise NotImplementedError(f"{self._metadata.name} is only offered")


def tool_from(tool: Mapping[str, Any]) -> BaseTool:
    """A tool of OpenAI's form.

    Raises:
        ConfigError: It is none.
    """
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigError('A tool has no name: write {"type": "function", "function": {"name": ...}}.')
    about = str(function.get("description") or function["name"])
    return _Tool(_Metadata(about, name=function["name"], parameters=function.get("parameters")))
