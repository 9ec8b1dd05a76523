"""From the bytes of a request to a checked `ChatCall`, or to the refusal that the real thing would answer
with.

Strict about types, ranges and shapes, deaf to keys it does not know: the router passes those on to the
provider.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from . import catalogue
from .call import ChatCall, Tool
from .messages import read_messages
from .refusals import bad_request, bad_shape, model_not_found, provider_not_serving

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


def decode_body(raw: bytes) -> dict[str, Any]:
    """The request body as a dictionary; NaN and Infinity are not JSON and are refused."""

    def refuse_constant(name: str) -> NoReturn:
        raise bad_request(f"The request body is not valid JSON: {name} is not a JSON number.")

    try:
        body = json.loads(raw, parse_constant=refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise bad_request(f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise bad_shape(f"invalid type: {json_type(body)}, expected struct ChatRequest at line 1 column 0")
    return body


def read_call(body: dict[str, Any], aliases: Mapping[str, str] | None = None) -> ChatCall:
    """Check a request body and turn it into a `ChatCall`.

    Raises:
        Refusal: The body is wrong; status and text say how, as the real router would.
    """
    model, provider = _read_model(body, aliases or {})
    messages = read_messages(body)
    tools = _read_tools(body.get("tools"))
    logprobs = _flag(body, "logprobs", False)
    top_logprobs = _number(body, "top_logprobs", 0, 20, whole=True)
    if top_logprobs is not None and not logprobs:
        raise bad_request("'top_logprobs' needs 'logprobs' to be true.", "top_logprobs")
    _check_sampling(body)
    stream = _flag(body, "stream", False)
    max_tokens = _number(body, "max_tokens", 1, math.inf, whole=True)
    newer = _number(body, "max_completion_tokens", 1, math.inf, whole=True)
    seed = _number(body, "seed", -math.inf, math.inf, whole=True)
    limit = newer if newer is not None else max_tokens
    return ChatCall(
        model=model,
        provider=provider,
        messages=messages,
        tools=tools,
        tool_choice=_read_tool_choice(body.get("tool_choice"), tools),
        parallel_tool_calls=_flag(body, "parallel_tool_calls", True),
        schema=_read_response_format(body.get("response_format")),
        stop=_read_stop(body.get("stop")),
        max_tokens=None if limit is None else int(limit),
        n=int(_number(body, "n", 1, 16, whole=True) or 1),
        seed=None if seed is None else int(seed),
        top_logprobs=int(top_logprobs or 0) if logprobs else None,
        reasoning_effort=_choice(body, "reasoning_effort", EFFORTS),
        stream=stream,
        include_usage=_read_include_usage(body.get("stream_options"), stream),
    )


def _read_model(body: dict[str, Any], aliases: Mapping[str, str]) -> tuple[str, str]:
    model = body.get("model")
    if model is None:
        raise bad_request("you must provide a model parameter", "model")
    if not isinstance(model, str):
        raise bad_shape(f"model: invalid type: {json_type(model)}, expected a string at line 1 column 9")
    name, _, suffix = model.partition(":")
    name = aliases.get(name, name)
    if name not in catalogue.MODELS:
        raise model_not_found(name)
    if not suffix or suffix in catalogue.POLICIES:
        return name, "offline"
    if suffix not in catalogue.PROVIDERS:
        raise provider_not_serving(suffix)
    return name, suffix


def _check_sampling(body: dict[str, Any]) -> None:
    _number(body, "temperature", 0, 2)
    _number(body, "top_p", 0, 1)
    _number(body, "top_k", -1, math.inf, whole=True)
    _number(body, "frequency_penalty", -2, 2)
    _number(body, "presence_penalty", -2, 2)
    _number(body, "repetition_penalty", 0, math.inf)
    bias = body.get("logit_bias")
    if bias is not None and not isinstance(bias, dict | list):
        raise bad_request(f"'logit_bias' must be an object, not {json_type(bias)}.", "logit_bias")


def _number(
    body: dict[str, Any], key: str, low: float, high: float, *, whole: bool = False
) -> float | int | None:
    value = body.get(key)
    if value is None:
        return None
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind):
        wanted = "an integer" if whole else "a number"
        raise bad_request(f"'{key}' must be {wanted}, not {json_type(value)}.", key, "invalid_type")
    if not low <= value <= high:
        raise bad_request(f"'{key}' must be between {low} and {high}, got {value}.", key, "invalid_value")
    return value


def _flag(body: dict[str, Any], key: str, default: bool) -> bool:
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise bad_request(f"'{key}' must be a boolean, not {json_type(value)}.", key, "invalid_type")
    return value


def _choice(body: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if value not in allowed:
        raise bad_request(
            f"'{key}' must be one of {', '.join(allowed)}; got {value!r}.", key, "invalid_value"
        )
    return str(value)


def _read_stop(stop: object) -> tuple[str, ...]:
    if stop is None:
        return ()
    given = [stop] if isinstance(stop, str) else stop
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise bad_request("'stop' must be a string or a list of strings.", "stop", "invalid_type")
    if len(given) > 4:
        raise bad_request(f"'stop' takes at most 4 sequences, got {len(given)}.", "stop", "invalid_value")
    return tuple(item for item in given if item)


def _read_include_usage(options: object, stream: bool) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict):
        raise bad_request("'stream_options' must be an object.", "stream_options", "invalid_type")
    if not stream:
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    return _flag(options, "include_usage", False)


def _read_tools(tools: object) -> tuple[Tool, ...]:
    if tools is None:
        return ()
    if not isinstance(tools, list) or not tools:
        raise bad_request("'tools' must be a list with at least one tool.", "tools", "invalid_type")
    read = tuple(_read_tool(item, f"tools[{place}]") for place, item in enumerate(tools))
    names = [tool.name for tool in read]
    if len(set(names)) < len(names):
        raise bad_request("Two tools have the same name.", "tools", "invalid_value")
    return read


def _read_tool(item: object, param: str) -> Tool:
    function = item.get("function") if isinstance(item, dict) else None
    if not isinstance(item, dict) or item.get("type") != "function" or not isinstance(function, dict):
        raise bad_request(f"{param} must be {{'type': 'function', 'function': {{...}}}}.", param)
    name, description = function.get("name"), function.get("description")
    parameters = function.get("parameters")
    usable = (
        isinstance(name, str) and name.replace("-", "_").isascii() and name.replace("-", "_").isidentifier()
    )
    if not usable or len(str(name)) > 64:
        raise bad_request(
            f"{param}.function.name must be 1 to 64 letters, digits, _ or -.", f"{param}.function.name"
        )
    if description is not None and not isinstance(description, str):
        raise bad_request(f"{param}.function.description must be a string.", f"{param}.function.description")
    if parameters is not None:
        check_schema(parameters, f"{param}.function.parameters")
        if parameters.get("type", "object") != "object":
            raise bad_request(
                f"{param}.function.parameters must describe an object.", f"{param}.function.parameters"
            )
    strict = function.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise bad_request(f"{param}.function.strict must be a boolean.", f"{param}.function.strict")
    return Tool(str(name), description or "", parameters or {"type": "object", "properties": {}})


_SCHEMA_KEYS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "type": ("a string or a list of strings", lambda v: isinstance(v, str | list)),
    "properties": ("an object", lambda v: isinstance(v, dict)),
    "required": ("a list of strings", lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v)),
    "enum": ("a list", lambda v: isinstance(v, list)),
    "anyOf": ("a list of schemas", lambda v: isinstance(v, list)),
    "$defs": ("an object", lambda v: isinstance(v, dict)),
}


def check_schema(schema: Any, param: str) -> None:
    """Refuse what is not a JSON schema of the usual shape."""
    if not isinstance(schema, dict):
        raise bad_request(
            f"{param} must be a JSON schema object, not {json_type(schema)}.", param, "invalid_type"
        )
    for key, (wanted, fits) in _SCHEMA_KEYS.items():
        if key in schema and not fits(schema[key]):
            raise bad_request(f"{param}.{key} must be {wanted}.", param, "invalid_schema")
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(inner, bool):
            check_schema(inner, f"{param}.properties.{name}")


def _read_tool_choice(choice: object, tools: tuple[Tool, ...]) -> str:
    if choice is None:
        return "auto"
    if choice in ("auto", "none", "required"):
        if choice == "required" and not tools:
            raise bad_request("'tool_choice' is 'required' but no tools are offered.", "tool_choice")
        return str(choice)
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    # The key `type` may be missing: huggingface_hub's request types do not send it, and providers take that.
    if (
        not isinstance(choice, dict)
        or choice.get("type", "function") != "function"
        or not isinstance(name, str)
    ):
        raise bad_request(
            "'tool_choice' must be 'auto', 'none', 'required' or name a function.",
            "tool_choice",
            "invalid_value",
        )
    if name not in {tool.name for tool in tools}:
        raise bad_request(f"'tool_choice' names '{name}', which is not among the tools.", "tool_choice")
    return f"={name}"


def _read_response_format(wanted: object) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if not isinstance(wanted, dict) or wanted.get("type") not in ("text", "json_object", "json_schema"):
        raise bad_request(
            "'response_format.type' must be text, json_object or json_schema.", "response_format"
        )
    if wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        # huggingface_hub speaks TGI's dialect to a `base_url`: the schema in `value`. Some providers say `schema`.
        dialect: dict[str, Any] = next(
            (wanted[key] for key in ("value", "schema") if wanted.get(key) is not None), {}
        )
        check_schema(dialect, "response_format.value")
        return dict(dialect)
    described = wanted.get("json_schema")
    if not isinstance(described, dict) or not isinstance(described.get("name"), str):
        raise bad_request("'response_format.json_schema' needs a 'name'.", "response_format.json_schema.name")
    schema = described.get("schema")
    check_schema(schema, "response_format.json_schema.schema")
    assert isinstance(schema, dict)
    return schema


def json_type(value: object) -> str:
    """A JSON value's type in the words of serde, which TGI's errors use."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f"string {json.dumps(value[:80], ensure_ascii=False)}"
    return "sequence" if isinstance(value, list) else "map"
