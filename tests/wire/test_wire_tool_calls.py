"""Tool calls out of pieces: every way in which providers were seen to send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core.types import ToolCall, ToolCallDelta
from shared_core.wire.tool_calls import ToolCallAssembler, parse_tool_calls


def piece(index: Any = None, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    """One piece as a provider writes it; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    made = {"index": index, "id": id, "function": {k: v for k, v in function.items() if v is not None}}
    return {key: value for key, value in made.items() if value is not None}


def assembled(*chunks: Any) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of each call, after checking that the deltas add up to the same calls."""
    assembler = ToolCallAssembler()
    deltas = [delta for chunk in chunks for delta in assembler.feed(chunk)]
    calls = assembler.complete()
    for position, call in enumerate(calls):
        own = [delta for delta in deltas if delta.index == position]
        assert "".join(delta.id for delta in own) == call.id
        assert "".join(delta.name for delta in own) == call.name
        assert "".join(delta.arguments for delta in own) == call.arguments
    return [tuple(call) for call in calls]


ADD, SUB = ("a", "add", '{"x":1}'), ("b", "sub", '{"y":2}')

STREAMS: dict[str, tuple[list[Any], list[tuple[str, str, str]]]] = {
    "in pieces, as OpenAI sends them": (
        [[piece(0, "a", "add", "")], [piece(0, arguments='{"x"')], [piece(0, arguments=":1}")]],
        [ADD],
    ),
    "whole in one chunk": ([[piece(0, *ADD)]], [ADD]),
    "two calls one after the other": (
        [[piece(0, "a", "add", "")], [piece(0, arguments='{"x":1}')], [piece(1, *SUB)]],
        [ADD, SUB],
    ),
    "two calls in one chunk": ([[piece(0, *ADD), piece(1, *SUB)]], [ADD, SUB]),
    "two calls in every chunk, interleaved": (
        [
            [piece(0, "a", "add", '{"x"'), piece(1, "b", "sub", '{"y"')],
            [piece(1, arguments=":2}"), piece(0, arguments=":1}")],
        ],
        [ADD, SUB],
    ),
    "the id repeated in every piece": (
        [[piece(0, "a", "add", '{"x"')], [piece(0, "a", arguments=":1}")]],
        [ADD],
    ),
    "two calls in each chunk with their ids repeated": (
        [
            [piece(0, "a", "add", '{"x"'), piece(1, "b", "sub", '{"y"')],
            [piece(0, "a", arguments=":1}"), piece(1, "b", arguments=":2}")],
        ],
        [ADD, SUB],
    ),
    "the name repeated in every piece": (
        [[piece(0, "a", "add", '{"x"')], [piece(0, "a", "add", ":1}")]],
        [ADD],
    ),
    "later pieces with an empty id and a null name": (
        [
            [piece(0, *ADD[:2], '{"x"')],
            [{"index": 0, "id": "", "function": {"name": None, "arguments": ":1}"}}],
        ],
        [ADD],
    ),
    "later pieces with an empty name": (
        [[piece(0, *ADD[:2], '{"x"')], [piece(0, name="", arguments=":1}")]],
        [ADD],
    ),
    "no index, one call": ([[piece(None, "a", "add", '{"x"')], [piece(None, arguments=":1}")]], [ADD]),
    "no index, a new id begins a new call": ([[piece(None, *ADD)], [piece(None, *SUB)]], [ADD, SUB]),
    "no index, two calls in one chunk": ([[piece(None, *ADD), piece(None, *SUB)]], [ADD, SUB]),
    "no index, a known id continues its call": (
        [[piece(None, "a", "add", '{"x"'), piece(None, *SUB)], [piece(None, "a", arguments=":1}")]],
        [ADD, SUB],
    ),
    "an index that starts at one": ([[piece(1, *ADD)], [piece(2, *SUB)]], [ADD, SUB]),
    "indices with a gap": ([[piece(0, *ADD)], [piece(5, *SUB)]], [ADD, SUB]),
    "one index for two ids": ([[piece(0, *ADD)], [piece(0, *SUB)]], [ADD, SUB]),
    "one index for two ids, then back to the first": (
        [[piece(0, "a", "add", '{"x"')], [piece(0, *SUB)], [piece(0, "a", arguments=":1}")]],
        [ADD, SUB],
    ),
    "the id comes with the name, after an empty first piece": (
        [[piece(0, arguments="")], [piece(0, "a", "add", '{"x":1}')]],
        [ADD],
    ),
    "arguments before the name": (
        [[piece(0, "a", arguments='{"x"')], [piece(0, name="add", arguments=":1}")]],
        [ADD],
    ),
    "arguments as an object": ([[piece(0, "a", "add", {"x": 1})]], [("a", "add", '{"x": 1}')]),
    "an object without a list around it": ([piece(0, *ADD)], [ADD]),
    "a number for an id": ([[piece(0, 7, "add", '{"x":1}')]], [("7", "add", '{"x":1}')]),
    "zero for an id": ([[piece(0, 0, "add", '{"x":1}')]], [("0", "add", '{"x":1}')]),
    "no arguments at all": ([[piece(0, "a", "add")]], [("a", "add", "")]),
    "text beside the pieces is no call": ([["nonsense", None, piece(0, *ADD)], "nonsense", None, 7], [ADD]),
}


@pytest.mark.parametrize(("chunks", "expected"), STREAMS.values(), ids=STREAMS.keys())
def test_a_streamed_call_is_put_together(chunks: list[Any], expected: list[tuple[str, str, str]]) -> None:
    assert assembled(*chunks) == expected


NAMELESS = {
    "no id": [[piece(0, None, "add", "{}")]],
    "an empty id": [[piece(0, "", "add", "{}")]],
    "a null id": [[{"index": 0, "id": None, "function": {"name": "add", "arguments": "{}"}}]],
    "neither id nor index": [[piece(None, None, "add", "{")], [piece(None, arguments="}")]],
}


@pytest.mark.parametrize("chunks", NAMELESS.values(), ids=NAMELESS.keys())
def test_a_missing_id_is_made_up_once_and_kept(chunks: list[Any]) -> None:
    assembler = ToolCallAssembler()
    deltas = [delta for chunk in chunks for delta in assembler.feed(chunk)]
    ids = {delta.id for delta in deltas if delta.id}
    assert len(ids) == 1
    assert ids == {call.id for call in assembler.complete()}
    assert ids.pop().startswith("call_")


def test_made_up_ids_of_two_calls_differ() -> None:
    first, second = assembled([piece(0, None, "add", "{}"), piece(1, None, "sub", "{}")])
    assert first[0] != second[0]


def test_two_calls_without_id_and_index_are_told_apart_by_their_names() -> None:
    calls = assembled([piece(None, None, "add", '{"x":1}')], [piece(None, None, "sub", '{"y":2}')])
    assert [call[1:] for call in calls] == [ADD[1:], SUB[1:]]


def test_two_calls_under_one_index_and_without_ids_are_told_apart_by_their_names() -> None:
    calls = assembled(
        [piece(0, None, "add", '{"x":1}')], [piece(0, None, "sub", '{"y"')], [piece(0, arguments=":2}")]
    )
    assert [call[1:] for call in calls] == [ADD[1:], SUB[1:]]


def test_a_name_that_is_no_text_is_as_good_as_none() -> None:
    assert assembled([piece(0, "a", 7, "{")], [piece(0, "a", "add", "}")]) == [("a", "add", "{}")]


def test_an_id_that_comes_late_does_not_begin_a_new_call_nor_change_the_one_shown() -> None:
    assembler = ToolCallAssembler()
    (shown,) = assembler.feed([piece(0, "", "add", '{"x"')])
    assembler.feed([piece(0, "late", arguments=":1}")])
    assert assembler.complete() == (ToolCall(shown.id, "add", '{"x":1}'),)


def test_an_id_that_came_late_still_tells_the_next_call_apart() -> None:
    chunks = [piece(0, "", "add", "{")], [piece(0, "late", arguments="}")], [piece(0, "b", "sub", "{}")]
    assert [name for _, name, _ in assembled(*chunks)] == ["add", "sub"]


def test_a_call_is_shown_only_when_its_name_is_known() -> None:
    assembler = ToolCallAssembler()
    assert assembler.feed([piece(0, "a", arguments='{"x"')]) == ()
    assert assembler.feed([piece(0, name="add")]) == (ToolCallDelta(0, "a", "add", '{"x"'),)


def test_a_call_that_never_gets_a_name_is_kept_rather_than_lost() -> None:
    assembler = ToolCallAssembler()
    assembler.feed([piece(0, "a", arguments="{}")])
    assert assembler.complete() == (ToolCall("a", "", "{}"),)


def test_an_assembler_is_true_once_a_call_has_begun() -> None:
    assembler = ToolCallAssembler()
    assert not assembler
    assembler.feed([piece(0, *ADD)])
    assert assembler


WHOLE: dict[str, tuple[Any, list[tuple[str, str, str]]]] = {
    "a list of calls": ([piece(None, *ADD), piece(None, *SUB)], [ADD, SUB]),
    "one call without a list": (piece(None, *ADD), [ADD]),
    "the same index twice": ([piece(0, *ADD), piece(0, *SUB)], [ADD, SUB]),
    "the same id twice": ([piece(None, *ADD), piece(None, "a", "sub", "{}")], [ADD, ("a", "sub", "{}")]),
    "the same call twice": ([piece(0, *ADD), piece(0, *ADD)], [ADD, ADD]),
    "TGI of 2024: a number for an id, an object for arguments": (
        {
            "id": 0,
            "type": "function",
            "function": {"name": "add", "description": None, "arguments": {"x": 1}},
        },
        [("0", "add", '{"x": 1}')],
    ),
    "none": (None, []),
    "an empty list": ([], []),
    "a text where calls belong": ("add", []),
    "a number where calls belong": (3, []),
}


@pytest.mark.parametrize(("value", "expected"), WHOLE.values(), ids=WHOLE.keys())
def test_the_calls_of_a_plain_reply(value: Any, expected: list[tuple[str, str, str]]) -> None:
    assert [tuple(call) for call in parse_tool_calls(value)] == expected


def test_arguments_stay_the_models_own_text_to_the_letter() -> None:
    text = '{ "a" :1.0,"b":"\\u00e9", "c":"\u2028" }'
    (call,) = parse_tool_calls([piece(None, "a", "add", text)])
    assert call.arguments == text
    assert call.parsed() == json.loads(text)
