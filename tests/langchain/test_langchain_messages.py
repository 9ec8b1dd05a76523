"""Messages and content blocks of every generation, as they go out."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_hfrouter.blocks import to_part
from langchain_hfrouter.messages import to_wire
from shared_core.errors import ConfigError

DATA = "iVBORw0KGgo="
LINK = "https://example.org/a"


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(data: str, name: str) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": name, "file_data": data}}


BLOCKS = {
    "a string": ("hi", {"type": "text", "text": "hi"}),
    "an empty text sends nothing": ({"type": "text", "text": ""}, None),
    "text": ({"type": "text", "text": "hi", "id": "1", "index": 0}, {"type": "text", "text": "hi"}),
    "text with Anthropic's cache mark": (
        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
    ),
    "text without a type": ({"text": "hi"}, {"type": "text", "text": "hi"}),
    "v1 image by URL": ({"type": "image", "url": LINK}, image(LINK)),
    "v1 image by base64": (
        {"type": "image", "base64": DATA, "mime_type": "image/png"},
        image(f"data:image/png;base64,{DATA}"),
    ),
    "v1 image whose type shows in its bytes": (
        {"type": "image", "base64": DATA},
        image(f"data:image/png;base64,{DATA}"),
    ),
    "v1 image with a detail": (
        {"type": "image", "url": LINK, "extras": {"detail": "low"}},
        image(LINK, detail="low"),
    ),
    "v0 image by URL": ({"type": "image", "source_type": "url", "url": LINK}, image(LINK)),
    "v0 image by base64": (
        {"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"},
        image(f"data:image/png;base64,{DATA}"),
    ),
    "OpenAI image": (image(LINK, detail="high"), image(LINK, detail="high")),
    "OpenAI image as a bare string": ({"type": "image_url", "image_url": LINK}, image(LINK)),
    "Anthropic image by base64": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
        image(f"data:image/png;base64,{DATA}"),
    ),
    "Anthropic image by URL": ({"type": "image", "source": {"type": "url", "url": LINK}}, image(LINK)),
    "v1 audio": (
        {"type": "audio", "base64": DATA, "mime_type": "audio/wav"},
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    ),
    "v1 audio, mp3 by its registered name": (
        {"type": "audio", "base64": DATA, "mime_type": "audio/mpeg"},
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
    ),
    "v0 audio": (
        {"type": "audio", "source_type": "base64", "data": DATA, "mime_type": "audio/x-wav"},
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    ),
    "v1 audio by URL": (
        {"type": "audio", "url": LINK},
        {"type": "audio_url", "audio_url": {"url": LINK}},
    ),
    "OpenAI audio": (
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    ),
    "v1 PDF": (
        {"type": "file", "base64": DATA, "mime_type": "application/pdf"},
        file(f"data:application/pdf;base64,{DATA}", "file.pdf"),
    ),
    "v1 PDF with a name": (
        {"type": "file", "base64": DATA, "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}},
        file(f"data:application/pdf;base64,{DATA}", "a.pdf"),
    ),
    "v1 PDF by URL": (
        {"type": "file", "url": LINK, "mime_type": "application/pdf"},
        file(LINK, "file.pdf"),
    ),
    "v1 file by id": ({"type": "file", "file_id": "f-1"}, {"type": "file", "file": {"file_id": "f-1"}}),
    "v0 file": (
        {"type": "file", "source_type": "base64", "data": DATA, "mime_type": "application/pdf"},
        file(f"data:application/pdf;base64,{DATA}", "file.pdf"),
    ),
    "v0 text file": (
        {"type": "file", "source_type": "text", "text": "words"},
        {"type": "text", "text": "words"},
    ),
    "OpenAI file": (file("data:x", "a.pdf"), file("data:x", "a.pdf")),
    "Anthropic document": (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}},
        file(f"data:application/pdf;base64,{DATA}", "file.pdf"),
    ),
    "Anthropic text document": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "text", "text": "words"},
    ),
    "a file that is a video": (
        {"type": "file", "base64": DATA, "mime_type": "video/mp4"},
        {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{DATA}"}},
    ),
    "a file that is an image": (
        {"type": "file", "base64": DATA, "mime_type": "image/png"},
        image(f"data:image/png;base64,{DATA}"),
    ),
    "v1 video by URL": ({"type": "video", "url": LINK}, {"type": "video_url", "video_url": {"url": LINK}}),
    "v1 video by base64": (
        {"type": "video", "base64": DATA, "mime_type": "video/webm"},
        {"type": "video_url", "video_url": {"url": f"data:video/webm;base64,{DATA}"}},
    ),
    "vLLM's video": (
        {"type": "video_url", "video_url": {"url": LINK}},
        {"type": "video_url", "video_url": {"url": LINK}},
    ),
    "v1 plain text": (
        {"type": "text-plain", "text": "words", "mime_type": "text/plain"},
        {"type": "text", "text": "words"},
    ),
    "v1 plain text by base64": (
        {"type": "text-plain", "base64": base64.b64encode("é".encode()).decode(), "mime_type": "text/plain"},
        {"type": "text", "text": "é"},
    ),
    "non-standard": ({"type": "non_standard", "value": {"type": "new"}}, {"type": "new"}),
    "a type nobody knows yet": ({"type": "hologram", "data": 1}, {"type": "hologram", "data": 1}),
    "json of a tool": ({"type": "json", "json": {"é": 1}}, {"type": "text", "text": '{"é": 1}'}),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_becomes_the_part_that_servers_take(name: str) -> None:
    block, part = BLOCKS[name]
    assert to_part(block) == part


BAD_BLOCKS = {
    "a path as an image": ({"type": "image", "url": "/etc/passwd"}, "needs a link"),
    "an image path that does not exist": ({"type": "image_url", "image_url": "absent.png"}, "needs a link"),
    "a path as a file": ({"type": "file", "url": "report.pdf"}, "needs a link"),
    "an image without anything": ({"type": "image"}, "it holds nothing"),
    "bytes in place of base64": ({"type": "image", "base64": b"\x89PNG"}, "not base64 text"),
    "an image of unknown type": ({"type": "image", "base64": "AAAA"}, "mime_type"),
    "audio without a type": ({"type": "audio", "base64": DATA}, "mime_type"),
    "plain text that is not base64": ({"type": "text-plain", "base64": "%%"}, "base64"),
    "a number": (3, "string or a dictionary"),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_a_block_that_cannot_be_sent_says_why(name: str) -> None:
    block, words = BAD_BLOCKS[name]
    with pytest.raises(ConfigError, match=words):
        to_part(block)


CALL = {"name": "add", "args": {"é": 1}, "id": "c1", "type": "tool_call"}
WIRE_CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"é": 1}'}}
PICTURE = {"type": "image", "url": LINK}

CONVERSATIONS: dict[str, tuple[list[BaseMessage], list[dict[str, Any]]]] = {
    "roles": (
        [SystemMessage("a"), HumanMessage("b"), AIMessage("c"), ChatMessage("d", role="critic")],
        [
            {"role": "system", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "critic", "content": "d"},
        ],
    ),
    "developer": (
        [SystemMessage("a", additional_kwargs={"__openai_role__": "developer"})],
        [{"role": "developer", "content": "a"}],
    ),
    "a name": ([HumanMessage("a", name="ada")], [{"role": "user", "content": "a", "name": "ada"}]),
    "text blocks become one text": (
        [HumanMessage([{"type": "text", "text": "a"}, "b"]), AIMessage([{"type": "text", "text": "a"}, "b"])],
        [{"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "ab"}],
    ),
    "media keep the blocks apart": (
        [HumanMessage(["look", PICTURE])],
        [{"role": "user", "content": [{"type": "text", "text": "look"}, image(LINK)]}],
    ),
    "tool calls": (
        [AIMessage("", tool_calls=[CALL]), ToolMessage("3", tool_call_id="c1", name="add", status="error")],
        [
            {"role": "assistant", "content": "", "tool_calls": [WIRE_CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "3"},
        ],
    ),
    "Anthropic's tool_use and thinking blocks are not content": (
        [
            AIMessage(
                [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "ok"},
                    {"type": "tool_use", "id": "c1", "name": "add", "input": {}},
                ],
                tool_calls=[CALL],
            )
        ],
        [{"role": "assistant", "content": "ok", "tool_calls": [WIRE_CALL]}],
    ),
    "v1 blocks of an answer": (
        [
            AIMessage(
                content_blocks=[
                    {"type": "reasoning", "reasoning": "hm"},
                    {"type": "text", "text": "ok"},
                    CALL,
                ]
            )
        ],
        [{"role": "assistant", "content": "ok", "tool_calls": [WIRE_CALL]}],
    ),
    "media of tool results follow after the last result": (
        [
            AIMessage("", tool_calls=[CALL, {**CALL, "id": "c2"}]),
            ToolMessage([{"type": "text", "text": "done"}, PICTURE], tool_call_id="c1", name="draw"),
            ToolMessage("two", tool_call_id="c2"),
            HumanMessage("and?"),
        ],
        [
            {"role": "assistant", "content": "", "tool_calls": [WIRE_CALL, {**WIRE_CALL, "id": "c2"}]},
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": "done\nThe media of this result follow in the next user message.",
            },
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Media returned by tool call c1 (draw):"},
                    image(LINK),
                ],
            },
            {"role": "user", "content": "and?"},
        ],
    ),
    "a broken call stays only when it was answered": (
        [
            AIMessage(
                "",
                invalid_tool_calls=[
                    {"name": "add", "args": "{", "id": "c1", "error": "cut", "type": "invalid_tool_call"},
                    {"name": "add", "args": "{", "id": "c2", "error": "cut", "type": "invalid_tool_call"},
                ],
            ),
            ToolMessage("that was cut", tool_call_id="c1"),
        ],
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "that was cut"},
        ],
    ),
    "notification marks are not sent": (
        [HumanMessage("a", additional_kwargs={"lc_source": "x", "lc_data": {"y": 1}})],
        [{"role": "user", "content": "a"}],
    ),
    "reasoning is not sent back": (
        [AIMessage("ok", additional_kwargs={"reasoning_content": "hm"})],
        [{"role": "assistant", "content": "ok"}],
    ),
    "a refusal is what the assistant said": (
        [AIMessage("", additional_kwargs={"refusal": "No."})],
        [{"role": "assistant", "content": "No."}],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_goes_out_as_openai_messages(name: str) -> None:
    messages, wire = CONVERSATIONS[name]
    before = [message.model_copy(deep=True) for message in messages]
    assert to_wire(messages) == wire
    assert messages == before


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("ok", additional_kwargs={"reasoning_content": "hm"}),
        AIMessage(content_blocks=[{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "ok"}]),
        AIMessage([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "ok"}]),
    ],
    ids=["kept beside the content", "a v1 block", "Anthropic's block"],
)
def test_reasoning_is_sent_back_on_request(message: AIMessage) -> None:
    assert to_wire([message], echo_reasoning=True) == [
        {"role": "assistant", "content": "ok", "reasoning_content": "hm"}
    ]


def test_media_stay_in_the_tool_message_on_request() -> None:
    message = ToolMessage([PICTURE], tool_call_id="c1")
    assert to_wire([message], media_in_tool_messages=True) == [
        {"role": "tool", "tool_call_id": "c1", "content": [image(LINK)]}
    ]


@pytest.mark.parametrize(
    "args", [{"day": object()}, {1j: 1}, {"self": CALL}], ids=["a value", "a key", "a circle"]
)
def test_arguments_that_are_no_json_are_refused_before_the_wire(args: dict[Any, Any]) -> None:
    message = AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "c1", "type": "tool_call"}])
    if "self" in args:
        args = {"self": args}
        args["self"]["self"] = args
    message.tool_calls[0]["args"] = args
    with pytest.raises(ConfigError, match="'add'"):
        to_wire([message])


def test_a_message_that_is_not_for_models_is_refused() -> None:
    with pytest.raises(ConfigError, match="RemoveMessage"):
        to_wire([RemoveMessage(id="1")])
