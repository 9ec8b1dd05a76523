"""A plain reply on its way in: every shape that was recorded, and what it comes to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shared_core.types import Choice, ToolCall, Usage
from shared_core.wire.chat import finish_reason_of, parse_choice, text_of
from shared_core.wire.usage import parse_usage

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = (ToolCall("a", "f", "{}"),)


def parsed(message: Any, finish: Any = "stop", *, tags: bool = False, **more: Any) -> Choice:
    return parse_choice(0, {"message": message, "finish_reason": finish, **more}, reasoning_tags=tags)


CHOICES: dict[str, tuple[Choice, Choice]] = {
    "text": (parsed({"role": "assistant", "content": "Hi"}), Choice(text="Hi", finish_reason="stop")),
    "content null beside tool calls": (
        parsed({"content": None, "tool_calls": [CALL]}, "tool_calls"),
        Choice(tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "content empty beside tool calls": (
        parsed({"content": "", "tool_calls": [CALL]}, "tool_calls"),
        Choice(tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "the word None beside tool calls is not content": (
        parsed({"content": "None", "tool_calls": [CALL]}, "tool_calls"),
        Choice(tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "the word null beside tool calls is not content": (
        parsed({"content": "null", "tool_calls": [CALL]}, "tool_calls"),
        Choice(tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "the word None alone is content": (
        parsed({"content": "None"}),
        Choice(text="None", finish_reason="stop"),
    ),
    "words beside tool calls stay": (
        parsed({"content": "Let me see.", "tool_calls": [CALL]}, "tool_calls"),
        Choice(text="Let me see.", tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "tool calls null": (
        parsed({"content": "Hi", "tool_calls": None}),
        Choice(text="Hi", finish_reason="stop"),
    ),
    "tool calls empty": (
        parsed({"content": "Hi", "tool_calls": []}),
        Choice(text="Hi", finish_reason="stop"),
    ),
    "a tool call that ends with stop": (
        parsed({"content": "", "tool_calls": [CALL]}, "stop"),
        Choice(tool_calls=CALLED, finish_reason="tool_calls"),
    ),
    "TGI of 2024": (
        parsed({"tool_calls": {"id": 0, "function": {"name": "f", "arguments": {"x": 1}}}}, "eos_token"),
        Choice(tool_calls=(ToolCall("0", "f", '{"x": 1}'),), finish_reason="tool_calls"),
    ),
    "content as a list of parts": (
        parsed(
            {"content": [{"type": "text", "text": "Hi"}, {"type": "image"}, {"type": "text", "text": "!"}]}
        ),
        Choice(text="Hi!", finish_reason="stop"),
    ),
    "reasoning beside the content": (
        parsed({"content": "Hi", "reasoning": "hm"}),
        Choice(text="Hi", reasoning="hm", finish_reason="stop"),
    ),
    "reasoning in DeepSeek's field": (
        parsed({"content": "Hi", "reasoning_content": "hm"}),
        Choice(text="Hi", reasoning="hm", finish_reason="stop"),
    ),
    "think tags are content unless asked for": (
        parsed({"content": "<think>hm</think>Hi"}),
        Choice(text="<think>hm</think>Hi", finish_reason="stop"),
    ),
    "think tags split off when asked for": (
        parsed({"content": "<think>hm</think>Hi"}, tags=True),
        Choice(text="Hi", reasoning="hm", finish_reason="stop"),
    ),
    "a reasoning field goes before tags": (
        parsed({"content": "<think>x</think>Hi", "reasoning": "hm"}, tags=True),
        Choice(text="<think>x</think>Hi", reasoning="hm", finish_reason="stop"),
    ),
    "a refusal": (
        parsed({"content": None, "refusal": "No."}),
        Choice(refusal="No.", finish_reason="stop"),
    ),
    "log-probabilities": (
        parsed({"content": "Hi"}, logprobs={"content": [{"token": "Hi"}]}),
        Choice(text="Hi", finish_reason="stop", logprobs={"content": [{"token": "Hi"}]}),
    ),
    "log-probabilities in a form that nobody knows": (
        parsed({"content": "Hi"}, logprobs=[1]),
        Choice(text="Hi", finish_reason="stop"),
    ),
    "a completion's text in place of a message": (
        parse_choice(0, {"text": "Hi", "finish_reason": "eos"}, reasoning_tags=False),
        Choice(text="Hi", finish_reason="stop"),
    ),
    "the older function_call": (
        parsed({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
        Choice(finish_reason="tool_calls"),
    ),
    "an index of its own": (parsed({"content": "Hi"}, index=2), Choice(2, "Hi", finish_reason="stop")),
    "an index that is null": (parsed({"content": "Hi"}, index=None), Choice(0, "Hi", finish_reason="stop")),
    "no message": (parsed(None), Choice(finish_reason="stop")),
    "no finish reason": (parsed({"content": "Hi"}, None), Choice(text="Hi")),
}


@pytest.mark.parametrize(("choice", "expected"), CHOICES.values(), ids=CHOICES.keys())
def test_a_choice_is_read(choice: Choice, expected: Choice) -> None:
    if expected.tool_calls == () and choice.tool_calls:  # the older form has no id to compare
        assert [(call.name, call.arguments) for call in choice.tool_calls] == [("f", "{}")]
        assert choice.finish_reason == expected.finish_reason
    else:
        assert choice == expected


FINISHES: dict[str, tuple[Any, bool, str | None]] = {
    "stop": ("stop", False, "stop"),
    "length": ("length", False, "length"),
    "tool_calls": ("tool_calls", True, "tool_calls"),
    "content_filter": ("content_filter", False, "content_filter"),
    "together's eos": ("eos", False, "stop"),
    "TGI's eos_token": ("eos_token", False, "stop"),
    "TGI's eos_token after a call": ("eos_token", True, "tool_calls"),
    "stop_sequence": ("stop_sequence", False, "stop"),
    "function_call": ("function_call", True, "tool_calls"),
    "stop after a call": ("stop", True, "tool_calls"),
    "length after a call": ("length", True, "length"),
    "a word of the future": ("paused", False, "paused"),
    "null": (None, False, None),
    "empty": ("", False, None),
    "a number": (7, False, None),
}


@pytest.mark.parametrize(("value", "calls", "word"), FINISHES.values(), ids=FINISHES.keys())
def test_a_finish_reason_in_anybodys_words(value: Any, calls: bool, word: str | None) -> None:
    assert finish_reason_of(value, calls) == word


PLAIN = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

USAGES: dict[str, tuple[dict[str, Any], tuple[Any, ...] | None]] = {
    "the usual": ({"usage": PLAIN}, (3, 4, 7, None, None)),
    "without a total": ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, (3, 4, 7, None, None)),
    "a total of its own": ({"usage": {**PLAIN, "total_tokens": 9}}, (3, 4, 9, None, None)),
    "cached tokens in the details": (
        {"usage": {**PLAIN, "prompt_tokens_details": {"cached_tokens": 2}}},
        (3, 4, 7, 2, None),
    ),
    "cached tokens beside the counts, as together has them": (
        {"usage": {**PLAIN, "cached_tokens": 2}},
        (3, 4, 7, 2, None),
    ),
    "reasoning tokens": (
        {"usage": {**PLAIN, "completion_tokens_details": {"reasoning_tokens": 1}}},
        (3, 4, 7, None, 1),
    ),
    "no tokens cached is not unknown": (
        {"usage": {**PLAIN, "prompt_tokens_details": {"cached_tokens": 0}}},
        (3, 4, 7, 0, None),
    ),
    "details that are null": ({"usage": {**PLAIN, "completion_tokens_details": None}}, (3, 4, 7, None, None)),
    "groq's hiding place": ({"x_groq": {"id": "r", "usage": PLAIN}}, (3, 4, 7, None, None)),
    "groq's without usage": ({"x_groq": {"id": "r"}}, None),
    "floats": ({"usage": {"prompt_tokens": 3.0, "completion_tokens": 4.0}}, (3, 4, 7, None, None)),
    "null counts": ({"usage": {"prompt_tokens": None, "completion_tokens": 4}}, (0, 4, 4, None, None)),
    "not a number": ({"usage": {"prompt_tokens": math.nan, "completion_tokens": 4}}, (0, 4, 4, None, None)),
    "infinity": ({"usage": {"prompt_tokens": math.inf, "completion_tokens": 4}}, (0, 4, 4, None, None)),
    "more than a float holds": ({"usage": {"prompt_tokens": 10**400}}, (10**400, 0, 10**400, None, None)),
    "words": ({"usage": {"prompt_tokens": "3", "completion_tokens": 4}}, (0, 4, 4, None, None)),
    "null": ({"usage": None}, None),
    "empty": ({"usage": {}}, None),
    "absent": ({}, None),
    "a list": ({"usage": [1]}, None),
}


@pytest.mark.parametrize(("chunk", "counts"), USAGES.values(), ids=USAGES.keys())
def test_usage_is_found_wherever_it_stands(chunk: dict[str, Any], counts: tuple[Any, ...] | None) -> None:
    usage = parse_usage(chunk)
    assert (None if usage is None else tuple(usage)[:5]) == counts


def test_what_else_a_provider_counts_is_kept() -> None:
    usage = parse_usage({"usage": {**PLAIN, "queue_time": 0.1}})
    assert usage == Usage(3, 4, 7, raw={**PLAIN, "queue_time": 0.1})


TEXTS: dict[str, tuple[Any, str]] = {
    "a text": ("a", "a"),
    "parts": ([{"text": "a"}, {"text": "b"}], "ab"),
    "parts without text": ([{"image": 1}, 7, None, {"text": None}], ""),
    "null": (None, ""),
    "a number": (7, ""),
    "an object": ({"text": "a"}, ""),
}


@pytest.mark.parametrize(("content", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_content_as_text(content: Any, text: str) -> None:
    assert text_of(content) == text
