"""Imperfect streams, reasoning, and errors: what providers really send, through LlamaIndex's calls."""

from __future__ import annotations

import json
import logging

import pytest
from li_tools import BOTH, WEATHER
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage

from llama_index_hfrouter import MalformedToolCall
from shared_core.errors import (
    BadRequest,
    ConfigError,
    ModelNotServed,
    RateLimited,
    RouterError,
    StreamInterrupted,
    Unauthorized,
)
from shared_core.testing import PROVIDER_QUIRKS, Cut, Quirks, Raw, Status, StreamError, offline_router

HELLO = [ChatMessage("one two three four")]


def sse(*chunks: object) -> Raw:
    return Raw(
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


def delta(finish: str | None = None, **fields: object) -> dict:
    return {"model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def call(**fields: object) -> dict:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**fields, "type": "function", "function": function}


class TestQuirks:
    @pytest.mark.parametrize("quirks", PROVIDER_QUIRKS.values(), ids=PROVIDER_QUIRKS.keys())
    async def test_text_of_every_recorded_provider(self, make_llm, server, quirks):
        server.queue(quirks, times=2)
        llm = make_llm("echo")
        sync = list(llm.stream_chat(HELLO))
        async_ = [chunk async for chunk in await llm.astream_chat(HELLO)]
        for chunks in (sync, async_):
            assert "".join(chunk.delta for chunk in chunks) == chunks[-1].message.content
            assert chunks[-1].message.content == "one two three four"
            assert sum("total_tokens" in chunk.additional_kwargs for chunk in chunks) <= 1

    @pytest.mark.parametrize(
        "quirks",
        [
            pytest.param(Quirks(calls="together"), id="two calls in one delta"),
            pytest.param(Quirks(calls="whole"), id="a whole call in one chunk"),
            pytest.param(Quirks(call_index="missing", call_id="every"), id="no index, id repeated"),
            pytest.param(Quirks(call_index="from one"), id="index from one"),
            pytest.param(
                Quirks(call_id="empty after", call_name="empty after"), id="empty id and name later"
            ),
            pytest.param(Quirks(call_name="null after"), id="name null later"),
            pytest.param(Quirks(call_id="missing"), id="no id at all"),
            pytest.param(Quirks(call_id="empty"), id="empty id"),
            pytest.param(Quirks(call_id="number"), id="id is a number"),
            pytest.param(Quirks(calls="whole", arguments_as_dict=True), id="arguments as an object"),
            pytest.param(Quirks(idle=('{"choices":[]}', "{}")), id="chunks without choices"),
        ],
    )
    async def test_streamed_parallel_calls(self, make_llm, server, quirks):
        server.queue(quirks)
        llm = make_llm("tools")
        stream = await llm.astream_chat_with_tools([WEATHER], BOTH, allow_parallel_tool_calls=True)
        async for chunk in stream:
            calls = llm.get_tool_calls_from_response(chunk, error_on_no_tool_call=False)
        assert [(one.tool_name, one.tool_kwargs) for one in calls] == [
            ("get_weather", {"city": "Paris"}),
            ("get_weather", {"city": "Rome"}),
        ]
        assert len({one.tool_id for one in calls} - {""}) == 2

    def test_empty_chunks_first_and_last(self, make_llm, server):
        server.queue(
            sse(
                {"choices": []},
                delta(role="assistant", content=""),
                delta(content="hi"),
                delta("stop"),
                {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}},
            )
        )
        chunks = list(make_llm("echo").stream_chat(HELLO))
        assert [chunk.delta for chunk in chunks] == ["hi", ""]
        assert chunks[-1].additional_kwargs["total_tokens"] == 4

    def test_text_beside_calls_is_kept(self, make_llm, server):
        server.queue(
            sse(
                delta(content="Let me see. "),
                delta(tool_calls=[call(index=0, id="a", name="get_weather", arguments='{"city"')]),
                delta(content="One moment."),
                delta(tool_calls=[call(index=0, arguments=': "Paris"}')]),
                delta("tool_calls"),
            )
        )
        last = list(make_llm("echo").stream_chat(HELLO))[-1]
        assert last.message.content == "Let me see. One moment."
        assert last.message.blocks[-1] == ToolCallBlock(
            tool_call_id="a", tool_name="get_weather", tool_kwargs={"city": "Paris"}
        )


class TestMalformedArguments:
    BROKEN = sse(
        delta(tool_calls=[call(index=0, id="a", name="get_weather", arguments='{"city": Par')]),
        delta("length"),
    )

    def test_they_stay_text_and_asking_for_them_is_an_error(self, make_llm, server):
        server.queue(self.BROKEN)
        llm = make_llm("echo")
        chunks = list(llm.stream_chat(HELLO))
        for chunk in chunks[:-1]:
            llm.get_tool_calls_from_response(chunk)
        assert chunks[-1].message.blocks[-1].tool_kwargs == '{"city": Par'
        with pytest.raises(MalformedToolCall, match="Par"):
            llm.get_tool_calls_from_response(chunks[-1])

    async def test_an_agent_does_not_call_the_tool_with_nothing(self, make_llm, server):
        server.queue(self.BROKEN)
        agent = FunctionAgent(llm=make_llm("tools"), tools=[WEATHER])
        with pytest.raises(MalformedToolCall, match="get_weather"):
            await agent.run("weather?")

    test_an_agent_does_not_call_the_tool_with_nothing = pytest.mark.filterwarnings(
        "ignore:The `__.*` attribute is deprecated",
        "ignore:Accessing the 'model_.*' attribute on the instance is deprecated",
    )(test_an_agent_does_not_call_the_tool_with_nothing)

    @pytest.mark.parametrize(
        ("text", "arguments"),
        [
            pytest.param("", {}, id="nothing"),
            pytest.param("null", {}, id="null"),
            pytest.param('"{\\"city\\": \\"Paris\\"}"', {"city": "Paris"}, id="encoded twice"),
            pytest.param('{"city": "a\nb"}', {"city": "a\nb"}, id="a raw line end in a string"),
        ],
    )
    def test_what_models_write_is_understood(self, make_llm, server, text, arguments):
        server.queue(
            sse(delta(tool_calls=[call(index=0, id="a", name="f", arguments=text)]), delta("tool_calls"))
        )
        llm = make_llm("echo")
        (found,) = llm.get_tool_calls_from_response(list(llm.stream_chat(HELLO))[-1])
        assert found.tool_kwargs == arguments


class TestReasoning:
    @pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "reasoning_text", "thinking"])
    async def test_every_spelling_streams_as_thinking(self, make_llm, server, field):
        server.queue(Quirks(reasoning=field))
        chunks = [chunk async for chunk in await make_llm("reasoner").astream_chat(HELLO)]
        thoughts = "".join(chunk.additional_kwargs.get("thinking_delta", "") for chunk in chunks)
        thinking, text = chunks[-1].message.blocks
        assert isinstance(thinking, ThinkingBlock)
        assert thinking.content == thoughts != ""
        assert isinstance(text, TextBlock)
        assert "".join(chunk.delta for chunk in chunks) == text.text

    def test_think_tags_are_split_off_when_asked(self, make_llm, server):
        server.queue(Quirks(reasoning="<think>"), times=2)
        split = list(make_llm("reasoner", reasoning_tags=True).stream_chat(HELLO))[-1]
        assert isinstance(split.message.blocks[0], ThinkingBlock)
        assert "<think>" not in split.message.content
        assert "<think>" in list(make_llm("reasoner").stream_chat(HELLO))[-1].message.content

    ONLY = (delta(reasoning="The answer"), delta(reasoning=" is 42."))

    @pytest.mark.parametrize(
        ("finish", "options", "text"),
        [
            pytest.param("stop", {}, "The answer is 42.", id="it stands in for the answer"),
            pytest.param("stop", {"reasoning_as_answer": False}, "", id="unless switched off"),
            pytest.param("length", {}, "", id="half a thought is no answer"),
        ],
    )
    def test_an_answer_of_reasoning_only(self, make_llm, server, caplog, finish, options, text):
        server.queue(sse(*self.ONLY, delta(finish)))
        with caplog.at_level(logging.WARNING, logger="llama_index_hfrouter"):
            chunks = list(make_llm("echo", **options).stream_chat(HELLO))
        assert (chunks[-1].message.content or "") == text
        assert "".join(chunk.delta for chunk in chunks) == text
        assert ("max_tokens" in caplog.text) == (finish == "length")

    def test_a_refusal_is_shown_and_marked(self, make_llm, server):
        server.queue(sse(delta(refusal="I must"), delta(refusal=" not."), delta("stop")))
        chunks = list(make_llm("echo").stream_chat(HELLO))
        assert chunks[-1].message.content == chunks[-1].additional_kwargs["refusal"] == "I must not."


class TestErrors:
    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            pytest.param(Status(401), Unauthorized, id="wrong token"),
            pytest.param(Status(429), RateLimited, id="too many"),
            pytest.param(Status(400), BadRequest, id="bad request"),
        ],
    )
    async def test_the_core_s_errors_come_through(self, make_llm, server, fault, kind):
        llm = make_llm("echo", max_retries=0)
        server.queue(fault, times=4)
        for attempt in (
            lambda: llm.chat(HELLO),
            lambda: list(llm.stream_chat(HELLO)),
        ):
            with pytest.raises(RouterError) as caught:
                attempt()
            assert isinstance(caught.value, kind)
        with pytest.raises(kind):
            await llm.achat(HELLO)
        with pytest.raises(kind):
            [chunk async for chunk in await llm.astream_chat(HELLO)]

    def test_retry_after_is_waited_for(self, make_llm, server):
        server.queue(Status(429, headers={"retry-after": "0"}))
        assert make_llm("echo").complete("hi").text == "hi"
        assert len(server.requests) == 2

    def test_an_unknown_model(self, make_llm):
        with pytest.raises(ModelNotServed, match="no-such-model"):
            make_llm("no-such-model").complete("hi")

    @pytest.mark.parametrize(
        "fault",
        [StreamError(after=3), Cut(after=3, chunks=True), Cut(after=3, chunks=True, how="end")],
        ids=repr,
    )
    async def test_a_broken_stream_keeps_what_arrived(self, make_llm, server, fault):
        server.queue(fault, times=2)
        llm = make_llm("echo")
        with pytest.raises(StreamInterrupted) as caught:
            list(llm.stream_chat(HELLO))
        assert caught.value.partial.text.startswith("one")
        with pytest.raises(StreamInterrupted):
            [chunk async for chunk in await llm.astream_chat(HELLO)]

    @pytest.mark.parametrize(
        ("attempt", "word"),
        [
            pytest.param(lambda llm: llm.chat([]), "message", id="no messages"),
            pytest.param(lambda llm: llm.complete("x", temperature=float("nan")), "finite", id="NaN"),
            pytest.param(lambda llm: llm.complete("x", tempreature=1), "tempreature", id="unknown parameter"),
            pytest.param(
                lambda llm: llm.chat(
                    [
                        ChatMessage("x"),
                        ChatMessage("5", role="tool", additional_kwargs={"tool_call_id": "no"}),
                    ]
                ),
                "no",
                id="a result of no call",
            ),
            pytest.param(
                lambda llm: llm.chat_with_tools([WEATHER], "x", tool_choice="fly"), "fly", id="no such tool"
            ),
            pytest.param(
                lambda llm: llm.chat_with_tools([WEATHER], "x", tool_choice=True),
                "required",
                id="no name at all",
            ),
        ],
    )
    def test_bad_input_is_refused_before_the_wire(self, make_llm, server, attempt, word):
        with pytest.raises((BadRequest, ConfigError), match=word):
            attempt(make_llm("echo"))
        assert server.requests == []


def test_a_server_that_wants_a_token_gets_it(canary):
    from llama_index_hfrouter import HFRouterLLM

    with offline_router(token=canary, embedder="words") as url:
        llm = HFRouterLLM(model="offline/echo", base_url=str(url), api_key=canary)
        assert llm.complete("hi").text == "hi"
        with pytest.raises(Unauthorized):
            HFRouterLLM(model="offline/echo", base_url=str(url)).complete("hi")
