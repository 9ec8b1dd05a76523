"""Structured output: methods x schemas x raw x streams, and everything that must not pass in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_hfrouter import ChatHFRouter
from langchain_hfrouter.errors import ConfigError, Refused
from langchain_hfrouter.structured import response_format
from shared_core.testing import Raw, Status


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="The beginning.")
    punchline: str = Field(description="The end.")


class JokeV1(BaseModelV1):
    setup: str
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str


SCHEMAS: dict[str, tuple[Any, type]] = {
    "Pydantic": (Joke, Joke),
    "Pydantic 1": (JokeV1, JokeV1),
    "TypedDict": (JokeDict, dict),
    "JSON schema": (Joke.model_json_schema(), dict),
    "JSON schema without a title": (
        {"type": "object", "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}}},
        dict,
    ),
}
METHODS = ("function_calling", "json_schema", "json_mode")
QUESTION = "Tell me a joke about cats. Return a JSON with 'setup' and 'punchline' keys, and nothing else."


def get(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("raw", [False, True], ids=["parsed", "with raw"])
async def test_every_method_serves_every_schema(method: Any, schema: str, raw: bool, make: Any) -> None:
    given, kind = SCHEMAS[schema]
    model = make("tools").with_structured_output(given, method=method, include_raw=raw)
    results = [model.invoke(QUESTION), await model.ainvoke(QUESTION)]
    for streamed in (list(model.stream(QUESTION)), [part async for part in model.astream(QUESTION)]):
        if raw:
            parsed = [part["parsed"] for part in streamed if "parsed" in part]
            results.append({"raw": "streamed", "parsed": parsed[-1], "parsing_error": None})
        else:
            results.append(streamed[-1])
    for result in results:
        if raw:
            assert result.keys() == {"raw", "parsed", "parsing_error"}
            assert result["parsing_error"] is None
            result = result["parsed"]
        assert isinstance(result, kind)
        assert get(result, "setup")
        if "without" not in schema:  # that schema requires nothing
            assert get(result, "punchline")


@pytest.mark.parametrize("method", METHODS)
def test_dictionaries_stream_as_they_grow(method: Any, make: Any) -> None:
    model = make("tools").with_structured_output(JokeDict, method=method)
    parts = list(model.stream(QUESTION))
    assert len(parts) > 2
    assert len(json.dumps(parts[0])) < len(json.dumps(parts[-1]))


@pytest.mark.parametrize("strict", [None, True, False])
def test_strict_is_sent_when_it_is_given(strict: bool | None, make: Any, requests: Any) -> None:
    model = make("tools")
    model.with_structured_output(Joke, method="json_schema", strict=strict).invoke(QUESTION)
    sent = requests[-1].json["response_format"]["json_schema"]
    assert sent.get("strict", None) is strict
    assert ("additionalProperties" in sent["schema"]) is (strict is True)
    model.with_structured_output(Joke, method="function_calling", strict=strict).invoke(QUESTION)
    assert requests[-1].json["tools"][0]["function"].get("strict", None) is strict
    assert requests[-1].json["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}


def test_the_json_schema_has_openais_shape(make: Any, requests: Any) -> None:
    make("json").with_structured_output(Joke, method="json_schema").invoke(QUESTION)
    sent = requests[-1].json
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["name"] == "Joke"
    assert sent["response_format"]["json_schema"]["description"] == "A joke."
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["setup", "punchline"]
    assert "ls_structured_output_format" not in sent
    assert "tools" not in sent


@pytest.mark.parametrize(
    ("profile", "key"),
    [
        ({"structured_output": True}, "response_format"),
        ({"structured_output": False}, "tools"),
        ({}, "tools"),
    ],
    ids=["native", "none", "unknown"],
)
def test_the_default_method_follows_the_profile(profile: Any, key: str, make: Any, requests: Any) -> None:
    make("tools", profile=profile).with_structured_output(Joke).invoke(QUESTION)
    assert key in requests[-1].json


def test_tools_may_be_offered_beside_a_json_schema(make: Any, requests: Any) -> None:
    def look_up(word: str) -> str:
        """Looks a word up."""
        return word

    model = make("json").with_structured_output(Joke, method="json_schema", tools=[look_up])
    model.invoke(QUESTION)
    assert requests[-1].json["tools"][0]["function"]["name"] == "look_up"


def test_json_mode_needs_no_schema(make: Any) -> None:
    assert isinstance(make("json").with_structured_output(method="json_mode").invoke(QUESTION), dict)


@pytest.mark.parametrize(
    "arguments",
    [
        {"schema": Joke, "method": "telepathy"},
        {"method": "json_schema"},
        {"method": "function_calling"},
        {"schema": Joke, "method": "json_mode", "strict": True},
        {"schema": Joke, "method": "function_calling", "tools": [Joke]},
        {"schema": 3, "method": "json_schema"},
        {"schema": {"type": "string"}, "method": "function_calling"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_at_once(arguments: Any) -> None:
    with pytest.raises(ConfigError):
        ChatHFRouter(model="a/b").with_structured_output(**arguments)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}, "x"),
        ({"name": "x", "schema": {"type": "object"}}, "x"),
        ({"title": "odd name[int]", "type": "object", "properties": {}}, "odd_name_int_"),
        ({"type": "object", "properties": {}}, "answer"),
    ],
    ids=["finished", "OpenAI's inner form", "a name that must be cleaned", "no name"],
)
def test_schemas_are_read_in_every_form(given: Any, name: str) -> None:
    assert response_format(given)["json_schema"]["name"] == name


def reply(**message: Any) -> dict[str, Any]:
    finish = message.pop("finish", "stop")
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "x", "model": "m", "choices": [choice]}


def events(**message: Any) -> Raw:
    """The same as a stream, a few characters a piece."""
    finish = message.pop("finish", "stop")
    deltas: list[dict[str, Any]] = []
    for name in ("content", "refusal"):
        text = message.get(name) or ""
        deltas += [{name: text[start : start + 5]} for start in range(0, len(text), 5)]
    for index, call in enumerate(message.get("tool_calls", [])):
        deltas.append({"tool_calls": [{"index": index, **call}]})
    parts = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    parts.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    data = "".join(f"data: {json.dumps({'id': 'x', 'model': 'm', **part})}\n\n" for part in parts)
    return Raw((data + "data: [DONE]\n\n").encode())


def call(arguments: str, name: str = "Joke") -> list[dict[str, Any]]:
    return [{"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}]


WHOLE = '{"setup": "a", "punchline": "b"}'
SILENT: dict[str, tuple[str, dict[str, Any], type[Exception], str]] = {
    "a refusal": ("json_schema", {"content": None, "refusal": "No jokes."}, Refused, "No jokes"),
    "a refusal instead of a call": ("function_calling", {"content": "", "refusal": "No."}, Refused, "No"),
    "a filtered answer": ("json_mode", {"content": "", "finish": "content_filter"}, Refused, "filter"),
    "an answer cut by max_tokens": (
        "json_schema",
        {"content": '{"setup": "a", "punchline": "b', "finish": "length"},
        OutputParserException,
        "max_tokens",
    ),
    "a call cut by max_tokens": (
        "function_calling",
        {"content": "", "tool_calls": call('{"setup": "a", "punchline": "b'), "finish": "length"},
        OutputParserException,
        "max_tokens",
    ),
    "text instead of a call": (
        "function_calling",
        {"content": "Why did the cat..."},
        OutputParserException,
        "instead of calling 'Joke'",
    ),
    "no JSON": ("json_mode", {"content": "Why did the cat..."}, OutputParserException, "Invalid json"),
    "JSON that does not fit": (
        "json_schema",
        {"content": '{"setup": "a"}'},
        OutputParserException,
        "punchline",
    ),
}


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_an_answer_that_does_not_fit_is_an_error(name: str, streamed: bool, make: Any, router: Any) -> None:
    method, message, kind, words = SILENT[name]
    model = make().with_structured_output(Joke, method=method)
    router.queue(events(**message) if streamed else Status(200, reply(**message)))
    with pytest.raises(kind, match=words):
        list(model.stream("hi")) if streamed else model.invoke("hi")


@pytest.mark.parametrize("name", SILENT)
async def test_with_raw_the_error_is_handed_over(name: str, make: Any, router: Any) -> None:
    method, message, kind, words = SILENT[name]
    model = make().with_structured_output(Joke, method=method, include_raw=True)
    router.queue(Status(200, reply(**message)), Status(200, reply(**message)))
    for result in (model.invoke("hi"), await model.ainvoke("hi")):
        assert isinstance(result["parsing_error"], kind)
        assert words in str(result["parsing_error"])
        assert result["parsed"] is None
        assert result["raw"].response_metadata["id"] == "x"


@pytest.mark.parametrize("name", SILENT)
async def test_with_raw_the_error_ends_a_stream_instead_of_breaking_it(
    name: str, make: Any, router: Any
) -> None:
    method, message, kind, _ = SILENT[name]
    model = make().with_structured_output(Joke, method=method, include_raw=True)
    router.queue(events(**message), events(**message))
    for parts in (list(model.stream("hi")), [part async for part in model.astream("hi")]):
        (error,) = [part["parsing_error"] for part in parts if "parsing_error" in part]
        assert isinstance(error, kind)


def test_a_refusal_carries_the_answer_that_holds_it(make: Any, router: Any) -> None:
    router.queue(Status(200, reply(content=None, refusal="No.")))
    with pytest.raises(Refused) as caught:
        make().with_structured_output(Joke, method="json_schema").invoke("hi")
    assert caught.value.raw_message.additional_kwargs == {"refusal": "No."}
    assert caught.value.model == "m"


@pytest.mark.parametrize("text", [WHOLE, f"```json\n{WHOLE}\n```"], ids=["bare", "in a fence"])
def test_json_is_found_where_models_put_it(text: str, make: Any, router: Any) -> None:
    router.queue(Status(200, reply(content=text)))
    assert make().with_structured_output(Joke, method="json_schema").invoke("hi") == Joke(
        setup="a", punchline="b"
    )


def test_arguments_that_are_no_json_are_an_error(make: Any, router: Any) -> None:
    router.queue(Status(200, reply(content="", tool_calls=call('{"setup": '))))
    with pytest.raises(OutputParserException, match="not a JSON object"):
        make().with_structured_output(JokeDict, method="function_calling").invoke("hi")


def test_an_empty_call_is_an_empty_answer(make: Any, router: Any) -> None:
    router.queue(Status(200, reply(content="", tool_calls=call("{}", "answer"))))
    schema = {"type": "object", "properties": {"note": {"type": "string"}}}
    assert make().with_structured_output(schema, method="function_calling").invoke("hi") == {}
