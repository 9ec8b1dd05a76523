"""A chat call on its way out: what the body and the headers hold, and what is refused before the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core.errors import BadRequest, InputTooLong
from shared_core.types import CHAT_PARAMS, ApiKey, ChatRequest, HttpRequest, Target
from shared_core.wire import chat

HELLO = [{"role": "user", "content": "Hello!"}]


def encoded(request: ChatRequest, **target: Any) -> HttpRequest:
    return chat.encode(
        request, Target(target.pop("base_url", "https://host/v1"), **target), ApiKey("k"), "ua/1"
    )


def body_of(request: ChatRequest) -> dict[str, Any]:
    value = json.loads(encoded(request).body)
    assert isinstance(value, dict)
    return value


def test_the_model_is_the_first_key_where_the_router_looks_for_it() -> None:
    request = ChatRequest(
        HELLO, "org/name:groq", {"temperature": 0}, extra_body={"a": 1, "model": "org/other"}
    )
    assert encoded(request).body.startswith(b'{"model":"org/other","messages":')


def test_a_plain_call_holds_model_messages_and_parameters_and_nothing_else() -> None:
    assert body_of(ChatRequest(HELLO, "m", {"temperature": 0})) == {
        "model": "m",
        "messages": HELLO,
        "temperature": 0,
    }


EVERY_PARAMETER: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "max_tokens": 10,
    "stop": ["a", "b"],
    "seed": 7,
    "n": 2,
    "frequency_penalty": 0.1,
    "presence_penalty": -0.1,
    "repetition_penalty": 1.1,
    "logit_bias": {"7": -100},
    "logprobs": True,
    "top_logprobs": 3,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "stream_options": {"include_usage": False},
    "reasoning_effort": "low",
}


def test_the_table_below_knows_every_parameter() -> None:
    assert EVERY_PARAMETER.keys() == CHAT_PARAMS


@pytest.mark.parametrize("name", EVERY_PARAMETER)
def test_a_parameter_reaches_the_wire_as_it_is(name: str) -> None:
    assert (
        body_of(ChatRequest(HELLO, "m", {name: EVERY_PARAMETER[name]}, stream=True))[name]
        == EVERY_PARAMETER[name]
    )


def test_a_stream_asks_for_its_usage() -> None:
    assert body_of(ChatRequest(HELLO, "m", stream=True))["stream_options"] == {"include_usage": True}


def test_a_stream_asks_for_what_the_caller_wants_instead() -> None:
    request = ChatRequest(HELLO, "m", {"stream_options": {"include_usage": False}}, stream=True)
    assert body_of(request)["stream_options"] == {"include_usage": False}


def test_a_plain_call_carries_no_stream_options_which_servers_refuse_there() -> None:
    body = body_of(ChatRequest(HELLO, "m", {"stream_options": {"include_usage": True}}))
    assert "stream_options" not in body
    assert "stream" not in body


def test_extra_body_adds_keys_and_has_the_last_word() -> None:
    request = ChatRequest(
        HELLO, "m", {"temperature": 0}, extra_body={"temperature": 1, "guided": {"a": None}}
    )
    body = body_of(request)
    assert body["temperature"] == 1
    assert body["guided"] == {"a": None}


def test_a_call_goes_to_chat_completions_as_json_under_our_name() -> None:
    request = encoded(ChatRequest(HELLO, "m"))
    assert (request.method, request.url) == ("POST", "https://host/v1/chat/completions")
    assert request.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": "ua/1",
    }


def test_a_stream_accepts_events() -> None:
    assert encoded(ChatRequest(HELLO, "m", stream=True)).headers["accept"] == "text/event-stream"


def test_the_bill_goes_where_it_should() -> None:
    assert encoded(ChatRequest(HELLO, "m"), bill_to="acme").headers["x-hf-bill-to"] == "acme"


def test_headers_of_the_target_win_over_ours() -> None:
    assert encoded(ChatRequest(HELLO, "m"), headers={"user-agent": "mine"}).headers["user-agent"] == "mine"


def test_the_token_is_no_header_of_the_request_and_shows_nowhere_in_it() -> None:
    request = chat.encode(
        ChatRequest(HELLO, "m"), Target("https://host/v1"), ApiKey("hf_secret_secret"), "ua/1"
    )
    assert "hf_secret_secret" not in repr(request)
    assert "authorization" not in request.headers
    assert request.key.reveal() == "hf_secret_secret"


def test_an_oversize_message_is_refused_before_the_wire() -> None:
    request = ChatRequest([{"role": "user", "content": "x" * (64 * 2**20)}], "m")
    with pytest.raises(InputTooLong, match="64 MiB that are sent at most"):
        encoded(request)


def test_the_callers_messages_and_parameters_are_left_as_they_are() -> None:
    params = {"stream_options": {"include_usage": True}}
    extra = {"a": 1}
    encoded(ChatRequest(HELLO, "m", params, extra_body=extra))
    assert params == {"stream_options": {"include_usage": True}}
    assert extra == {"a": 1}
    assert HELLO == [{"role": "user", "content": "Hello!"}]


CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "f"}}]}

CONVERSATIONS: dict[str, Any] = {
    "one message": HELLO,
    "a tuple of messages": tuple(HELLO),
    "every role": [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        *HELLO,
        CALL,
        {"role": "tool", "tool_call_id": "a", "content": "r"},
        {"role": "function", "name": "f", "content": "r"},
    ],
    "two results for two calls of two turns": [
        CALL,
        {"role": "tool", "tool_call_id": "a", "content": "r"},
        {"role": "assistant", "tool_calls": [{"id": "b", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "b", "content": "r"},
        {"role": "tool", "tool_call_id": "a", "content": "again"},
    ],
    "tool calls that are null": [{"role": "assistant", "content": "x", "tool_calls": None}],
}


@pytest.mark.parametrize("messages", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_a_sound_conversation_passes(messages: Any) -> None:
    chat.check_messages(messages)


UNSOUND: dict[str, tuple[Any, str]] = {
    "no messages": ([], "There are no messages"),
    "none": (None, "not NoneType"),
    "a text": ("Hello!", "not str"),
    "bytes": (b"Hello!", "not bytes"),
    "a single message without its list": (HELLO[0], "not dict"),
    "a number": (7, "not int"),
    "a generator": (iter(HELLO), "not list_iterator"),
    "a text among the messages": ([*HELLO, "Hello!"], "Message 1 is a str"),
    "none among the messages": ([None], "Message 0 is a NoneType"),
    "no role": ([{"content": "x"}], "Message 0 has the role None"),
    "an unknown role": ([{"role": "robot", "content": "x"}], "the role 'robot'"),
    "a list for a role": ([{"role": ["user"], "content": "x"}], "Message 0 has the role"),
    "a result for no call": ([*HELLO, {"role": "tool", "tool_call_id": "a", "content": "r"}], "'a'"),
    "a result for another call": ([CALL, {"role": "tool", "tool_call_id": "b", "content": "r"}], "'b'"),
    "a result before its call": ([{"role": "tool", "tool_call_id": "a", "content": "r"}, CALL], "Message 0"),
    "a result without an id": ([CALL, {"role": "tool", "content": "r"}], "None"),
    "a result with a list for an id": (
        [CALL, {"role": "tool", "tool_call_id": ["a"], "content": "r"}],
        "Message 1",
    ),
    "tool calls that are a number": ([{"role": "assistant", "tool_calls": 7}], "Message 0"),
    "a tool call with a list for an id": (
        [{"role": "assistant", "tool_calls": [{"id": ["a"], "function": {"name": "f"}}]}],
        "Message 0",
    ),
}


@pytest.mark.parametrize(("messages", "words"), UNSOUND.values(), ids=UNSOUND.keys())
def test_an_unsound_conversation_is_one_clear_error_before_the_wire(messages: Any, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        chat.check_messages(messages)
    assert words in caught.value.message
    assert "Nothing was sent" in caught.value.message
