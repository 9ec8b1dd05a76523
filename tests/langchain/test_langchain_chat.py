"""The chat model on the wire: what is sent, what comes back."""

from __future__ import annotations

import json
import math
import traceback
import warnings
from typing import Any

import langchain_core
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from pydantic import BaseModel

from langchain_hfrouter import ChatHFRouter
from shared_core.testing import Quirks, Raw, SlowHead, Status
from shared_core.types import CHAT_PARAMS

SAMPLES: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 7,
    "max_tokens": 33,
    "stop": ["END"],
    "seed": 11,
    "n": 2,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "repetition_penalty": 1.1,
    "logit_bias": {"5": -1.0},
    "logprobs": True,
    "top_logprobs": 2,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "reasoning_effort": "low",
}


def body(requests: Any) -> dict[str, Any]:
    return requests[-1].json


def merged(chunks: Any) -> AIMessageChunk:
    first, *rest = chunks
    return sum(rest, first)


def test_every_chat_parameter_is_a_field() -> None:
    assert ChatHFRouter.model_fields.keys() >= CHAT_PARAMS
    assert CHAT_PARAMS - {"stream_options"} == SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_parameter_of_the_constructor_reaches_the_wire(name: str, make: Any, requests: Any) -> None:
    needs = {"top_logprobs": {"logprobs": True}, "tool_choice": {"tools": SAMPLES["tools"]}}
    make("tools", **{name: SAMPLES[name]}, **needs.get(name, {})).invoke("hi, in JSON")
    assert body(requests)[name] == SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_parameter_of_the_call_wins(name: str, make: Any, requests: Any) -> None:
    needs = {"top_logprobs": {"logprobs": True}, "tool_choice": {"tools": SAMPLES["tools"]}}
    others = {"temperature": 1.5, "stop": ["OTHER"], "seed": 1, "max_tokens": 5, "n": 1, "top_p": 0.1}
    model = make("tools", **({name: others[name]} if name in others else {}))
    model.invoke("hi, in JSON", **{name: SAMPLES[name]}, **needs.get(name, {}))
    assert body(requests)[name] == SAMPLES[name]


def test_nothing_is_sent_that_nobody_asked_for(make: Any, requests: Any) -> None:
    make().invoke("hi")
    assert body(requests) == {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}
    assert requests[-1].model_first


def test_none_takes_a_parameter_of_the_constructor_back(make: Any, requests: Any) -> None:
    make(temperature=0.5).invoke("hi", temperature=None)
    assert "temperature" not in body(requests)


def test_route_headers_and_extra_body_reach_the_wire(make: Any, requests: Any) -> None:
    model = make(
        provider="groq", bill_to="my-org", default_headers={"X-Trace": "1"}, extra_body={"min_p": 0.1}
    )
    model.invoke("hi", extra_body={"user": "u"}, extra_headers={"X-More": "2"})
    sent = requests[-1]
    assert sent.json["model"] == "offline/echo:groq"
    assert (sent.json["min_p"], sent.json["user"]) == (0.1, "u")
    assert sent.headers["x-hf-bill-to"] == "my-org"
    assert (sent.headers["x-trace"], sent.headers["x-more"]) == ("1", "2")
    assert sent.headers["authorization"] == "Bearer hf_offline"


def test_unknown_names_go_to_the_extra_body_with_a_warning(make: Any, requests: Any) -> None:
    with pytest.warns(UserWarning, match="min_p") as caught:
        model = make(min_p=0.1)
    assert caught[0].filename.endswith("conftest.py")  # the line that made the model
    with pytest.warns(UserWarning, match="typical_p"):
        model.invoke("hi", typical_p=0.2)
    assert (body(requests)["min_p"], body(requests)["typical_p"]) == (0.1, 0.2)


def test_other_spellings_are_understood(make: Any, requests: Any, router: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ChatHFRouter(
            model_name="offline/echo",
            base_url=str(router),
            api_key="x",
            stop_sequences=["END"],
            model_kwargs={"top_k": 3, "foo": 1},
        )
    assert model.model_name == model.model == "offline/echo"
    model.invoke("hi")
    sent = body(requests)
    assert (sent["stop"], sent["top_k"], sent["foo"]) == (["END"], 3, 1)


def test_langchains_own_arguments_are_not_sent(make: Any, requests: Any) -> None:
    make().invoke("hi", ls_structured_output_format={"schema": {}}, stream=False)
    assert body(requests).keys() == {"model", "messages"}
    list(make().stream("hi", stream=True))
    assert body(requests).keys() == {"model", "messages", "stream", "stream_options"}


def test_a_streams_usage_can_be_declined(make: Any, requests: Any) -> None:
    chunks = list(make(stream_usage=False).stream("hi"))
    assert body(requests)["stream_options"] == {"include_usage": False}
    assert merged(chunks).usage_metadata is None


def test_a_call_may_decline_the_usage_or_ask_for_it(make: Any, requests: Any) -> None:
    assert merged(list(make().stream("hi", stream_usage=False))).usage_metadata is None
    assert merged(list(make(stream_usage=False).stream("hi", stream_usage=True))).usage_metadata
    make().invoke("hi", stream_usage=True)
    assert body(requests).keys() == {"model", "messages"}


def test_other_spellings_are_understood_in_a_call_too(make: Any, requests: Any) -> None:
    make("none").invoke("hi", model_name="offline/echo", stop_sequences=["END"])
    assert (body(requests)["model"], body(requests)["stop"]) == ("offline/echo", ["END"])


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"provider": "groq"}, "org/name:provider"),
        ({"bill_to": "my-org"}, "model_copy"),
        ({"max_retries": 0}, "model_copy"),
        ({"default_headers": {"X-A": "b"}}, "extra_headers"),
        ({"fallback": ["a/b"]}, "model_copy"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_only_the_constructor_takes_is_refused_in_a_call(
    argument: dict[str, Any], words: str, make: Any, requests: Any
) -> None:
    from shared_core import ConfigError

    with pytest.raises(ConfigError, match="no argument of a single call") as caught:
        make().invoke("hi", **argument)
    assert words in str(caught.value.hint)
    assert len(requests) == 0


def test_a_reply_says_who_served_it_and_how(make: Any) -> None:
    reply = make().invoke("hi there")
    about = reply.response_metadata
    assert reply.text == "hi there"
    assert (about["model_name"], about["model_provider"], about["provider"]) == (
        "offline/echo",
        "hfrouter",
        "offline",
    )
    assert about["finish_reason"] == "stop"
    assert about["attempts"] == 1
    assert about["latency_s"] > 0
    assert about["request_id"].startswith("Root=1-")
    assert about["id"].startswith("chatcmpl-")
    assert reply.usage_metadata["input_token_details"] == {"cache_read": 0}


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_stream_tells_each_thing_once(kind: str, make: Any, requests: Any, router: Any) -> None:
    router.queue(Quirks(usage="cumulative"))
    model = make()
    if kind == "sync":
        chunks = list(model.stream("one two three four"))
    else:
        chunks = [chunk async for chunk in model.astream("one two three four")]
    full = merged(chunks)
    assert full.text == "one two three four"
    about = full.response_metadata
    assert about["model_name"] == "offline/echo"
    assert about["model_provider"] == "hfrouter"
    assert about["provider"] == "offline"
    assert about["finish_reason"] == "stop"
    assert about["first_token_s"] <= about["latency_s"]
    assert [chunk.usage_metadata for chunk in chunks].count(None) == len(chunks) - 1
    assert full.usage_metadata["output_tokens"] == 4
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.chunk_position for chunk in chunks].count("last") == 1


def test_invoke_and_stream_give_the_same_message(make: Any) -> None:
    plain = make("reasoner").invoke("What is 2+2?")
    full = merged(make("reasoner").stream("What is 2+2?"))
    assert plain.content_blocks == full.content_blocks
    assert plain.usage_metadata == full.usage_metadata
    missing = plain.response_metadata.keys() ^ full.response_metadata.keys()
    assert missing == {"token_usage", "first_token_s"}


@pytest.mark.parametrize("version", [None, "v1"])
def test_reasoning_becomes_a_block_before_the_text(version: str | None, make: Any) -> None:
    model = make("reasoner", output_version=version)
    for message in (model.invoke("What is 2+2?"), merged(model.stream("What is 2+2?"))):
        kinds = [block["type"] for block in message.content_blocks]
        assert kinds == ["reasoning", "text"]
        assert message.text == "2+2 = 4"
        assert message.content_blocks[0]["reasoning"].startswith("The user's message")


def test_reasoning_streams_as_events_of_version_3(make: Any) -> None:
    if not hasattr(ChatHFRouter, "stream_events"):
        assert tuple(map(int, langchain_core.__version__.split(".")[:2])) < (1, 4)
        return
    stream = make("reasoner").stream_events("What is 2+2?", version="v3")
    thoughts = "".join(stream.reasoning)
    assert thoughts.startswith("The user's message")
    assert stream.output.text == "2+2 = 4"


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_text_reasoning_and_two_calls_stay_apart(
    version: str | None, streamed: bool, make: Any, router: Any
) -> None:
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": f"f{i}", "arguments": f'{{"x": {i}}}'}}
        for i in range(2)
    ]
    message = {"role": "assistant", "content": "Both.", "reasoning": "Hm.", "tool_calls": calls}
    if streamed:
        deltas = [
            {"role": "assistant", "reasoning": "Hm"},
            {"reasoning": "."},
            {"content": "Bo"},
            {"content": "th."},
            *({"tool_calls": [{"index": i, **call}]} for i, call in enumerate(calls)),
        ]
        events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        data = "".join(f"data: {json.dumps({'id': 'x', 'model': 'm', **event})}\n\n" for event in events)
        router.queue(Raw((data + "data: [DONE]\n\n").encode()))
        result: AIMessage = merged(make(output_version=version).stream("hi"))
    else:
        router.queue(
            Status(200, {"id": "x", "model": "m", "choices": [{"index": 0, "message": message}]}),
        )
        result = make(output_version=version).invoke("hi")
    assert result.content_blocks[0]["reasoning"] == "Hm."
    assert [block["text"] for block in result.content_blocks if block["type"] == "text"] == ["Both."]
    assert [(call["id"], call["name"], call["args"]) for call in result.tool_calls] == [
        ("c0", "f0", {"x": 0}),
        ("c1", "f1", {"x": 1}),
    ]
    assert [block["type"] for block in result.content_blocks] == [
        "reasoning",
        "text",
        "tool_call",
        "tool_call",
    ]


@pytest.mark.parametrize(
    ("arguments", "args"),
    [("", {}), ('{"a": 1}', {"a": 1}), ('{"é": [1, {"b": null}]}', {"é": [1, {"b": None}]})],
    ids=["nothing", "an object", "a nested object"],
)
def test_arguments_of_calls_are_parsed(arguments: str, args: dict, make: Any, router: Any) -> None:
    router.queue(Status(200, answer_with_call(arguments)))
    reply = make().invoke("hi")
    assert reply.tool_calls == [{"type": "tool_call", "id": "c1", "name": "add", "args": args}]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "text"])
def test_arguments_that_are_no_object_make_an_invalid_call(arguments: str, make: Any, router: Any) -> None:
    router.queue(Status(200, answer_with_call(arguments)))
    reply = make().invoke("hi")
    assert reply.tool_calls == []
    (broken,) = reply.invalid_tool_calls
    assert (broken["name"], broken["args"]) == ("add", arguments)
    assert broken["error"]


def answer_with_call(arguments: str) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"id": "x", "model": "m", "choices": [{"index": 0, "message": message}]}


def test_every_answer_comes_back_and_tokens_count_once(make: Any, requests: Any) -> None:
    model = make(n=3)
    result = model.generate([[HumanMessage("hi")]])
    assert body(requests)["n"] == 3
    assert [generation.text for generation in result.generations[0]] == ["hi"] * 3
    counted = [generation.message.usage_metadata for generation in result.generations[0]]
    assert [usage is not None for usage in counted] == [True, False, False]
    ids = {generation.message.id for generation in result.generations[0]}
    assert len(ids) == 3


def test_several_answers_are_asked_for_plainly_when_streaming(make: Any, requests: Any) -> None:
    assert [chunk.text for chunk in make(n=2).stream("hi")] == ["hi"]
    assert "stream" not in body(requests)


def test_a_stream_never_asks_for_several_answers(make: Any, requests: Any) -> None:
    chunks = list(make(n=2)._stream([HumanMessage("hi")]))  # as events of version 3 do
    assert "".join(chunk.text for chunk in chunks) == "hi"
    assert "n" not in body(requests)


def test_streaming_true_answers_invoke_through_a_stream(make: Any, requests: Any) -> None:
    reply = make(streaming=True).invoke("hi there")
    assert body(requests)["stream"] is True
    assert (reply.text, reply.usage_metadata["output_tokens"]) == ("hi there", 2)


def test_logprobs_come_back_plain_and_streamed(make: Any) -> None:
    model = make(logprobs=True, top_logprobs=1)
    plain = model.invoke("one two").response_metadata["logprobs"]["content"]
    streamed = merged(model.stream("one two")).response_metadata["logprobs"]["content"]
    assert [token["token"] for token in plain] == [token["token"] for token in streamed]
    assert len(plain) == 2


def test_token_counts_of_a_batch_add_up(make: Any) -> None:
    result = make().generate([[HumanMessage("one")], [HumanMessage("one two")]])
    assert result.llm_output["model_name"] == "offline/echo"
    assert result.llm_output["token_usage"]["completion_tokens"] == 3
    assert result.llm_output["token_usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_a_refusal_is_kept_beside_the_text(make: Any, router: Any) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    router.queue(Status(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
    assert make().invoke("hi").additional_kwargs == {"refusal": "I will not."}


def test_media_reach_the_server_byte_for_byte(
    make: Any, requests: Any, small_files: dict[str, bytes]
) -> None:
    import base64

    def block(kind: str, name: str, mime: str) -> dict[str, str]:
        return {"type": kind, "base64": base64.b64encode(small_files[name]).decode(), "mime_type": mime}

    human = HumanMessage([block("image", "png", "image/png"), block("audio", "wav", "audio/wav")])
    call = {"name": "scan", "args": {}, "id": "c1", "type": "tool_call"}
    result = ToolMessage([block("file", "pdf", "application/pdf")], tool_call_id="c1")
    make().invoke([human, AIMessage("", tool_calls=[call]), result])
    assert [data for _, data in requests[-1].media] == [
        small_files["png"],
        small_files["wav"],
        small_files["pdf"],
    ]


HISTORY = [
    HumanMessage("draw"),
    AIMessage(
        "",
        additional_kwargs={"reasoning_content": "hm"},
        tool_calls=[{"name": "draw", "args": {}, "id": "c1", "type": "tool_call"}],
    ),
    ToolMessage([{"type": "image", "url": "https://example.org/a.png"}], tool_call_id="c1"),
]


def test_reasoning_and_media_of_tools_go_where_the_switches_say(make: Any, requests: Any) -> None:
    make().invoke(HISTORY)
    usual = body(requests)["messages"]
    assert [message["role"] for message in usual] == ["user", "assistant", "tool", "user"]
    assert isinstance(usual[2]["content"], str)
    assert "reasoning_content" not in usual[1]
    model = make(echo_reasoning=True, media_in_tool_messages=True)
    model.invoke(HISTORY)
    switched = body(requests)["messages"]
    assert [message["role"] for message in switched] == ["user", "assistant", "tool"]
    assert switched[2]["content"][0]["type"] == "image_url"
    assert switched[1]["reasoning_content"] == "hm"


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_think_tags_become_reasoning_on_request(streamed: bool, make: Any, router: Any) -> None:
    for wanted in (True, False):
        router.queue(Quirks(reasoning="<think>"))
        model = make("reasoner", reasoning_tags=wanted)
        message = merged(model.stream("What is 2+2?")) if streamed else model.invoke("What is 2+2?")
        kinds = [block["type"] for block in message.content_blocks]
        assert kinds == (["reasoning", "text"] if wanted else ["text"])
        assert ("<think>" in message.text) is not wanted


async def test_a_time_limit_of_the_call_wins(make: Any, router: Any) -> None:
    from langchain_hfrouter.errors import TimedOut

    router.queue(SlowHead(5), times=2)
    model = make(timeout=60, max_retries=0)
    with pytest.raises(TimedOut, match=r"0\.1 s"):
        model.invoke("hi", timeout=0.1)
    with pytest.raises(TimedOut, match=r"0\.1 s"):
        await model.ainvoke("hi", timeout=0.1)


class Answer(BaseModel):
    word: str


def test_a_class_bound_as_response_format_is_sent_as_its_schema(make: Any, requests: Any) -> None:
    make("json").bind(response_format=Answer).invoke("Give me a word.")
    sent = body(requests)["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "Answer"
    assert sent["json_schema"]["schema"]["required"] == ["word"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": math.nan}, "finite"),
        ({"timeout": -1}, "not a positive number"),
        ({"timeout": math.inf}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"n": 0}, "n: "),
        ({"api_key": "hf_with a space"}, "characters that no token has"),
        ({"async_transport": "smoke signals"}, "async_transport"),
        ({"logit_bias": [1]}, "logit_bias"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_settings_that_cannot_work_give_one_clear_error(settings: dict[str, Any], words: str) -> None:
    from langchain_core.exceptions import LangChainException

    from shared_core import ConfigError

    with pytest.raises(ConfigError, match=words) as caught:
        ChatHFRouter(**{"model": "a/b", **settings})
    assert isinstance(caught.value, LangChainException | ValueError)
    assert "a space" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("messages", "settings"),
    [
        ([], {}),
        ([ToolMessage("3", tool_call_id="never")], {}),
        ([HumanMessage([{"type": "image", "url": "/absent/path.png"}])], {}),
        ([HumanMessage("hi")], {"temperature": math.nan}),
        ([HumanMessage("hi")], {"tools": [{"no": "tool"}]}),
        ([HumanMessage("hi")], {"response_format": 3}),
    ],
    ids=[
        "no messages",
        "a result of no call",
        "a path",
        "NaN",
        "a tool that is none",
        "a schema that is none",
    ],
)
async def test_calls_that_cannot_work_fail_before_the_wire(
    messages: Any, settings: dict[str, Any], make: Any, requests: Any
) -> None:
    from shared_core import RouterError

    model = make()
    with pytest.raises(RouterError):
        model.invoke(messages, **settings)
    with pytest.raises(RouterError):
        list(model.stream(messages, **settings))
    with pytest.raises(RouterError):
        await model.ainvoke(messages, **settings)
    with pytest.raises(RouterError):
        [chunk async for chunk in model.astream(messages, **settings)]
    assert len(requests) == 0


def test_a_stop_that_is_none_is_told_in_the_servers_words(make: Any) -> None:
    from shared_core.errors import BadRequest

    with pytest.raises(BadRequest, match="stop"):
        make().invoke("hi", stop=5)
