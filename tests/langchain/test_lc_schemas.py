"""Schemas that LangChain's own conversion would lose a part of, and answers to them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, RootModel, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_hfrouter import ChatHFRouter
from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.schemas import as_function
from shared_core.testing import Status

Item = TypeVar("Item")


class Branch(BaseModel):
    """A branch of a tree."""

    width: int
    branches: list[Branch] = []


class BranchV1(BaseModelV1):
    width: int
    branches: list[BranchV1] = []


BranchV1.update_forward_refs()


class Garden(BaseModel):
    """What grows."""

    tree: Branch


class Page(BaseModel, Generic[Item]):
    """A page of what was found."""

    found: Item


class Chain(TypedDict):
    """A chain of itself."""

    next: Chain


class Callback(BaseModel):
    when_done: Callable[[int], int]


class Numbers(RootModel[list[int]]):
    """Whole numbers."""


def reply(**message: Any) -> Status:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Status(200, {"id": "x", "model": "m", "choices": [choice]})


def call(name: str, arguments: str) -> Status:
    function = {"name": name, "arguments": arguments}
    return reply(content="", tool_calls=[{"id": "c1", "type": "function", "function": function}])


def sent(request: Any) -> Any:
    """The schema in a request."""
    body = request.json
    if "response_format" in body:
        return body["response_format"]["json_schema"]["schema"]
    return body["tools"][0]["function"]["parameters"]


def tree_tool() -> StructuredTool:
    return StructuredTool.from_function(str, name="draw", description="Draws a tree.", args_schema=Garden)


TREE = '{"width": 3, "branches": [{"width": 2, "branches": [{"width": 1}]}]}'
RECURSIVE: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a class": (Branch, ("$defs", "Branch")),
    "a class of Pydantic 1": (BranchV1, ("definitions", "BranchV1")),
    "a class within a class": (Garden, ("$defs", "Branch")),
    "a JSON schema": (Branch.model_json_schema(), ("$defs", "Branch")),
}


@pytest.mark.parametrize("schema", RECURSIVE)
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("strict", [None, True], ids=["as it is", "strict"])
def test_what_holds_itself_is_sent_whole(
    method: Any, strict: bool | None, schema: str, make: Any, requests: Any, router: Any
) -> None:
    given, (definitions, name) = RECURSIVE[schema]
    router.queue(Status(400))
    with pytest.raises(Exception, match="400"):
        make("tools").with_structured_output(given, method=method, strict=strict).invoke("a tree")
    whole = sent(requests[0])
    inner = whole[definitions][name]["properties"]["branches"]["items"]
    assert inner == {"$ref": f"#/{definitions}/{name}"}
    assert whole["type"] == "object"
    assert "$ref" not in whole
    assert whole.get("additionalProperties") is (False if strict else None)


def test_a_tree_comes_back_as_objects(make: Any, router: Any) -> None:
    router.queue(call("Branch", TREE), reply(content=TREE))
    for method in ("function_calling", "json_schema"):
        tree = make().with_structured_output(Branch, method=method).invoke("a tree")
        assert tree == Branch.model_validate_json(TREE)


@pytest.mark.parametrize(
    ("tool", "name"),
    [(tree_tool(), "draw"), (Garden, "Garden")],
    ids=["a tool", "a class"],
)
def test_tools_whose_arguments_hold_themselves_are_offered_whole(tool: Any, name: str) -> None:
    (wire,) = ChatHFRouter("a/b").bind_tools([tool], strict=True).kwargs["tools"]
    function = wire["function"]
    assert function["name"] == name
    assert function["description"] == ("Draws a tree." if name == "draw" else "What grows.")
    branch = function["parameters"]["$defs"]["Branch"]
    assert branch["properties"]["branches"]["items"] == {"$ref": "#/$defs/Branch"}
    assert function["strict"] is True


SHAPES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "a list": ({"title": "Ages", "type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
    "a mapping": ({"type": "object", "additionalProperties": {"type": "integer"}}, '{"a": 1}', {"a": 1}),
    "a union": ({"anyOf": [{"type": "integer"}, {"type": "object"}]}, "3", 3),
    "a choice": ({"title": "Side", "enum": ["left", "right"]}, '"left"', "left"),
    "a list of classes": (TypeAdapter(list[Branch]).json_schema(), '[{"width": 1}]', [{"width": 1}]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_json_schema_of_any_shape_reaches_the_wire(
    shape: str, make: Any, router: Any, requests: Any
) -> None:
    schema, answer, value = SHAPES[shape]
    before = copy.deepcopy(schema)
    router.queue(reply(content=answer), reply(content=answer))
    for strict in (None, True):
        model = make().with_structured_output(schema, method="json_schema", strict=strict)
        assert model.invoke("go on") == value
    assert schema == before
    assert sent(requests[0]) == {name: part for name, part in schema.items() if name != "title"}


def test_strict_mode_does_not_write_into_the_users_schema() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = {"title": "Outer", "type": "object", "properties": {"inner": inner}, "required": ["inner"]}
    before = copy.deepcopy(schema)
    assert as_function(schema, strict=True)["parameters"]["additionalProperties"] is False
    assert schema == before


SIDE = {"type": "object", "properties": {"side": {"enum": ["left"]}}}


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Side", "schema": SIDE},
        {"type": "json_schema", "json_schema": {"name": "Side", "schema": SIDE}},
        {"type": "function", "function": {"name": "Side", "parameters": SIDE}},
    ],
    ids=["inner", "response_format", "a tool"],
)
def test_openais_own_form_of_a_schema_serves_a_forced_call_too(
    given: Any, make: Any, router: Any, requests: Any
) -> None:
    router.queue(call("Side", '{"side": "left"}'))
    model = make().with_structured_output(given, method="function_calling")
    assert model.invoke("which?") == {"side": "left"}
    assert sent(requests[0])["properties"] == {"side": {"enum": ["left"]}}


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (Page[int], "Page_int_"),
        ({"title": "What was found?", "type": "object", "properties": {}}, "What_was_found_"),
        ({"title": "", "type": "object", "properties": {}}, "answer"),
    ],
    ids=["a generic class", "a title in words", "an empty title"],
)
def test_a_forced_call_has_a_name_that_hosts_take(
    schema: Any, name: str, make: Any, router: Any, requests: Any
) -> None:
    router.queue(call(name, '{"found": 3}'))
    answer = make().with_structured_output(schema, method="function_calling").invoke("3")
    assert (answer if isinstance(answer, dict) else answer.model_dump()) == {"found": 3}
    assert requests[0].json["tool_choice"]["function"]["name"] == name


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (Numbers, "describes: array"),
        (SHAPES["a list"][0], "describes: array"),
        (Chain, "cannot be used"),
        (Callback, "cannot be used"),
        ({"a": 1}, "cannot be used"),
    ],
    ids=["a class of a list", "a list", "a TypedDict of itself", "what JSON cannot say", "no schema"],
)
def test_what_no_call_can_hold_is_told_before_the_wire(schema: Any, words: str, requests: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        ChatHFRouter("a/b").with_structured_output(schema, method="function_calling")
    assert not len(requests)


def test_a_tool_that_json_cannot_describe_is_told_before_the_wire() -> None:
    with pytest.raises(ConfigError, match="not a tool"):
        ChatHFRouter("a/b").bind_tools([Callback])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (call("Branch", '{"width": "wide"}'), "width"),
        (call("Garden", TREE), "called 'Garden' instead of 'Branch'"),
    ],
    ids=["arguments that do not fit", "another tool"],
)
def test_a_call_that_does_not_fit_is_an_error_of_the_parser(
    answer: Status, words: str, make: Any, router: Any
) -> None:
    router.queue(answer)
    with pytest.raises(OutputParserException, match=words):
        make().with_structured_output(Branch, method="function_calling").invoke("a tree")


def test_a_call_that_does_not_fit_says_what_came(make: Any, router: Any) -> None:
    router.queue(call("Branch", '{"width": "wide"}'))
    with pytest.raises(OutputParserException) as caught:
        make().with_structured_output(Branch, method="function_calling").invoke("a tree")
    assert json.loads(caught.value.llm_output or "") == {"width": "wide"}


@pytest.mark.parametrize("bind", ["tools", "schema"])
def test_models_with_fallbacks_take_tools_and_schemas(bind: Literal["tools", "schema"], make: Any) -> None:
    models = make("none", max_retries=0).with_fallbacks([make("tools")])
    if bind == "tools":
        assert models.bind_tools([Branch], tool_choice="any").invoke("3").tool_calls[0]["name"] == "Branch"
    else:
        assert models.with_structured_output(Branch).invoke("3").width == 3
