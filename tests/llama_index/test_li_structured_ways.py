"""Which way structured output goes, when it turns to the next one, and what it says when none leads there."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum

import pytest
from li_structured import FORMS, PROMPT, Person, form_name
from llama_index.core.tools import FunctionTool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, ConfigDict, RootModel, create_model

from llama_index_hfrouter import HFRouterLLM, NoToolCall, StructuredOutputFailed
from shared_core import HFRouter
from shared_core.errors import Refused
from shared_core.testing import Raw, Status, offline_router

ANN = Person(name="Ann", age=42)


class Priced(BaseModel):
    item: str
    price: int


class People(RootModel[list[Person]]):
    """Several people."""


class Kind(Enum):
    TALK = "talk"


class Event(BaseModel):
    """An event."""

    model_config = ConfigDict(strict=True)

    day: date
    kind: Kind


class Folder(BaseModel):
    """A folder in folders."""

    name: str
    folders: list[Folder] = []


def structured_predict(llm, output_cls):
    return llm.structured_predict(output_cls, PROMPT, who="Ann")


def stream_structured_predict(llm, output_cls):
    return list(llm.stream_structured_predict(output_cls, PROMPT, who="Ann"))[-1]


def ways_of(server) -> list[str]:
    return [
        "json_schema" if "response_format" in body else "tool" if "tools" in body else "text"
        for body in (request.json for request in server.requests if request.json)
    ]


@pytest.mark.parametrize("form", FORMS, ids=form_name)
@pytest.mark.parametrize(
    ("options", "way"),
    [
        pytest.param({"structured_output": "json_schema"}, "json_schema", id="json_schema"),
        pytest.param({"structured_output": "tool"}, "tool", id="tool"),
        pytest.param({"structured_output": "text"}, "text", id="text"),
        pytest.param({"is_function_calling_model": False}, "text", id="no tools, nothing known"),
        pytest.param(
            {"pydantic_program_mode": PydanticProgramMode.FUNCTION}, "tool", id="LlamaIndex's function mode"
        ),
        pytest.param({"pydantic_program_mode": PydanticProgramMode.LLM}, "text", id="LlamaIndex's text mode"),
    ],
)
async def test_every_way_leads_there_in_every_form(make_llm, server, form, options, way):
    assert await form(make_llm("tools", **options)) == ANN
    assert ways_of(server) == [way]


def test_a_known_model_gets_the_native_schema():
    # A server of its own, because what is known of a server stays known to the process.
    with offline_router(embedder="words") as url:
        HFRouter(base_url=str(url)).models()
        HFRouterLLM("offline/json", base_url=str(url)).structured_predict(Person, PROMPT, who="Ann")
        assert ways_of(url) == ["json_schema"]


@pytest.mark.parametrize("form", FORMS, ids=form_name)
class TestNextWay:
    async def test_a_server_that_refuses_tools_is_asked_in_words(self, make_llm, server, form):
        server.queue(Status(400, body={"error": {"message": "tool_choice 'required' is not supported"}}))
        assert await form(make_llm("tools")) == ANN
        assert ways_of(server) == ["tool", "text"]

    async def test_a_model_that_ignores_tools_is_asked_in_words(self, make_llm, server, form):
        assert await form(make_llm("json")) == ANN
        assert ways_of(server) == ["tool", "text"]

    async def test_a_fixed_way_is_not_left(self, make_llm, server, form):
        server.queue(Status(400))
        with pytest.raises(ValueError):
            await form(make_llm("tools", structured_output="tool"))
        assert len(server.requests) == 1

    async def test_a_model_that_calls_nothing(self, make_llm, form):
        with pytest.raises(NoToolCall, match="Ann"):
            await form(make_llm("echo", structured_output="tool"))


def answer(server, text: str = "", **message: object) -> None:
    body = {
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": "stop",
            }
        ],
    }
    server.queue(Raw(json.dumps(body).encode(), content_type="application/json"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"name": "Ann", "age": 42}', id="bare"),
        pytest.param('```json\n{"name": "Ann", "age": 42}\n```', id="fenced"),
        pytest.param('Here you are:\n```\n{"name": "Ann", "age": 42}\n```\nEnjoy!', id="fenced, in words"),
        pytest.param('Sure! {"name": "Ann", "age": 42} is it.', id="in words"),
        pytest.param('{"name": "Ann", "age": 42}\n\nHope that helps!', id="before words"),
        pytest.param('[1] For {who}:\n{"name": "Ann", "age": 42}', id="behind other brackets"),
        pytest.param(
            '```py\nx = {}\n```\n```json\n{"name": "Ann", "age": 42}\n```', id="in the second fence"
        ),
        pytest.param(
            '<think>{"name": "Bob", "age": 1}?</think>{"name": "Ann", "age": 42}', id="behind thoughts"
        ),
        pytest.param('{"about": "a person"}\n{"name": "Ann", "age": 42}', id="behind another object"),
    ],
)
def test_json_is_found_in_what_models_write(make_llm, say, text):
    say(text)
    assert make_llm("echo", structured_output="text").structured_predict(Person, PROMPT, who="Ann") == ANN


@pytest.mark.parametrize(
    "text",
    ["{" * 5000, "[" * 5000, '{"a":' * 5000, "[1," * 60_000, "{x" * 100_000],
    ids=lambda text: text[:5],
)
def test_brackets_that_never_close_are_a_clear_error(make_llm, say, text):
    say(text)
    with pytest.raises(StructuredOutputFailed, match="no Person"):
        make_llm("echo", structured_output="text").structured_predict(Person, PROMPT, who="Ann")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"name": "all", "folders": [{"name": "Ann"}, {"na', id="cut off"),
        pytest.param('[{"name": "Ann"}, {"name": "B', id="a list cut off"),
        pytest.param('{"name": "all", "folders": [{"name": "Ann"}], oops}', id="broken"),
        pytest.param('Such as {"name": "Bob"}, so {"name": "Ann"}.', id="two that differ"),
    ],
)
def test_a_part_is_not_taken_for_the_answer(make_llm, say, text):
    say(text)
    with pytest.raises(StructuredOutputFailed, match="Folder"):
        make_llm("echo", structured_output="text").structured_predict(Folder, PROMPT, who="Ann")


def test_an_answer_that_is_given_twice_is_one(make_llm, say):
    say('{"name": "Ann", "age": 42}\nIn short: {"age": 42, "name": "Ann"}')
    assert make_llm("echo", structured_output="text").structured_predict(Person, PROMPT, who="Ann") == ANN


def test_a_text_may_hold_raw_line_ends(make_llm, say):
    say('{"item": "a\nb", "price": 1}')
    llm = make_llm("echo", structured_output="text")
    assert llm.structured_predict(Priced, PROMPT, who="Ann") == Priced(item="a\nb", price=1)


def test_a_list_is_taken_whole(make_llm, say):
    say('```json\n[{"name": "Ann", "age": 42}]\n```')
    found = make_llm("echo", structured_output="text").structured_predict(People, PROMPT, who="Ann")
    assert found.root == [ANN]


@pytest.mark.parametrize("way", ["tool", "json_schema"])
@pytest.mark.parametrize(
    "form", [structured_predict, stream_structured_predict], ids=lambda form: form.__name__
)
def test_a_strict_class_takes_dates_and_enums(make_llm, form, way):
    event = form(make_llm("tools", structured_output=way), Event)
    assert (event.day.year, event.kind) == (2026, Kind.TALK)


class TestClassThatRefersToItself:
    def test_its_properties_reach_the_model(self, make_llm, server):
        make_llm("tools", structured_output="tool").structured_predict(Folder, PROMPT, who="Ann")
        told = server.requests[0].json["tools"][0]["function"]
        assert told["description"] == "A folder in folders."
        assert told["parameters"]["type"] == "object"
        assert list(told["parameters"]["properties"]) == ["name", "folders"]
        assert told["parameters"]["required"] == ["name"]

    @pytest.mark.parametrize("way", ["tool", "json_schema"])
    def test_it_is_filled(self, make_llm, way):
        llm = make_llm("tools", structured_output=way)
        assert llm.structured_predict(Folder, PROMPT, who="Ann") == Folder(name="Ann")

    def test_a_tool_may_take_one(self, make_llm):
        tool = FunctionTool.from_defaults(lambda **folder: Folder(**folder), name="make", fn_schema=Folder)
        response = make_llm("tools").chat_with_tools([tool], "Make Ann.", tool_required=True)
        assert response.message.blocks[0].tool_kwargs == {"name": "Ann"}


def test_a_long_name_is_cut_to_what_hosts_take(make_llm, server):
    long = create_model("Answer" * 20, name=str)
    for way in ("tool", "json_schema"):
        assert (
            make_llm("tools", structured_output=way).structured_predict(long, PROMPT, who="Ann").name == "Ann"
        )
    tool, schema = (request.json for request in server.requests)
    assert len(tool["tools"][0]["function"]["name"]) == 64
    assert len(schema["response_format"]["json_schema"]["name"]) == 64


def test_a_class_without_a_docstring_is_told_by_its_name(make_llm, server):
    make_llm("tools", structured_output="tool").structured_predict(Priced, PROMPT, who="Ann")
    assert server.requests[0].json["tools"][0]["function"]["description"] == "The answer, as Priced."


def test_an_answer_that_does_not_fit_is_quoted(make_llm, say):
    say('{"name": "Ann"}')
    with pytest.raises(StructuredOutputFailed, match=r"no Person.*Ann"):
        make_llm("echo", structured_output="json_schema").structured_predict(Person, PROMPT, who="Ann")


def test_a_refusal_is_one(make_llm, server):
    answer(server, refusal="I must not.")
    with pytest.raises(Refused, match="I must not"):
        make_llm("echo", structured_output="json_schema").structured_predict(Person, PROMPT, who="Ann")


def test_strict_is_sent_when_asked(make_llm, server):
    llm = make_llm("tools", strict=True)
    for way in ("json_schema", "tool"):
        llm.structured_output = way
        llm.structured_predict(Person, PROMPT, who="Ann")
    schema, tool = (request.json for request in server.requests)
    described = schema["response_format"]["json_schema"]
    assert described["strict"] is tool["tools"][0]["function"]["strict"] is True
    for closed in (described["schema"], tool["tools"][0]["function"]["parameters"]):
        assert closed["additionalProperties"] is False
        assert closed["required"] == ["name", "age"]


def test_instructions_in_words_leave_the_prompt_alone(make_llm, server):
    before = PROMPT.model_dump()
    make_llm("json", structured_output="text").structured_predict(Person, PROMPT, who="Ann")
    assert PROMPT.model_dump() == before
    assert '"properties"' in server.requests[0].json["messages"][-1]["content"]
