"""Agents: functions, ReAct, hand-over, saved contexts, limits, media from tools, cancelling."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from li_tools import ADD, WEATHER, add
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
)
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from pydantic import BaseModel
from workflows.errors import WorkflowCancelledByUser, WorkflowRuntimeError

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


RECENT = "early_stopping_method" in FunctionAgent.model_fields  # newer than our oldest LlamaIndex


class Sum(BaseModel):
    """The result of a sum."""

    value: int


def take_photo() -> list:
    """Take a photo of the sea."""
    return [TextBlock(text="a photo of the sea"), ImageBlock(image=PNG)]


def agent_of(llm, streaming=True, **options):
    options.setdefault("tools", [ADD, WEATHER])
    return FunctionAgent(llm=llm, streaming=streaming, system_prompt="Use the tools.", **options)


# Workflows look at every attribute of an agent, also at those that pydantic has deprecated.
@pytest.mark.filterwarnings("ignore:The `__.*` attribute is deprecated")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance is deprecated")
@pytest.mark.filterwarnings("ignore:is_running called from within a step")
# With pydantic 2.14 LlamaIndex 0.14.25 cannot serialise its own SimpleChatStore, and leaves it out.
@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key. memory")
class AgentsSuite:
    @pytest.fixture
    async def memory(self):
        kept = Memory.from_defaults(token_limit=3000)
        yield kept
        if kept.sql_store._async_engine is not None:  # its own way to close is missing
            await kept.sql_store._async_engine.dispose()

    @pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "not streaming"])
    async def test_a_function_agent_calls_a_tool_and_answers(self, make_llm, streaming):
        result = await agent_of(make_llm("tools"), streaming).run("add 2 and 3")
        assert "5" in str(result)
        assert [call.tool_name for call in result.tool_calls] == ["add"]

    @pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "not streaming"])
    async def test_a_function_agent_calls_tools_in_parallel(self, make_llm, server, streaming):
        result = await agent_of(make_llm("tools"), streaming).run("weather in Paris and Rome")
        assert [call.tool_kwargs["city"] for call in result.tool_calls] == ["Paris", "Rome"]
        assert "Paris" in str(result)
        if streaming or RECENT:  # before, agents that do not stream took one call at a time
            assert [m["role"] for m in server.requests[1].json["messages"][-2:]] == ["tool", "tool"]

    @pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "not streaming"])
    async def test_an_agent_that_may_not_calls_one_tool_at_a_time(self, make_llm, server, streaming):
        agent = agent_of(make_llm("tools"), streaming, allow_parallel_tool_calls=False)
        await agent.run("weather in Paris and Rome")
        asked = server.requests[1].json["messages"]
        assert [message["role"] for message in asked] == ["system", "user", "assistant", "tool"]
        assert len(asked[2]["tool_calls"]) == 1

    async def test_the_stream_shows_the_answer_growing(self, make_llm):
        handler = agent_of(make_llm("tools")).run("add 2 and 3")
        streamed = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
        answer = str(await handler)
        assert "".join(event.delta for event in streamed) == answer
        assert streamed[-1].raw["usage"]["total_tokens"] > 0

    async def test_an_output_class_is_filled(self, make_llm):
        result = await agent_of(make_llm("tools"), output_cls=Sum).run("add 2 and 3")
        assert isinstance(result.get_pydantic_model(Sum), Sum)

    async def test_the_first_tool_can_be_chosen(self, make_llm, server):
        await agent_of(make_llm("tools"), initial_tool_choice="get_weather").run("hello there in Paris")
        first, second = server.requests[0].json, server.requests[1].json
        assert first["tool_choice"]["function"]["name"] == "get_weather"
        assert "tool_choice" not in second

    async def test_a_tool_may_give_the_answer_itself(self, make_llm):
        direct = FunctionTool.from_defaults(add, return_direct=True)
        result = await agent_of(make_llm("tools"), tools=[direct]).run("add 2 and 3")
        assert str(result) == "5"

    async def test_a_second_question_follows_a_direct_answer(self, make_llm):
        agent = agent_of(make_llm("tools"), tools=[FunctionTool.from_defaults(add, return_direct=True)])
        context = Context(agent)
        await agent.run("add 2 and 3", ctx=context)
        assert str(await agent.run("add 4 and 5", ctx=context)) == "9"

    async def test_an_error_in_a_tool_goes_to_the_model(self, make_llm, server):
        def broken(city: str) -> str:
            """Get the weather of a city."""
            raise RuntimeError("the satellite is down")

        tool = FunctionTool.from_defaults(broken, name="get_weather")
        await agent_of(make_llm("tools"), tools=[tool]).run("weather in Paris")
        assert "the satellite is down" in server.requests[1].json["messages"][-1]["content"]

    async def test_the_iteration_limit_stops_an_agent(self, make_llm):
        with pytest.raises(WorkflowRuntimeError, match="Max iterations"):
            await agent_of(make_llm("tools")).run("add 2 and 3", max_iterations=1)

    if RECENT:

        async def test_an_agent_at_its_limit_may_still_answer(self, make_llm):
            agent = agent_of(make_llm("tools"), early_stopping_method="generate")
            assert str(await agent.run("add 2 and 3", max_iterations=1))

    async def test_media_that_a_tool_returns_reach_the_model(self, make_llm, server):
        tool = FunctionTool.from_defaults(take_photo)
        result = await agent_of(make_llm("tools"), tools=[tool]).run("take a photo of the sea")
        assert "image/png" in str(result)
        assert server.requests[-1].media == [("image/png", PNG)]

    @pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "not streaming"])
    async def test_a_react_agent_reasons_and_acts(self, make_llm, streaming):
        agent = ReActAgent(tools=[ADD], llm=make_llm("tools"), streaming=streaming)
        result = await agent.run("What is 20 add 22?")
        assert "42" in str(result)

    async def test_a_code_act_agent_answers(self, make_llm):
        agent = CodeActAgent(code_execute_fn=lambda code: code, llm=make_llm("echo"), tools=[ADD])
        assert "hello" in str(await agent.run("hello there"))

    async def test_one_agent_hands_over_to_another(self, make_llm):
        llm = make_llm("tools")
        clerk = FunctionAgent(
            name="clerk", description="Talks to people.", llm=llm, can_handoff_to=["counter"], tools=[]
        )
        counter = FunctionAgent(name="counter", description="Adds numbers.", llm=llm, tools=[ADD])
        workflow = AgentWorkflow(agents=[clerk, counter], root_agent="clerk")
        handler = workflow.run("handoff to counter: add 2 and 3")
        agents = {
            event.current_agent_name async for event in handler.stream_events() if hasattr(event, "input")
        }
        assert "5" in str(await handler)
        assert agents == {"clerk", "counter"}

    async def test_a_context_survives_json(self, make_llm, canary):
        agent = agent_of(make_llm("tools", api_key=canary))
        context = Context(agent)
        await agent.run("add 2 and 3", ctx=context)
        saved = json.dumps(context.to_dict())
        assert canary not in saved
        result = await agent.run("add 10 and 20", ctx=Context.from_dict(agent, json.loads(saved)))
        assert "30" in str(result)

    async def test_what_an_agent_remembers_is_plain_json(self, make_llm, memory):
        await agent_of(make_llm("tools", reasoning_effort="high")).run("add 2 and 3", memory=memory)
        messages = await memory.aget_all()
        assert [message.role.value for message in messages] == ["user", "assistant", "tool", "assistant"]
        for message in messages:
            assert ChatMessage.model_validate(json.loads(json.dumps(message.model_dump()))) == message

    async def test_reasoning_reaches_the_agent_s_events(self, make_llm):
        agent = agent_of(make_llm("tools", reasoning_effort="high"))
        handler = agent.run("add 2 and 3")
        thoughts = [
            event.thinking_delta async for event in handler.stream_events() if isinstance(event, AgentStream)
        ]
        await handler
        assert "".join(thought or "" for thought in thoughts)

    async def test_the_buffer_keeps_tool_turns(self, make_llm):
        buffer = ChatMemoryBuffer.from_defaults(token_limit=3000)
        agent = agent_of(make_llm("tools"))
        await agent.run("add 2 and 3", memory=buffer)
        assert "9" in str(await agent.run("add 4 and 5", memory=buffer))

    async def test_the_memory_keeps_tool_turns(self, make_llm, memory):
        agent = agent_of(make_llm("tools"))
        await agent.run("add 2 and 3", memory=memory)
        assert "9" in str(await agent.run("add 4 and 5", memory=memory))

    async def test_cancelling_a_run_closes_the_stream(self, make_llm, server, slow_stream):
        server.queue(slow_stream)
        handler = agent_of(make_llm("tools"), tools=[]).run("tell me a story about a very long river")
        async for event in handler.stream_events():
            if isinstance(event, AgentStream):
                break
        await handler.cancel_run()
        with pytest.raises(WorkflowCancelledByUser):
            await handler
        assert await asyncio.to_thread(server.wait_idle)
        assert server.requests[0].outcome == "client left"
