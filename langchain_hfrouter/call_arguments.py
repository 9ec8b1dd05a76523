"""The keyword arguments of one call, put over the constructor's and into the core's form."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel

from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.other_names import refuse_other_names
from langchain_hfrouter.settings import ALIASES, RouterSettings, unknown_parameters
from langchain_hfrouter.tool_binding import choice_to_wire, tools_to_wire
from shared_core.types import CHAT_PARAMS

__all__ = ["override"]

# Arguments of `HFRouter.chat` beside the chat parameters.
_CALL_ARGUMENTS = frozenset({"model", "timeout", "extra_body", "extra_headers", "usage_tags"})
# Arguments of the constructor, which mean nothing to a provider.
_OF_CONSTRUCTOR = (
    RouterSettings.model_fields.keys() - BaseChatModel.model_fields.keys() - CHAT_PARAMS - _CALL_ARGUMENTS
)
_INSTEAD = {
    "default_headers": "Write extra_headers=.",
    "provider": 'Write model="org/name:provider".',
}
# What LangChain hands down for itself.
_INTERNAL = frozenset({"ls_structured_output_format", "structured_output_format", "stream", "run_manager"})


def override(arguments: dict[str, Any], kwargs: dict[str, Any]) -> None:
    """Puts the call's own parameters over the constructor's.

    Raises:
        ConfigError: One is an argument of the constructor, what other packages call an argument of ours, or sounds
            like a token.
    """
    extra: dict[str, Any] = {}
    for given, value in kwargs.items():
        name = ALIASES.get(given, given)
        if name in CHAT_PARAMS or name in _CALL_ARGUMENTS:
            arguments[name] = value
        elif name not in _INTERNAL:
            extra[name] = value
    if extra:
        _refuse_settings(extra)
        refuse_other_names("A call of ChatHFRouter", sorted(extra), CHAT_PARAMS)
        warnings.warn(unknown_parameters(extra, CHAT_PARAMS), UserWarning, stacklevel=2)
        arguments["extra_body"] = {**(arguments.get("extra_body") or {}), **extra}
    wanted = arguments.get("response_format")
    if wanted is not None:
        from langchain_hfrouter.structured import response_format

        arguments["response_format"] = response_format(wanted)
    tools = arguments.get("tools")
    if tools:
        if not all(isinstance(tool, dict) and "function" in tool for tool in tools):
            tools = arguments["tools"] = tools_to_wire(tools)
        arguments["tool_choice"] = choice_to_wire(arguments.get("tool_choice"), tools)


def _refuse_settings(names: Iterable[str]) -> None:
    """Refuses what only the constructor takes: in a request's body it would be without effect."""
    for name in sorted(_OF_CONSTRUCTOR.intersection(names)):
        raise ConfigError(
            f"{name} is no argument of a single call.",
            hint=_INSTEAD.get(name, f"Make another model: model.model_copy(update={{{name!r}: ...}})."),
        )
