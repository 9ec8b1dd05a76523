"""Schemas of every kind as OpenAI's function description, without losing what LangChain's own way drops.

Lives here: classes and JSON schemas as name, description and parameters. Not here: what is sent for structured
output (`structured`) and for tools (`tool_binding`).

LangChain writes a class that holds itself (a tree) with `{}` in the place of the inner one, and reads no JSON schema
without "properties" (a list, a union, a reference to one of its own definitions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal
from weakref import WeakSet

from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic.errors import PydanticUserError

from langchain_hfrouter.errors import ConfigError

__all__ = ["Method", "Schema", "as_function", "recursive_schema", "titled"]

Method = Literal["function_calling", "json_schema", "json_mode"]
Schema = dict[str, Any] | type

# A dictionary with none of the first and one of the second is a JSON schema that lacks a title.
_NAMED = frozenset({"function", "json_schema", "name", "title", "toolSpec"})
_JSON_SCHEMA = frozenset({"$ref", "allOf", "anyOf", "enum", "items", "oneOf", "properties", "type"})

# Classes that are known not to hold themselves: writing a schema takes longer than the rest of a call.
_flat: WeakSet[type] = WeakSet()


def as_function(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """A schema as OpenAI's function description, under a name that hosts take.

    Args:
        schema: A Pydantic (2 or 1) or TypedDict class, a function, a JSON schema, OpenAI's `response_format`, or a
            tool in the form of OpenAI, Anthropic or Amazon. A JSON schema without a title is called "answer".
        strict: Whether the schema is made to fit strict mode, and says so; None for neither.

    Raises:
        ConfigError: The schema cannot be read.

    Example:
        >>> as_function({"title": "Ages[int]", "type": "array", "items": {"type": "integer"}})
        {'name': 'Ages_int_', 'parameters': {'type': 'array', 'items': {'type': 'integer'}}}
    """
    try:
        plain = recursive_schema(schema) or schema
        if isinstance(plain, Mapping):
            function = _of_dictionary(deepcopy(dict(plain)), strict)  # strict mode is written into it
        else:
            function = convert_to_openai_function(plain, strict=strict)
    except (ValueError, TypeError, PydanticUserError, RecursionError) as error:
        raise ConfigError(
            f"This schema cannot be used for structured output: {str(error)[:300]}",
            hint="Pass a Pydantic class, a TypedDict class, or a JSON schema with a title.",
        ) from error
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(function["name"]))[:64]
    return {**function, "name": name or "answer"}


def titled(schema: Any) -> Any:
    """The schema, with a title if it is a bare JSON schema."""
    bare = isinstance(schema, Mapping) and not _NAMED & schema.keys() and _JSON_SCHEMA & schema.keys()
    return {**schema, "title": "answer"} if bare else schema


def _unfolded(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own definition at the top, where that is only referred to."""
    target = str(schema.get("$ref", ""))
    definition = _definitions(schema).get(target.rpartition("/")[2]) if target.startswith("#/") else None
    if definition is None:
        return schema
    return {**{name: value for name, value in schema.items() if name != "$ref"}, **definition}


def recursive_schema(model: Any) -> dict[str, Any] | None:
    """The JSON schema of a Pydantic class that holds itself, whole; None for everything else.

    Args:
        model: A class, or the JSON schema itself.
    """
    schema: Any = model
    is_class = isinstance(model, type) and is_basemodel_subclass(model)
    if is_class:
        if model in _flat:
            return None
        schema = (getattr(model, "model_json_schema", None) or model.schema)()
    if not isinstance(schema, Mapping):
        return None
    links = {name: _names_in(part) for name, part in _definitions(schema).items()}
    try:
        TopologicalSorter(links).prepare()
    except CycleError:
        return _unfolded(dict(schema))
    if is_class:
        _flat.add(model)
    return None


def _of_dictionary(schema: dict[str, Any], strict: bool | None) -> dict[str, Any]:
    schema = schema.get("function") or schema.get("json_schema") or schema
    if "name" in schema and "schema" in schema:
        schema["parameters"] = schema.pop("schema")
    schema = _unfolded(titled(schema))
    if "title" not in schema or "properties" in schema:
        return convert_to_openai_function(schema, strict=strict)
    # No object with properties: LangChain is given one that holds the schema.
    about: dict[str, Any] = {name: schema.pop(name) for name in ("title", "description") if name in schema}
    shared: dict[str, Any] = {name: schema.pop(name) for name in ("$defs", "definitions") if name in schema}
    whole = {**about, "properties": {"inner": schema}, **shared}
    function = convert_to_openai_function(whole, strict=strict)
    parameters: dict[str, Any] = function["parameters"]
    inner: dict[str, Any] = parameters["properties"]["inner"]
    return {**function, "parameters": {**inner, **{name: parameters[name] for name in shared}}}


def _definitions(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("$defs") or schema.get("definitions")
    return found if isinstance(found, Mapping) else {}


def _names_in(part: Any) -> set[str]:
    """The definitions that a part of a schema refers to."""
    if isinstance(part, Mapping):
        target = part.get("$ref")
        own = {target.rpartition("/")[2]} if isinstance(target, str) else set()
        return own.union(*(_names_in(value) for value in part.values()))
    return set().union(*(_names_in(value) for value in part)) if isinstance(part, list | tuple) else set()
