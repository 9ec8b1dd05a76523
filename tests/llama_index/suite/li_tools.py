"""Tools: choice, parallel calls, history, streams, what reaches the wire."""

from __future__ import annotations

import copy

import pytest
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"sunny in {city}"


ADD = FunctionTool.from_defaults(add)
WEATHER = FunctionTool.from_defaults(get_weather)
BOTH = "weather in Paris and Rome"


class ToolsSuite:
    def test_a_tool_is_called_with_its_arguments(self, make_llm):
        llm = make_llm("tools")
        response = llm.chat_with_tools([ADD, WEATHER], "add 2 and 3")
        (call,) = llm.get_tool_calls_from_response(response)
        assert (call.tool_name, call.tool_kwargs) == ("add", {"a": 2, "b": 3})
        assert call.tool_id
        (block,) = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
        assert block.tool_kwargs == {"a": 2, "b": 3}

    @pytest.mark.parametrize(
        ("asked", "sent"),
        [
            pytest.param({}, None, id="nothing asked, nothing sent"),
            pytest.param({"tool_choice": None}, None, id="None is accepted"),
            pytest.param({"tool_required": True}, "required", id="required"),
            pytest.param({"tool_choice": "any"}, "required", id="any is OpenAI's required"),
            pytest.param({"tool_choice": "auto"}, "auto", id="auto"),
            pytest.param(
                {"tool_choice": "none", "tool_required": True}, "none", id="a choice beats required"
            ),
            pytest.param(
                {"tool_choice": "get_weather"},
                {"type": "function", "function": {"name": "get_weather"}},
                id="by name",
            ),
            pytest.param(
                {"tool_choice": {"type": "function", "function": {"name": "add"}}},
                {"type": "function", "function": {"name": "add"}},
                id="OpenAI's dictionary",
            ),
        ],
    )
    def test_tool_choice(self, make_llm, server, asked, sent):
        make_llm("tools").chat_with_tools([ADD, WEATHER], "hello", **asked)
        assert server.requests[0].json.get("tool_choice") == sent

    async def test_every_style_forces_a_tool(self, make_llm):
        llm = make_llm("tools")
        plain = llm.chat_with_tools([ADD], "hello", tool_required=True)
        async_ = await llm.achat_with_tools([ADD], "hello", tool_required=True)
        streamed = list(llm.stream_chat_with_tools([ADD], "hello", tool_required=True))[-1]
        astream = await llm.astream_chat_with_tools([ADD], "hello", tool_required=True)
        for response in (plain, async_, streamed, [chunk async for chunk in astream][-1]):
            assert llm.get_tool_calls_from_response(response)[0].tool_name == "add"

    def test_parallel_calls_come_all_when_allowed(self, make_llm, server):
        llm = make_llm("tools")
        response = llm.chat_with_tools([WEATHER], BOTH, allow_parallel_tool_calls=True)
        calls = llm.get_tool_calls_from_response(response)
        assert [call.tool_kwargs["city"] for call in calls] == ["Paris", "Rome"]
        assert server.requests[0].json["parallel_tool_calls"] is True

    def test_only_one_call_comes_when_parallel_ones_are_not_allowed(self, make_llm, server):
        llm = make_llm("tools")
        response = llm.chat_with_tools([WEATHER], BOTH)
        assert len(llm.get_tool_calls_from_response(response)) == 1
        assert "parallel_tool_calls" not in server.requests[0].json

    async def test_only_one_call_streams_when_parallel_ones_are_not_allowed(self, make_llm):
        llm = make_llm("tools")
        plain = list(llm.stream_chat_with_tools([WEATHER], BOTH))
        async_ = [chunk async for chunk in await llm.astream_chat_with_tools([WEATHER], BOTH)]
        for chunks in (plain, async_):
            assert [call.tool_kwargs for call in llm.get_tool_calls_from_response(chunks[-1])] == [
                {"city": "Paris"}
            ]
            assert len(chunks[-1].message.additional_kwargs["tool_calls"]) == 1
            assert all(len(chunk.message.blocks) <= 1 for chunk in chunks)

    def test_nothing_is_sent_that_was_not_asked_for(self, make_llm, server):
        make_llm("tools").chat_with_tools([ADD], "add 1 and 2")
        body = server.requests[0].json
        assert set(body) == {"model", "messages", "tools"}
        assert "strict" not in body["tools"][0]["function"]

    def test_the_history_is_not_changed(self, make_llm):
        history = [ChatMessage("hi"), ChatMessage("hello", role="assistant")]
        before = copy.deepcopy(history)
        make_llm("tools").chat_with_tools([ADD], "add 2 and 3", chat_history=history)
        assert history == before

    async def test_streamed_parallel_calls_are_readable_at_every_chunk(self, make_llm):
        llm = make_llm("tools")
        stream = await llm.astream_chat_with_tools([WEATHER], BOTH, allow_parallel_tool_calls=True)
        counts = []
        async for chunk in stream:
            calls = llm.get_tool_calls_from_response(chunk, error_on_no_tool_call=False)
            counts.append(len(calls))
        assert counts == sorted(counts)
        assert [call.tool_kwargs["city"] for call in calls] == ["Paris", "Rome"]
        assert len({call.tool_id for call in calls}) == 2
        blocks = [block for block in chunk.message.blocks if isinstance(block, ToolCallBlock)]
        assert [block.tool_kwargs for block in blocks] == [{"city": "Paris"}, {"city": "Rome"}]

    async def test_predict_and_call(self, make_llm):
        llm = make_llm("tools")
        assert llm.predict_and_call([ADD], "add 2 and 3").response == "5"
        assert (await llm.apredict_and_call([ADD], "add 2 and 3")).response == "5"

    async def test_predict_and_call_in_parallel(self, make_llm):
        answer = await make_llm("tools").apredict_and_call([WEATHER], BOTH, allow_parallel_tool_calls=True)
        assert answer.response == "sunny in Paris\n\nsunny in Rome"

    def test_a_missing_call_is_an_error_only_when_asked_to_be(self, make_llm):
        llm = make_llm("tools")
        response = llm.chat_with_tools([ADD], "good morning")
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match="at least one tool call"):
            llm.get_tool_calls_from_response(response)

    def test_a_result_goes_back_and_is_answered(self, make_llm, server):
        llm = make_llm("tools")
        history = [ChatMessage("add 2 and 3")]
        response = llm.chat_with_tools([ADD], chat_history=history)
        call = llm.get_tool_calls_from_response(response)[0]
        result = ChatMessage("5", role="tool", additional_kwargs={"tool_call_id": call.tool_id})
        answer = llm.chat_with_tools([ADD], chat_history=[*history, response.message, result])
        assert "5" in answer.message.content
        sent = server.requests[1].json["messages"]
        assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == call.tool_id
