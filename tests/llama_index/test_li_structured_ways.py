"""Which way structured output goes, when it turns to the next one, and what it says when none leads there."""

from __future__ import annotations

import json

import pytest
from li_structured import FORMS, PROMPT, Person, form_name
from llama_index.core.types import PydanticProgramMode

from llama_index_hfrouter import HFRouterLLM, NoToolCall, StructuredOutputFailed
from shared_core import HFRouter
from shared_core.errors import Refused
from shared_core.testing import Raw, Status, offline_router

ANN = Person(name="Ann", age=42)


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
    ],
)
def test_json_is_found_in_what_models_write(make_llm, say, text):
    say(text)
    assert make_llm("echo", structured_output="text").structured_predict(Person, PROMPT, who="Ann") == ANN


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
