"""Bad requests: each is refused with the status and the grammar of the real thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter

Post = Callable[..., httpx2.Response]
USER = {"role": "user", "content": "hi"}


def tool(**function: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "f", **function}}]


def assistant_call(**function: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}", **function}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


BAD_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "temperature is a string": ({"temperature": "hot"}, "temperature"),
    "temperature is a boolean": ({"temperature": True}, "temperature"),
    "temperature is above 2": ({"temperature": 2.1}, "temperature"),
    "top_p is above 1": ({"top_p": 1.5}, "top_p"),
    "max_tokens is zero": ({"max_tokens": 0}, "max_tokens"),
    "max_tokens is a float": ({"max_tokens": 1.5}, "max_tokens"),
    "five stop words": ({"stop": list("abcde")}, "stop"),
    "stop is a number": ({"stop": 3}, "stop"),
    "n is zero": ({"n": 0}, "n"),
    "seed is a string": ({"seed": "x"}, "seed"),
    "top_logprobs without logprobs": ({"top_logprobs": 2}, "top_logprobs"),
    "unknown effort": ({"reasoning_effort": "heroic"}, "reasoning_effort"),
    "stream is a string": ({"stream": "yes"}, "stream"),
    "stream_options without stream": ({"stream_options": {"include_usage": True}}, "stream_options"),
    "logit_bias is a string": ({"logit_bias": "x"}, "logit_bias"),
    "no messages": ({"messages": []}, "messages"),
    "unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, "role"),
    "user message without content": ({"messages": [{"role": "user"}]}, "content"),
    "content is a number": ({"messages": [{"role": "user", "content": 3}]}, "content"),
    "content is an empty list": ({"messages": [{"role": "user", "content": []}]}, "content"),
    "unknown content part": ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "hologram"),
    "text part without text": ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "text"),
    "image in a system message": (
        {
            "messages": [
                {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
                USER,
            ]
        },
        "image_url",
    ),
    "result of an unknown call": (
        {"messages": [USER, assistant_call(), {"role": "tool", "tool_call_id": "c2", "content": "x"}]},
        "c2",
    ),
    "result without an id": ({"messages": [USER, {"role": "tool", "content": "x"}]}, "tool_call_id"),
    "arguments as an object": ({"messages": [USER, assistant_call(arguments={"a": 1})]}, "arguments"),
    "arguments missing": ({"messages": [USER, assistant_call(arguments=None)]}, "arguments"),
    "call by a user": ({"messages": [{**assistant_call(), "role": "user", "content": "x"}]}, "tool_calls"),
    "tools is empty": ({"tools": []}, "tools"),
    "bare function as a tool": ({"tools": [{"name": "f", "parameters": {}}]}, "tools[0]"),
    "tool name with a space": ({"tools": tool(name="get weather")}, "name"),
    "tool schema is a list": ({"tools": tool(parameters=[])}, "parameters"),
    "tool schema is no object": ({"tools": tool(parameters={"type": "string"})}, "parameters"),
    "required is a boolean": ({"tools": tool(parameters={"type": "object", "required": True})}, "required"),
    "two tools of one name": ({"tools": tool() + tool()}, "same name"),
    "choice of a tool not offered": (
        {"tools": tool(), "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "'g'",
    ),
    "choice is a bare name": ({"tools": tool(), "tool_choice": "f"}, "tool_choice"),
    "choice is LangChain's any": ({"tools": tool(), "tool_choice": "any"}, "tool_choice"),
    "required without tools": ({"tool_choice": "required"}, "tool_choice"),
    "unknown response format": ({"response_format": {"type": "xml"}}, "response_format"),
    "schema without a name": (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "name",
    ),
    "schema is missing": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        "schema",
    ),
}


@pytest.mark.parametrize(("body", "named"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_a_400_that_names_it_in_the_openai_form(
    post: Post, body: dict[str, Any], named: str
) -> None:
    reply = post(**body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert named in error["message"]


GOOD_VALUES: dict[str, dict[str, Any]] = {
    "nulls everywhere": dict.fromkeys(
        ["temperature", "stop", "tools", "tool_choice", "response_format", "n", "seed"]
    ),
    "keys nobody knows": {"extra_thing": {"deep": [1]}},
    "a choice without its type": {"tools": tool(), "tool_choice": {"function": {"name": "f"}}},
    "content parts with explicit nulls": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "image_url": None}]}]
    },
    "reasoning sent back": {
        "messages": [
            USER,
            {"role": "assistant", "content": "x", "reasoning_content": "hm", "reasoning": "hm"},
            USER,
        ]
    },
    "a call and its result": {
        "messages": [USER, assistant_call(), {"role": "tool", "tool_call_id": "c1", "content": "x"}]
    },
    "a tool without parameters": {"tools": tool()},
    "a name of the speaker": {"messages": [{**USER, "name": "example_user"}]},
    "the bounds": {
        "temperature": 2,
        "top_p": 1.0,
        "frequency_penalty": -2,
        "presence_penalty": 2.0,
        "top_k": -1,
    },
}


@pytest.mark.parametrize("body", GOOD_VALUES.values(), ids=GOOD_VALUES.keys())
def test_an_unusual_but_right_request_is_answered(post: Post, body: dict[str, Any]) -> None:
    reply = post(**body)
    assert reply.status_code == 200, reply.text


def test_an_unknown_model_is_a_400_with_its_code(post: Post) -> None:
    reply = post(model="nobody/nothing:groq")
    assert reply.status_code == 400
    assert reply.json()["error"] == {
        "message": "The requested model 'nobody/nothing' does not exist.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


def test_a_provider_that_does_not_serve_the_model_is_a_400_of_its_own_form(post: Post) -> None:
    reply = post(model="offline/echo:nobody")
    assert (reply.status_code, reply.json()) == (400, {"error": "Model not supported by provider nobody"})


RAW_BODIES = {
    "not JSON": (b"{not json", 400, "not valid JSON"),
    "no body": (b"", 400, "not valid JSON"),
    "NaN": (b'{"model":"offline/echo","temperature":NaN}', 400, "NaN"),
    "not UTF-8": (b'{"model":"\xff"}', 400, "not valid JSON"),
    "a list": (b"[]", 422, "Failed to deserialize"),
    "no messages": (b'{"model":"offline/echo"}', 422, "missing field `messages`"),
    "messages is a string": (b'{"model":"offline/echo","messages":"hi"}', 422, 'invalid type: string "hi"'),
    "model is a number": (b'{"model":3,"messages":[]}', 422, "integer `3`"),
    "no model": (b'{"messages":[]}', 400, "model parameter"),
}


@pytest.mark.parametrize(("raw", "status", "said"), RAW_BODIES.values(), ids=RAW_BODIES.keys())
def test_a_body_of_the_wrong_shape_is_refused(
    router: OfflineRouter, raw: bytes, status: int, said: str
) -> None:
    reply = httpx2.post(f"{router}/chat/completions", content=raw)
    assert reply.status_code == status
    assert said in reply.text
    plain = reply.headers["content-type"].startswith("text/plain")
    assert plain == (status == 422)


def test_a_prompt_beyond_the_context_window_is_a_422_of_tgi(post: Post) -> None:
    reply = post("word " * 33000)
    assert reply.status_code == 422
    assert reply.json()["error_type"] == "validation"
    assert "must be <= 32768" in reply.json()["error"]
