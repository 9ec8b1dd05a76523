"""Messages in the JSON form of the GenAI conventions: every kind of part, and nothing that must not be told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared_core.observe import CallEnded, CallStarted
from shared_core.observe.gen_ai import operation_of, started
from shared_core.observe.gen_ai_content import answered, asked
from shared_core.types import (
    Blob,
    ChatReply,
    ChatRequest,
    Choice,
    Cost,
    Link,
    ReplyMeta,
    TaskRequest,
    ToolCall,
)
from shared_core.types.answers import CompletionReply

PIXELS = base64.b64encode(b"pixels of a picture").decode()


def begun(request: Any, task: str = "chat") -> CallStarted:
    return CallStarted("1", 0.0, task, "org/model", "https://router.huggingface.co/v1", False, {}, request)


def over(reply: Any) -> CallEnded:
    numbers = (1.0, None, 1, 0)
    where = ("org/model", "groq", "https://router.huggingface.co/v1", False, {})
    return CallEnded(
        "1", 0.0, "chat", *where, "answered", "", *numbers, None, Cost(), False, None, None, reply, None
    )


def parts_of(content: Any, **message: Any) -> Any:
    values = asked(begun(ChatRequest([{"role": "user", "content": content, **message}], "m")))
    [told] = json.loads(values["gen_ai.input.messages"])
    return told["parts"]


PIECES = {
    "text": ({"type": "text", "text": "hi"}, {"type": "text", "content": "hi"}),
    "an address, without its signature": (
        {"type": "image_url", "image_url": {"url": "https://h/cat.png?signature=s3cret"}},
        {"type": "uri", "modality": "image", "uri": "https://h/cat.png"},
    ),
    "a picture": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXELS}"}},
        {"type": "media_left_out", "modality": "image", "mime_type": "image/png"},
    ),
    "a picture, as a bare address": (
        {"type": "image_url", "image_url": f"data:image/png;base64,{PIXELS}"},
        {"type": "media_left_out", "modality": "image", "mime_type": "image/png"},
    ),
    "a sound": (
        {"type": "input_audio", "input_audio": {"data": PIXELS, "format": "wav"}},
        {"type": "media_left_out", "modality": "audio", "mime_type": "audio/wav"},
    ),
    "a file": (
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PIXELS}"}},
        {"type": "media_left_out", "modality": "file"},
    ),
    "what nobody knows": (
        {"type": "hologram", "data": PIXELS},
        {"type": "media_left_out", "modality": "hologram"},
    ),
}


@pytest.mark.parametrize(("piece", "wanted"), PIECES.values(), ids=PIECES.keys())
def test_each_part_of_a_message_has_its_form(piece: Any, wanted: Any) -> None:
    assert parts_of([piece]) == [wanted]
    assert PIXELS not in json.dumps(parts_of([piece]))


def test_calls_of_tools_and_their_results_have_parts_of_their_own() -> None:
    call = {"id": "1", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert parts_of(None, tool_calls=[call]) == [
        {"type": "tool_call", "id": "1", "name": "add", "arguments": {"a": 1}}
    ]
    assert parts_of("2", role="tool", tool_call_id="1") == [
        {"type": "tool_call_response", "id": "1", "response": "2"}
    ]


def test_arguments_that_are_no_json_stay_as_the_model_wrote_them() -> None:
    choice = Choice(tool_calls=(ToolCall("1", "add", '{"a": '),), finish_reason="length")
    values = answered(over(ChatReply((choice,), None, ReplyMeta("m"))))
    [told] = json.loads(values["gen_ai.output.messages"])
    assert told["parts"] == [{"type": "tool_call", "id": "1", "name": "add", "arguments": '{"a": '}]
    assert told["finish_reason"] == "length"


def test_reasoning_answers_and_refusals_are_told_apart_and_a_cut_answer_is_an_error() -> None:
    choice = Choice(text="forty", reasoning="hm", refusal="no")
    [told] = json.loads(answered(over(ChatReply((choice,), None, ReplyMeta("m"))))["gen_ai.output.messages"])
    assert [part["type"] for part in told["parts"]] == ["reasoning", "text", "refusal"]
    assert told["finish_reason"] == "error"


def test_tools_are_told_as_they_were_given() -> None:
    function = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
    values = asked(begun(ChatRequest([], "m", {"tools": [{"type": "function", "function": function}]})))
    assert json.loads(values["gen_ai.tool.definitions"]) == [{"type": "function", **function}]


INPUTS = {
    "a text": ("a cat", {"type": "text", "content": "a cat"}),
    "bytes": (
        Blob(b"pixels", "image/png"),
        {"type": "media_left_out", "modality": "image", "mime_type": "image/png", "size": 6},
    ),
    "an address": (
        Link("https://h/cat.png?s=1"),
        {"type": "uri", "modality": "", "uri": "https://h/cat.png"},
    ),
}


@pytest.mark.parametrize(("given", "wanted"), INPUTS.values(), ids=INPUTS.keys())
def test_what_a_task_is_given_is_a_message_too(given: Any, wanted: Any) -> None:
    values = asked(begun(TaskRequest("image-to-text", given, "m"), "image-to-text"))
    assert json.loads(values["gen_ai.input.messages"]) == [{"role": "user", "parts": [wanted]}]


def test_bytes_inside_what_a_task_is_given_are_left_out_too() -> None:
    given = {"image": Blob(PIXELS.encode(), "image/png"), "question": "what?"}
    values = asked(begun(TaskRequest("visual-question-answering", given, "m"), "visual-question-answering"))
    assert PIXELS not in values["gen_ai.input.messages"]
    assert "what?" in values["gen_ai.input.messages"]


def test_half_a_character_is_replaced() -> None:
    assert parts_of("a\ud800b") == [{"type": "text", "content": "a?b"}]


def test_a_generated_text_is_told() -> None:
    values = answered(over(CompletionReply("and so on", "length", None, ReplyMeta("m"))))
    [told] = json.loads(values["gen_ai.output.messages"])
    assert (told["parts"], told["finish_reason"]) == ([{"type": "text", "content": "and so on"}], "length")


@pytest.mark.parametrize(
    ("task", "operation", "made"),
    [
        ("chat", "chat", None),
        ("embed", "embeddings", None),
        ("text-generation", "text_completion", None),
        ("text-to-image", "generate_content", "image"),
        ("image-to-video", "generate_content", "video"),
        ("text-to-speech", "generate_content", "speech"),
        ("image-to-text", "image-to-text", None),
        ("automatic-speech-recognition", "automatic-speech-recognition", None),
    ],
)
def test_each_task_is_an_operation(task: str, operation: str, made: str | None) -> None:
    assert operation_of(task) == operation
    assert started(begun(TaskRequest(task, "x", "m"), task)).get("gen_ai.output.type") == made


@pytest.mark.parametrize(
    ("form", "wanted"), [("json_schema", "json"), ("json_object", "json"), ("text", "text")]
)
def test_the_form_of_an_answer_that_was_asked_for_is_told(form: str, wanted: str) -> None:
    assert (
        started(begun(ChatRequest([], "m", {"response_format": {"type": form}})))["gen_ai.output.type"]
        == wanted
    )
