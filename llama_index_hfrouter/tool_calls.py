"""Tools out, tool calls in.

Lives here: tool specifications and `tool_choice` for a request; arguments as the model wrote them to
arguments that a tool can take.
Not here: joining streamed fragments (the core), calling tools (LlamaIndex).

Arguments are never lost: what is not a JSON object stays text in the `ToolCallBlock`, and asking for the
calls of a finished answer then raises. Only an answer that is still streaming may have half a call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json

from llama_index_hfrouter.errors import MalformedToolCall
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

__all__ = [
    "call_blocks",
    "keep_first_call",
    "parse_arguments",
    "partial_arguments",
    "resolve_tool_choice",
    "selections",
    "strict_schema",
    "tool_spec",
]

_CHOICES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


# -- out ------------------------------------------------------------------------------------------------


def tool_spec(tool: BaseTool, *, strict: bool | None = None) -> dict[str, Any]:
    """A tool in OpenAI's form. `strict` is sent only when given: not every server knows it."""
    spec: dict[str, Any] = tool.metadata.to_openai_tool(skip_length_check=True)
    if "type" not in spec["function"]["parameters"] and tool.metadata.fn_schema is not None:
        spec["function"]["parameters"] = _rooted(tool.metadata.fn_schema.model_json_schema())
    if strict is not None:
        spec["function"]["strict"] = strict
        if strict:
            spec["function"]["parameters"] = strict_schema(spec["function"]["parameters"])
    return spec


def _rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a class that refers to itself, with its properties at the root.

    Pydantic leaves a reference there, which LlamaIndex drops: the model would not hear of a single argument.
    """
    root = schema.get("$defs", {}).get(str(schema.get("$ref")).rpartition("/")[2], schema)
    return {
        name: value
        for name, value in {**schema, **root}.items()
        if name in ("type", "properties", "required", "$defs")
    }


def strict_schema(schema: Any) -> Any:
    """A copy in which every object is closed and every property required, as `strict` demands."""
    if isinstance(schema, list):
        return [strict_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict_schema(value) for key, value in schema.items()}
    if isinstance(copy.get("properties"), dict):
        copy["additionalProperties"] = False
        copy["required"] = list(copy["properties"])
    return copy


def resolve_tool_choice(
    choice: str | Mapping[str, Any] | None, *, required: bool, names: Sequence[str]
) -> str | dict[str, Any] | None:
    """What to send as `tool_choice`; None leaves it out, which means "auto".

    Args:
        choice: "auto", "none", "required", "any", a tool's name, OpenAI's dictionary, or None.
        required: Whether some tool must be called; `choice` goes before it.
        names: The tools on offer.

    Raises:
        ConfigError: `choice` names a tool that is not on offer.
    """
    if not names:
        return None
    if choice is None:
        return "required" if required else None
    if isinstance(choice, Mapping):
        return dict(choice)
    if isinstance(choice, str) and choice in _CHOICES and choice not in names:
        return "required" if required and choice == "auto" else _CHOICES[choice]
    if not isinstance(choice, str) or choice not in names:
        raise ConfigError(
            f"tool_choice={choice!r} is not among the tools {sorted(names)}.",
            hint='Name one of the tools, or use "auto", "none" or "required".',
        )
    return {"type": "function", "function": {"name": choice}}


# -- in -------------------------------------------------------------------------------------------------


def parse_arguments(text: str) -> dict[str, Any] | None:
    """Arguments as a dictionary; None when the text is not a JSON object.

    Models write raw line ends into strings, encode the object twice, or say nothing for no arguments: all of
    these are understood.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text, strict=False)
        if isinstance(value, str):
            value = json.loads(value, strict=False)
    except ValueError:
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def partial_arguments(text: str) -> dict[str, Any]:
    """What can already be read of arguments that are still streaming; never raises."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def call_blocks(calls: Iterable[tuple[str, str, str]]) -> list[ToolCallBlock]:
    """Finished calls (id, name, arguments) as blocks: parsed, or as text where that is impossible."""
    blocks = []
    for call_id, name, text in calls:
        arguments = parse_arguments(text)
        blocks.append(
            ToolCallBlock(
                tool_call_id=call_id, tool_name=name, tool_kwargs=text if arguments is None else arguments
            )
        )
    return blocks


def selections(message: ChatMessage, *, streaming: bool) -> list[ToolSelection]:
    """The tools that a message calls, with their arguments.

    Args:
        message: An assistant message of this class, or of another with OpenAI's dictionaries or objects in
            `additional_kwargs["tool_calls"]`.
        streaming: The answer is not finished: what can be read of the arguments is enough.

    Raises:
        MalformedToolCall: The answer is finished, and the arguments are not a JSON object.
    """
    found = [
        _selection(block.tool_call_id, block.tool_name, block.tool_kwargs, streaming)
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    if found:
        return found
    for call in message.additional_kwargs.get("tool_calls") or ():
        plain = call if isinstance(call, Mapping) else call.model_dump()
        function = plain.get("function") or {}
        found.append(
            _selection(
                plain.get("id"), function.get("name") or "", function.get("arguments") or "", streaming
            )
        )
    return found


def _selection(
    call_id: str | None, name: str, arguments: Mapping[str, Any] | str, streaming: bool
) -> ToolSelection:
    if isinstance(arguments, str):
        parsed = partial_arguments(arguments) if streaming else parse_arguments(arguments)
        if parsed is None:
            raise MalformedToolCall(
                f"The model called {name!r} with arguments that are not a JSON object: {arguments[:500]}"
            )
    else:
        parsed = dict(arguments)
    return ToolSelection(tool_id=call_id or "", tool_name=name, tool_kwargs=parsed)


def keep_first_call(message: ChatMessage) -> None:
    """Drops all tool calls but the first: what a caller gets who did not allow parallel calls."""
    seen = False
    kept = []
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            if seen:
                continue
            seen = True
        kept.append(block)
    if len(kept) == len(message.blocks):
        return
    message.blocks = kept
    if calls := message.additional_kwargs.get("tool_calls"):
        message.additional_kwargs["tool_calls"] = calls[:1]
