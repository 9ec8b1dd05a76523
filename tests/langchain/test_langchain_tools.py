"""Tools and tool choice: every form that LangChain knows."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from langchain_hfrouter.tool_binding import choice_to_wire, tools_to_wire
from shared_core.errors import ConfigError


@tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def multiply(a: int, b: int) -> int:
    """Multiplies two numbers."""
    return a * b


class Weather(BaseModel):
    """Asks for the weather."""

    city: str = Field(description="A city.")


class Time(TypedDict):
    """Asks for the time."""

    zone: str


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


OPENAI = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
ANTHROPIC = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {"title": "f", "type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (add, "add"),
        (multiply, "multiply"),
        (Weather, "Weather"),
        (Time, "Time"),
        (OPENAI, "f"),
        (ANTHROPIC, "f"),
        (SCHEMA, "f"),
    ],
    ids=["a @tool", "a function", "Pydantic", "TypedDict", "OpenAI", "Anthropic", "JSON schema"],
)
def test_every_kind_of_tool_becomes_openais(given: Any, name: str) -> None:
    (wire,) = tools_to_wire([given])
    assert wire["type"] == "function"
    assert wire["function"]["name"] == name
    assert "strict" not in wire["function"]


@pytest.mark.parametrize("strict", [True, False])
def test_strict_is_sent_when_it_is_given(strict: bool) -> None:
    assert tools_to_wire([Weather], strict=strict)[0]["function"]["strict"] is strict


@pytest.mark.parametrize("given", [3, {"type": "object", "properties": {}}, {}], ids=str)
def test_what_is_no_tool_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="not a tool"):
        tools_to_wire([given])


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (None, None),
        (False, None),
        (True, "required"),
        ("any", "required"),
        ("required", "required"),
        ("auto", "auto"),
        ("none", "none"),
        ("add", named("add")),
        (named("add"), named("add")),
        ({"function": {"name": "add"}}, named("add")),
        ({"type": "tool", "name": "add"}, named("add")),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
        ({"name": "add"}, named("add")),
        ({"type": "mcp", "server_label": "x"}, {"type": "mcp", "server_label": "x"}),
    ],
    ids=str,
)
def test_every_form_of_tool_choice(choice: Any, wire: Any) -> None:
    assert choice_to_wire(choice, tools_to_wire([add, multiply])) == wire


@pytest.mark.parametrize("choice", ["subtract", {"type": "tool", "name": "subtract"}, 3], ids=str)
def test_a_choice_that_is_not_on_offer_is_refused(choice: Any) -> None:
    with pytest.raises(ConfigError):
        choice_to_wire(choice, tools_to_wire([add, multiply]))


def test_bound_tools_reach_the_wire(make: Any, requests: Any) -> None:
    bound = make("tools").bind_tools(
        [add, multiply], tool_choice="multiply", strict=True, parallel_tool_calls=False, temperature=0.5
    )
    assert isinstance(bound, RunnableBinding)
    bound.invoke("Multiply 3 by 4.")
    sent = requests[-1].json
    assert [each["function"]["name"] for each in sent["tools"]] == ["add", "multiply"]
    assert all(each["function"]["strict"] for each in sent["tools"])
    assert sent["tool_choice"] == named("multiply")
    assert (sent["parallel_tool_calls"], sent["temperature"]) == (False, 0.5)


def test_nothing_about_tools_is_sent_that_was_not_given(make: Any, requests: Any) -> None:
    make("tools").bind_tools([add]).invoke("hi")
    assert requests[-1].json.keys() == {"model", "messages", "tools"}
    make("tools").bind_tools([]).invoke("hi")
    assert requests[-1].json.keys() == {"model", "messages"}


def test_tools_bound_by_plain_bind_are_converted_too(make: Any, requests: Any) -> None:
    reply = make("tools").bind(tools=[multiply], tool_choice="any").invoke("Multiply 3 by 4.")
    assert requests[-1].json["tool_choice"] == "required"
    assert reply.tool_calls[0]["args"] == {"a": 3, "b": 4}


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_several_calls_in_one_answer(streamed: bool, make: Any) -> None:
    bound = make("tools").bind_tools([Weather])
    question = "What is the weather in Paris and in Rome?"
    if streamed:
        first, *rest = list(bound.stream(question))
        message = sum(rest, first)
    else:
        message = bound.invoke(question)
    assert [call["args"] for call in message.tool_calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert len({call["id"] for call in message.tool_calls}) == 2


@pytest.mark.pinned_set
async def test_an_agent_calls_a_tool_and_answers(make: Any) -> None:
    from langchain.agents import create_agent

    agent = create_agent(make("tools"), [add])
    question = {"messages": [("user", "What is 20 + 22?")]}
    for state in (agent.invoke(question), await agent.ainvoke(question)):
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
        assert state["messages"][-2].content == "42"
        assert "42" in state["messages"][-1].text


@pytest.mark.pinned_set
def test_an_agent_answers_in_a_schema_by_the_providers_own_means(make: Any, requests: Any) -> None:
    from langchain.agents import create_agent

    model = make("json", profile={"structured_output": True, "tool_calling": True})
    agent = create_agent(model, [], response_format=Weather)
    state = agent.invoke({"messages": [("user", "The weather in Paris, please.")]})
    assert isinstance(state["structured_response"], Weather)
    assert requests[-1].json["response_format"]["json_schema"]["name"] == "Weather"
