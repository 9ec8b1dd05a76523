"""Checks of an answer's form: JSON, tool calls, why it ended.

JSON is read from the whole answer, or from its first code fence. A schema is read by the library `jsonschema`, and
never fetches another: a `$ref` leads into the schema itself or nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared_core.errors import ConfigError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.checks.texts import Judge, a_text, short, shown
from shared_core.evaluate.cases.checks.verdict import PASSED, Verdict
from shared_core.types import ToolCall

__all__ = ["FORM_CHECKS", "json_in"]

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)


def json_in(text: str) -> Any:
    """The JSON value that an answer is, or that its first code fence holds.

    Raises:
        ValueError: There is none.

    Example:
        >>> json_in("Here you are:\\n```json\\n[1, 2]\\n```")
        [1, 2]
    """
    fence = _FENCE.search(text)
    return _parsed(fence[1]) if fence and not text.lstrip().startswith(("{", "[")) else _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


class _Schema(NamedTuple):
    """A schema, and what checks by it; None where any JSON will do."""

    schema: Any
    validator: Any


def _any_or_schema(value: Any) -> _Schema:
    return _Schema(True, None) if value in (True, None) else _schema(value)


def _schema(value: Any) -> _Schema:
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{shown(value)} is no JSON schema.", hint="Write a mapping, such as {type: object}."
        )
    try:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(
            "Checking by a JSON schema needs the library jsonschema.", hint='pip install "hfrouter[evaluate]"'
        ) from None
    schema = dict(value)
    try:
        kind = validator_for(schema)
        kind.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(f"This is no JSON schema: {error.message}.") from None
    except TypeError as error:  # a `$schema` that is no text
        raise ConfigError(f"This is no JSON schema: {error}.") from None
    # Without a registry of its own, jsonschema would fetch what a `$ref` names from the network.
    return _Schema(schema, kind(schema, registry=REGISTRY))


def _is_json(answer: Answer, wanted: _Schema) -> Verdict:
    return _fulfils(answer.text, wanted, _parsed)


def _has_json(answer: Answer, wanted: _Schema) -> Verdict:
    return _fulfils(answer.text, wanted, json_in)


def _fulfils(text: str, wanted: _Schema, read: Callable[[str], Any]) -> Verdict:
    try:
        value = read(text)
    except ValueError as error:
        return Verdict(False, f"is not JSON: {short(str(error))}")
    if wanted.validator is None:
        return PASSED
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        worst = best_match(wanted.validator.iter_errors(value))
    except Unresolvable as error:
        return Verdict(None, f"the schema's $ref {error.ref!r} leads nowhere")
    except RecursionError:
        return Verdict(None, "the schema leads round in circles, or the answer is nested too deeply")
    except ArithmeticError:  # 1e400, for which `multipleOf` has no arithmetic
        return Verdict(False, "holds a number that is too large to be computed with")
    except (TypeError, ValueError) as error:  # a `$ref` to what is no schema
        return Verdict(None, f"the schema cannot be checked by: {short(str(error))}")
    if worst is None:
        return PASSED
    return Verdict(False, f"{worst.json_path}: {short(worst.message)}")


class _Tool(NamedTuple):
    """A call that is wanted: the tool's name, and arguments that it must have at least."""

    name: str
    arguments: Mapping[str, Any]


def _tool(value: Any) -> _Tool:
    if not isinstance(value, Mapping):
        return _Tool(a_text(value), {})
    if value.keys() - {"name", "arguments"} or "name" not in value:
        raise ConfigError(
            "A tool call is checked by its name, and arguments.", hint="{name: add, arguments: {a: 2}}"
        )
    arguments = value.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise ConfigError(f"The arguments {shown(arguments)} are no mapping.")
    return _Tool(a_text(value["name"]), dict(arguments))


def _calls(answer: Answer, wanted: _Tool) -> Verdict:
    called = [call for call in answer.tool_calls if call.name == wanted.name]
    if not called:
        names = ", ".join(call.name for call in answer.tool_calls)
        return Verdict(False, f"{wanted.name} is not called" + (f", but {short(names)}" if names else ""))
    faults = [_fault(call, wanted.arguments) for call in called]
    return PASSED if "" in faults else Verdict(False, faults[0])


def _fault(call: ToolCall, wanted: Mapping[str, Any]) -> str:
    """What is wrong with a call's arguments; "" for nothing."""
    try:
        given = call.parsed()
    except ValueError:
        return f"the arguments of {call.name} are no JSON object"
    for name, value in wanted.items():
        if name not in given:
            return f"{call.name} is called without {name}"
        if not _same(given[name], value):
            return f"{call.name} is called with {name}={shown(given[name])}, not {shown(value)}"
    return ""


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 2 and 2.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _ended(answer: Answer, reason: str) -> Verdict:
    return PASSED if answer.finish_reason == reason else Verdict(False, f"ended by {answer.finish_reason}")


FORM_CHECKS: dict[str, tuple[Callable[[Any], Any], Judge]] = {
    "is-json": (_any_or_schema, _is_json),
    "json-schema": (_schema, _has_json),
    "tool-call": (_tool, _calls),
    "finish-reason": (a_text, _ended),
}
"""Of each word, what reads its value and what judges by it."""
