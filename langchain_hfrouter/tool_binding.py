"""Tools and tool choice as the router takes them.

Lives here: every form of tool and of `tool_choice` that LangChain knows. Not here: parsing what the model
called (`replies`, `chunks`, `structured`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic.errors import PydanticUserError

from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.schemas import recursive_schema

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool
else:  # `with_fallbacks` reads the annotations of `bind_tools`; importing BaseTool would take 70 ms
    ToolLike = Any

__all__ = ["ToolLike", "choice_to_wire", "tools_to_wire"]


def tools_to_wire(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Tools in OpenAI's form.

    Args:
        tools: LangChain tools, functions, Pydantic or TypedDict classes, or dictionaries (OpenAI, Anthropic,
            JSON schema).
        strict: Sent as `strict` of each function when it is not None; not every provider takes it.

    Raises:
        ConfigError: One of them is not a tool.
    """
    wire = []
    for tool in tools:
        try:
            wire.append(convert_to_openai_tool(_whole(tool), strict=strict))
        except (ValueError, TypeError, PydanticUserError) as error:
            raise ConfigError(
                f"This is not a tool: {str(error)[:300]}",
                hint="Pass a @tool function, a BaseTool, a Pydantic or TypedDict class, or an OpenAI tool.",
            ) from error
    return wire


def _whole(tool: Any) -> Any:
    """A tool whose arguments hold themselves as its JSON schema; other tools as they are."""
    if isinstance(tool, Mapping):
        return tool
    schema = recursive_schema(getattr(tool, "tool_call_schema", tool))
    if schema is None or isinstance(tool, type):
        return schema or tool
    return {**schema, "title": tool.name, "description": tool.description}


def choice_to_wire(choice: Any, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any] | None:
    """A tool choice in OpenAI's form.

    Args:
        choice: None or False (not sent), "auto", "none", "required", "any" or True (both mean "required"),
            a tool's name, or a dictionary in OpenAI's or Anthropic's form.
        tools: The tools on offer, in OpenAI's form.

    Raises:
        ConfigError: No tool of that name is on offer, or the choice has an unknown form.
    """
    if choice is None or choice is False:
        return None
    if choice is True or choice in ("any", "required"):
        return "required"
    if isinstance(choice, str):
        names = [name for tool in tools if (name := _name(tool))]
        if choice in names:
            return {"type": "function", "function": {"name": choice}}
        if choice in ("auto", "none"):
            return choice
        raise ConfigError(
            f"tool_choice={choice!r} is none of the tools on offer ({', '.join(names) or 'there are none'}).",
            hint='Name one of them, or use "auto", "none", "required" or "any".',
        )
    if isinstance(choice, Mapping):
        if isinstance(choice.get("function"), Mapping):
            return {"type": "function", **choice}
        if choice.get("type") == "tool" and choice.get("name"):  # Anthropic
            return choice_to_wire(choice["name"], tools)
        if choice.get("type") in ("auto", "any", "none"):  # Anthropic
            return choice_to_wire(choice["type"], tools)
        if choice.get("name") and "type" not in choice:
            return choice_to_wire(choice["name"], tools)
        return dict(choice)
    raise ConfigError(
        f"tool_choice must be a string, a boolean or a dictionary, not {type(choice).__name__}."
    )


def _name(tool: Mapping[str, Any]) -> str | None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, Mapping) else tool.get("name")
    return name if isinstance(name, str) else None
