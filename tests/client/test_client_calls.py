"""A call from end to end, sync and async, on every transport: the answer, the stream, the errors, the connection."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared_core import errors
from shared_core.testing import PROVIDER_QUIRKS, Cut, ExtraHeaders, OfflineRouter, Raw, Status, StreamError
from shared_core.types import ChatDelta

HELLO = [{"role": "user", "content": "one two three four five six"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a given location.",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
AT_ONCE = {"retry-after": "0"}


def test_a_chat_gives_the_answer_and_who_gave_it(make: Any, offline_url: OfflineRouter) -> None:
    reply = make().chat()
    assert "one two three" in reply.text
    assert reply.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    assert reply.meta.model == "offline/echo"
    assert (reply.meta.attempts, reply.meta.first_token_s) == (1, None)
    assert reply.meta.request_id == reply.meta.headers["x-request-id"]
    assert 0 < reply.meta.latency_s < 20
    assert reply.raw["choices"]
    assert offline_url.requests[-1].model_first


def test_a_stream_gives_the_same_answer_in_pieces(make: Any) -> None:
    caller = make()
    deltas, stream = caller.stream()
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas) == stream.reply.text == caller.chat().text
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]
    assert deltas[-1] == ChatDelta(usage=stream.reply.usage)
    assert sum(delta.usage is not None for delta in deltas) == 1
    assert 0 < stream.reply.meta.first_token_s <= stream.reply.meta.latency_s
    assert stream.reply.meta.attempts == 1


def test_a_tool_call_comes_the_same_both_ways(make: Any) -> None:
    caller = make(model="offline/tools")
    (call,) = caller.chat(WEATHER, tools=[TOOL]).tool_calls
    assert (call.name, call.parsed()) == ("get_weather", {"location": "Paris"})
    _, stream = caller.stream(WEATHER, tools=[TOOL])
    (streamed,) = stream.reply.tool_calls
    assert (streamed.name, streamed.arguments) == (call.name, call.arguments)
    assert stream.reply.finish_reason == "tool_calls"


def test_reasoning_comes_apart_from_the_answer(make: Any) -> None:
    caller = make(model="offline/reasoner")
    plain = caller.chat()
    _, stream = caller.stream()
    assert plain.reasoning
    assert plain.text
    assert (stream.reply.reasoning, stream.reply.text) == (plain.reasoning, plain.text)


@pytest.mark.parametrize("provider", PROVIDER_QUIRKS)
def test_a_provider_streams_in_its_own_way_and_comes_out_right(
    make_plain: Any, offline_url: OfflineRouter, provider: str
) -> None:
    caller = make_plain()
    expected = caller.chat()
    offline_url.queue(PROVIDER_QUIRKS[provider])
    _, stream = caller.stream()
    assert (stream.reply.text, stream.reply.finish_reason) == (expected.text, "stop")
    if stream.reply.usage is not None:
        assert stream.reply.usage[:3] == expected.usage[:3]


@pytest.mark.parametrize("provider", PROVIDER_QUIRKS)
def test_a_provider_calls_tools_in_its_own_way_and_comes_out_right(
    make_plain: Any, offline_url: OfflineRouter, provider: str
) -> None:
    caller = make_plain(model="offline/tools")
    offline_url.queue(PROVIDER_QUIRKS[provider], times=2)
    for reply in (caller.chat(WEATHER, tools=[TOOL]), caller.stream(WEATHER, tools=[TOOL])[1].reply):
        (call,) = reply.tool_calls
        assert (call.name, call.parsed()) == ("get_weather", {"location": "Paris"})
        assert call.id
        assert reply.finish_reason == "tool_calls"


def test_several_answers_come_apart(make_plain: Any) -> None:
    caller = make_plain()
    assert [choice.index for choice in caller.chat(n=2).choices] == [0, 1]
    _, stream = caller.stream(n=2)
    assert [choice.index for choice in stream.reply.choices] == [0, 1]


def test_calls_one_after_another_share_one_connection(make: Any, offline_url: OfflineRouter) -> None:
    caller = make()
    caller.chat()
    before = offline_url.connections
    for _ in range(3):
        caller.chat()
        caller.stream()
    assert offline_url.connections == before
    assert len({request.connection for request in offline_url.requests}) == 1


def test_leaving_a_stream_early_frees_its_connection(make: Any, offline_url: OfflineRouter) -> None:
    caller = make()
    caller.chat()
    assert offline_url.wait_idle()
    open_before = offline_url.open_connections
    deltas, stream = caller.stream(leave_after=2)
    assert len(deltas) == 2
    assert offline_url.wait_idle()
    assert offline_url.wait_closed(left=open_before)
    with pytest.raises(errors.ConfigError, match="not finished"):
        _ = stream.reply
    assert "one two three" in caller.chat().text


def test_nothing_is_sent_for_a_stream_that_nobody_reads(make: Any, offline_url: OfflineRouter) -> None:
    caller = make()
    caller.stream(leave_after=1)
    sent = len(offline_url.requests)
    stream = caller.router.stream(HELLO)
    caller._wait(stream.close())
    assert len(offline_url.requests) == sent


def test_a_transient_failure_is_tried_again_and_the_reply_says_so(
    make: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(503, {"error": "Service Unavailable"}, AT_ONCE), Status(429, headers=AT_ONCE))
    assert make().chat().meta.attempts == 3
    offline_url.queue(Status(500, headers=AT_ONCE))
    _, stream = make().stream()
    assert stream.reply.meta.attempts == 2


def test_no_retries_means_one_try(make: Any, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503, {"error": "Service Unavailable"}, AT_ONCE))
    with pytest.raises(errors.Overloaded) as caught:
        make(max_retries=0).chat()
    assert caught.value.attempts == 1
    assert len(offline_url.requests) == 1


def test_success_with_a_retry_after_header_is_not_repeated(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(ExtraHeaders({"retry-after": "30"}))
    make_plain().chat()
    assert len(offline_url.requests) == 1


REFUSALS: dict[str, tuple[Any, type[errors.RouterError]]] = {
    "400": (Status(400), errors.RouterError),
    "401": (Status(401), errors.Unauthorized),
    "402": (Status(402), errors.PaymentRequired),
    "403": (Status(403), errors.PermissionDenied),
    "404": (Status(404), errors.ModelNotServed),
    "413": (Status(413), errors.InputTooLong),
    "422": (Status(422), errors.RouterError),
    "a redirect": (Status(307, b"", {"location": "http://127.0.0.1:1/v1"}), errors.ModelNotServed),
}


@pytest.mark.parametrize(("fault", "kind"), REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_refusal_comes_out_at_once_and_knows_whom_it_happened_to(
    make: Any, offline_url: OfflineRouter, fault: Any, kind: type[errors.RouterError], streamed: bool
) -> None:
    offline_url.queue(fault)
    caller = make(model="offline/echo:groq", max_retries=2)
    with pytest.raises(kind) as caught:
        caller.stream() if streamed else caller.chat()
    error = caught.value
    assert (error.status, error.model, error.attempts) == (fault.status, "offline/echo:groq", 1)
    assert error.provider
    assert error.request_id
    assert len(offline_url.requests) == 1
    assert error.__context__ is None
    assert error.__cause__ is None


BREAKS: dict[str, tuple[Any, type[errors.RouterError]]] = {
    "the connection closes": (Cut(after=3, chunks=True, how="close"), errors.ConnectionLost),
    "the connection is reset": (Cut(after=3, chunks=True, how="reset"), errors.ConnectionLost),
    "the stream ends without an end": (Cut(after=3, chunks=True, how="end"), errors.MalformedResponse),
    "the stream carries an error": (StreamError(after=3), errors.ProviderFailed),
}


@pytest.mark.parametrize(("fault", "cause"), BREAKS.values(), ids=BREAKS.keys())
def test_a_stream_that_breaks_keeps_what_arrived_and_is_not_sent_again(
    make: Any, offline_url: OfflineRouter, fault: Any, cause: type[errors.RouterError]
) -> None:
    offline_url.queue(fault)
    deltas: list[ChatDelta] = []
    with pytest.raises(errors.StreamInterrupted) as caught:
        make(max_retries=2).stream(keep=deltas)
    error = caught.value
    assert type(error.cause) is cause
    assert error.partial.text == "".join(delta.text for delta in deltas) != ""
    assert error.partial.finish_reason is None
    assert (error.model, error.attempts, len(offline_url.requests)) == ("offline/echo", 1, 1)


def test_a_stream_that_breaks_before_its_first_token_is_sent_again(
    make: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Cut(after=0, how="close"))
    _, stream = make().stream()
    assert stream.reply.meta.attempts == 2


def test_after_a_failure_the_stream_has_ended_and_the_client_goes_on(
    make: Any, offline_url: OfflineRouter
) -> None:
    caller = make()
    offline_url.queue(Cut(after=3, chunks=True, how="reset"))
    with pytest.raises(errors.StreamInterrupted):
        caller.stream()
    assert caller.chat().finish_reason == "stop"


def test_a_server_that_does_not_stream_is_read_all_the_same(make: Any, offline_url: OfflineRouter) -> None:
    body = (
        b'{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":'
        b'[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],'
        b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    )
    offline_url.queue(Raw(body, content_type="application/json"))
    deltas, stream = make().stream()
    assert "".join(delta.text for delta in deltas) == stream.reply.text == "Hi"
    assert deltas[0].tool_calls[0].name == stream.reply.tool_calls[0].name == "f"
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["tool_calls"]
    assert deltas[-1].usage == stream.reply.usage
    assert stream.reply.meta.first_token_s is not None


EMPTY = {
    "no choices": b'{"choices": []}',
    "no choices at all": b"{}",
    "a list": b"[1]",
    "a number": b"7",
    "null": b"null",
    "nothing": b"",
    "choices that are none": b'{"choices": [7, null]}',
    "cut JSON": b'{"choices": [{"mess',
    "brackets without end": b"[" * 50_000,
}


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_success_without_an_answer_is_an_error(
    make_plain: Any, offline_url: OfflineRouter, body: bytes, streamed: bool
) -> None:
    offline_url.queue(Raw(body, content_type="application/json"))
    caller = make_plain(max_retries=0)
    with pytest.raises(errors.MalformedResponse):
        caller.stream() if streamed else caller.chat()


def test_a_web_page_in_place_of_an_answer_is_told_as_such(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Raw(b"<html><title>Please log in</title></html>", content_type="text/html"), times=2)
    for call in (make_plain(max_retries=0).chat, make_plain(max_retries=0).stream):
        with pytest.raises(errors.MalformedResponse, match=r"web page.*Please log in"):
            call()


def test_a_success_that_carries_an_error_is_that_error(make_plain: Any, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(200, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}))
    with pytest.raises(errors.RateLimited, match="slow down"):
        make_plain(max_retries=0).chat()


def test_a_loading_model_is_an_error_unless_one_waits_for_it(make: Any, offline_url: OfflineRouter) -> None:
    loading = Status(503, {"error": "Model offline/echo is currently loading", "estimated_time": 0.01})
    offline_url.queue(loading)
    with pytest.raises(errors.ModelLoading) as caught:
        make().chat()
    assert caught.value.retry_after == 0.01
    offline_url.queue(loading, times=5)
    assert make(wait_for_model=True, max_retries=0).chat().meta.attempts == 6


def test_every_parameter_and_header_of_a_call_reaches_the_server(
    make: Any, offline_url: OfflineRouter
) -> None:
    caller = make(
        bill_to="acme",
        default_headers={"X-Team": "blue"},
        extra_body={"guided": 1, "top_a": 2},
        provider="groq",
    )
    caller.chat(temperature=0.5, seed=None, extra_body={"top_a": 3}, extra_headers={"X-Once": "yes"})
    (request,) = offline_url.requests
    assert request.json == {
        "model": "offline/echo:groq",
        "messages": HELLO,
        "temperature": 0.5,
        "guided": 1,
        "top_a": 3,
    }
    expected = {
        "x-hf-bill-to": "acme",
        "x-team": "blue",
        "x-once": "yes",
        "authorization": "Bearer any",
        "content-type": "application/json",
    }
    assert expected.items() <= request.headers.items()
    assert re.fullmatch(r"hfrouter/[0-9.a-z+]+", request.headers["user-agent"])


def test_what_is_special_to_one_call_does_not_stay(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain()
    caller.chat(extra_body={"top_a": 3}, extra_headers={"X-Once": "yes"}, model="offline/reasoner")
    caller.chat()
    request = offline_url.requests[-1]
    assert request.json == {"model": "offline/echo", "messages": HELLO}
    assert "x-once" not in request.headers


def test_a_stream_that_is_printed_shows_no_more_than_its_state(make_plain: Any) -> None:
    caller = make_plain()
    _, stream = caller.stream()
    assert re.fullmatch(r"<(Async)?ChatStream ended>", repr(stream))
