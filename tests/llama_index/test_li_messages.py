"""Messages and media on their way out: one table of blocks, one of roles, one of bad input."""

from __future__ import annotations

import base64
import copy
import io
import struct
import wave

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.llms import ChatMessage

from llama_index_hfrouter.media import media_part
from llama_index_hfrouter.messages import MessageRules, to_wire
from shared_core.errors import BadRequest

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"
MP4 = struct.pack(">I", 24) + b"ftypmp42" + b"\0" * 4 + b"mp42isom" + b"\0" * 64
RULES = MessageRules()


def wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0\0" * 80)
    return buffer.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def parts(*blocks):
    return to_wire([ChatMessage(list(blocks))], RULES)[0]["content"]


CALL = ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1})


def tool_result(*blocks, call_id="c1"):
    return ChatMessage(role="tool", blocks=list(blocks), additional_kwargs={"tool_call_id": call_id})


@pytest.mark.parametrize(
    ("block", "part"),
    [
        pytest.param(
            ImageBlock(image=PNG),
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(PNG)}"}},
            id="image bytes become a data URL",
        ),
        pytest.param(
            ImageBlock(image=PNG, detail="low"),
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(PNG)}", "detail": "low"}},
            id="detail is kept",
        ),
        pytest.param(
            ImageBlock(url="https://example.org/cat.png"),
            {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
            id="an image address is passed on",
        ),
        pytest.param(
            AudioBlock(audio=wav()),
            {"type": "input_audio", "input_audio": {"data": b64(wav()), "format": "wav"}},
            id="audio bytes, format seen",
        ),
        pytest.param(
            AudioBlock(audio=b"\1\2\3\4", format="mpeg"),
            {"type": "input_audio", "input_audio": {"data": b64(b"\1\2\3\4"), "format": "mp3"}},
            id="audio in OpenAI's words",
        ),
        pytest.param(
            AudioBlock(url="https://example.org/a.mp3"),
            {"type": "audio_url", "audio_url": {"url": "https://example.org/a.mp3"}},
            id="an audio address is passed on",
        ),
        pytest.param(
            VideoBlock(video=MP4),
            {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{b64(MP4)}"}},
            id="video bytes",
        ),
        pytest.param(
            VideoBlock(url="https://example.org/v.mp4"),
            {"type": "video_url", "video_url": {"url": "https://example.org/v.mp4"}},
            id="a video address is passed on",
        ),
        pytest.param(
            DocumentBlock(data=PDF, title="terms.pdf"),
            {
                "type": "file",
                "file": {"filename": "terms.pdf", "file_data": f"data:application/pdf;base64,{b64(PDF)}"},
            },
            id="a PDF becomes a file",
        ),
        pytest.param(
            DocumentBlock(url="https://example.org/terms.pdf"),
            {"type": "file", "file": {"filename": "terms.pdf", "file_data": "https://example.org/terms.pdf"}},
            id="a document's address is passed on",
        ),
    ],
)
def test_media_blocks_become_parts(block, part):
    assert parts(TextBlock(text="look"), block) == [{"type": "text", "text": "look"}, part]


def test_files_are_read_from_their_path(tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    assert parts(ImageBlock(path=path))[0]["image_url"]["url"].endswith(b64(PNG))


def test_an_open_file_is_read_from_its_beginning():
    opened = io.BytesIO(PNG)
    opened.read()
    block = ImageBlock.model_construct(image=opened, detail=None, path=None, url=None, image_mimetype=None)
    assert media_part(block)["image_url"]["url"].endswith(b64(PNG))


def test_an_empty_file_is_no_image():
    block = ImageBlock.model_construct(image=io.BytesIO(b""), path=None, url=None)
    with pytest.raises(BadRequest, match="no bytes"):
        media_part(block)


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        pytest.param([TextBlock(text="a"), TextBlock(text="b")], "a\nb", id="texts are joined as in content"),
        pytest.param(
            [
                TextBlock(text="a"),
                CachePoint(cache_control=CacheControl(type="ephemeral")),
            ],
            "a",
            id="cache marks are dropped",
        ),
        pytest.param(
            [CitableBlock(title="Terms", source="terms.md", content="No pets.")],
            "Terms (terms.md)\nNo pets.",
            id="a citable block is flattened",
        ),
        pytest.param(
            [CitationBlock(title="T", source="s", cited_content="No pets.", additional_location_info={})],
            "No pets.",
            id="a citation is what it cites",
        ),
        pytest.param(
            [DocumentBlock(data=b"# Title", document_mimetype="text/markdown", title="notes.md")],
            "notes.md\n\n# Title",
            id="a text document is text",
        ),
    ],
)
def test_what_is_text_goes_out_as_a_plain_string(blocks, text):
    assert parts(*blocks) == text


@pytest.mark.parametrize(
    ("role", "wire"),
    [
        ("system", "system"),
        ("developer", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_roles(role, wire):
    assert to_wire([ChatMessage("x", role=role)], RULES) == [{"role": wire, "content": "x"}]


class TestToolTurns:
    def test_calls_and_results(self):
        wire = to_wire(
            [ChatMessage(role="assistant", blocks=[CALL]), tool_result(TextBlock(text="3"))],
            RULES,
        )
        assert wire == [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "3"},
        ]

    @pytest.mark.parametrize("arguments", ['{"a": 1}', '{"a": '], ids=["whole", "broken"])
    def test_arguments_that_stayed_text_go_back_unchanged(self, arguments):
        block = ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs=arguments)
        wire = to_wire([ChatMessage(role="assistant", blocks=[block])], RULES)
        assert wire[0]["tool_calls"][0]["function"]["arguments"] == arguments

    def test_calls_that_another_class_left_in_additional_kwargs_are_understood(self):
        call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
        message = ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [call]})
        assert to_wire([message], RULES)[0]["tool_calls"] == [call]

    def test_media_of_parallel_results_follow_in_one_user_message(self):
        wire = to_wire(
            [
                ChatMessage(role="assistant", blocks=[CALL]),
                tool_result(TextBlock(text="one"), ImageBlock(image=PNG)),
                tool_result(ImageBlock(image=PNG), call_id="c2"),
            ],
            RULES,
        )
        assert [message["role"] for message in wire] == ["assistant", "tool", "tool", "user"]
        assert [part["type"] for part in wire[3]["content"]] == ["text", "image_url", "text", "image_url"]
        assert "c2" in wire[3]["content"][2]["text"]
        assert wire[2]["content"]

    def test_media_join_the_user_s_next_message(self):
        wire = to_wire([tool_result(ImageBlock(image=PNG)), ChatMessage("and now?")], RULES)
        assert [message["role"] for message in wire] == ["tool", "user"]
        assert wire[1]["content"][-1] == {"type": "text", "text": "and now?"}

    def test_a_model_that_sees_nothing_gets_a_remark(self):
        wire = to_wire([tool_result(ImageBlock(image=PNG))], MessageRules(sees_images=False))
        assert len(wire) == 1
        assert "left out" in wire[0]["content"]

    def test_an_assistant_s_media_move_behind_it(self):
        wire = to_wire([ChatMessage(role="assistant", blocks=[ImageBlock(image=PNG)])], RULES)
        assert [message["role"] for message in wire] == ["assistant", "user"]


class TestReasoning:
    MESSAGE = ChatMessage(role="assistant", blocks=[ThinkingBlock(content="hm"), CALL])
    PLAIN = ChatMessage(role="assistant", blocks=[ThinkingBlock(content="hm"), TextBlock(text="hi")])

    @pytest.mark.parametrize(
        ("rules", "with_calls", "without"),
        [
            pytest.param(
                MessageRules("auto", "deepseek-ai/DeepSeek-V4"), True, False, id="DeepSeek wants it"
            ),
            pytest.param(MessageRules("auto", "zai-org/GLM-5:novita"), True, False, id="GLM wants it"),
            pytest.param(MessageRules("auto", "deepseek-chat"), True, False, id="DeepSeek's own server"),
            pytest.param(MessageRules("auto", "moonshotai/K3", "groq"), False, False, id="groq refuses it"),
            pytest.param(MessageRules("auto", "google/gemma-4"), False, False, id="Gemma refuses it"),
            pytest.param(MessageRules("auto", "nobody/knows"), False, False, id="unknown is left alone"),
            pytest.param(MessageRules(True, "google/gemma-4"), True, True, id="the caller says yes"),
            pytest.param(
                MessageRules(False, "deepseek-ai/DeepSeek-V4"), False, False, id="the caller says no"
            ),
        ],
    )
    def test_reasoning_goes_back_where_it_is_wanted(self, rules, with_calls, without):
        assert ("reasoning_content" in to_wire([self.MESSAGE], rules)[0]) == with_calls
        assert ("reasoning_content" in to_wire([self.PLAIN], rules)[0]) == without


class TestBadInput:
    def test_a_file_that_is_gone(self, tmp_path):
        path = tmp_path / "gone.png"
        path.write_bytes(PNG)
        block = ImageBlock(path=path)
        path.unlink()
        with pytest.raises(BadRequest, match=r"gone\.png"):
            parts(block)

    def test_a_document_that_never_was(self):
        with pytest.raises(BadRequest, match=r"never\.pdf"):
            parts(DocumentBlock(path="/nowhere/never.pdf"))

    @pytest.mark.parametrize(
        ("block", "word"),
        [
            pytest.param(ImageBlock(), "empty", id="an empty image"),
            pytest.param(ImageBlock(image=b"????!"), "image_mimetype", id="an image of no known format"),
            pytest.param(AudioBlock(audio=b"????!"), "format", id="audio of no known format"),
        ],
    )
    def test_blocks_that_cannot_be_sent(self, block, word):
        with pytest.raises(BadRequest, match=word):
            parts(block)

    def test_a_string_is_never_opened(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("do not read me")
        assert parts(TextBlock(text=str(secret))) == str(secret)
        assert parts(ImageBlock(url=secret.as_uri()))[0]["image_url"]["url"] == secret.as_uri()


def test_no_message_is_changed_on_the_way():
    messages = [
        ChatMessage([TextBlock(text="a"), ImageBlock(image=PNG)]),
        ChatMessage(role="assistant", blocks=[ThinkingBlock(content="hm"), CALL]),
        tool_result(ImageBlock(image=PNG)),
    ]
    before = copy.deepcopy(messages)
    to_wire(messages, RULES)
    assert messages == before


def test_media_reach_the_server_whole(make_llm, server):
    blocks = [
        TextBlock(text="look"),
        ImageBlock(image=PNG),
        AudioBlock(audio=wav()),
        VideoBlock(video=MP4),
        DocumentBlock(data=PDF, title="terms.pdf"),
    ]
    make_llm("tools").chat([ChatMessage(blocks)])
    assert [data for _, data in server.requests[0].media] == [PNG, wav(), MP4, PDF]
