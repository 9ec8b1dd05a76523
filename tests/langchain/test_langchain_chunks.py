"""The fast way of making chunks equals the constructors, piece by piece and merged."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import message_chunk_to_message

from langchain_hfrouter import chunks
from langchain_hfrouter.chunks import ChunkMaker, _make_fast, _make_slowly
from shared_core.types import ChatDelta, ChatReply, Choice, ReplyMeta, ToolCallDelta, Usage

DELTAS = {
    "text": ChatDelta(text="Hi"),
    "reasoning": ChatDelta(reasoning="so"),
    "refusal": ChatDelta(refusal="no"),
    "text with logprobs": ChatDelta(text="Hi", logprobs={"content": [{"token": "Hi"}]}),
    "text and reasoning": ChatDelta(text="Hi", reasoning="so"),
    "a call begins": ChatDelta(tool_calls=(ToolCallDelta(0, "c", "add", ""),)),
    "a call whole": ChatDelta(tool_calls=(ToolCallDelta(0, "c", "add", '{"a": 1}'),)),
    "arguments that begin": ChatDelta(tool_calls=(ToolCallDelta(0, "", "", '{"a'),)),
    "arguments that go on": ChatDelta(tool_calls=(ToolCallDelta(0, "", "", '": 1}'),)),
    "white space": ChatDelta(tool_calls=(ToolCallDelta(0, "", "", "  "),)),
    "a list": ChatDelta(tool_calls=(ToolCallDelta(0, "c", "add", "[1]"),)),
    "two calls and text": ChatDelta(
        text="Hi", tool_calls=(ToolCallDelta(0, "c", "add", "{}"), ToolCallDelta(1, "d", "sub", '{"b": 2}'))
    ),
}


def state(value: Any) -> Any:
    """Everything pydantic keeps of an object."""
    return (
        type(value),
        value.__dict__,
        value.__pydantic_fields_set__,
        value.__pydantic_extra__,
        value.__pydantic_private__,
    )


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the chunk of a delta fast and slowly."""

    def build(delta: ChatDelta, *, blocks: bool) -> tuple[Any, Any]:
        made = []
        for way in (_make_fast, _make_slowly):
            monkeypatch.setattr(chunks, "_make", way)
            made.append(ChunkMaker(blocks=blocks).chunk(delta))
        return made[0], made[1]

    return build


def test_the_fast_way_is_in_use() -> None:
    assert chunks.FAST is True
    assert chunks._make is _make_fast


@pytest.mark.parametrize("blocks", [False, True], ids=["text", "v1 blocks"])
@pytest.mark.parametrize("name", DELTAS)
def test_both_ways_make_the_same_chunk(name: str, blocks: bool, both: Any) -> None:
    fast, slow = both(DELTAS[name], blocks=blocks)
    assert state(fast.message) == state(slow.message)
    assert state(fast)[2:] == state(slow)[2:]
    assert fast == slow
    assert fast.model_dump() == slow.model_dump()
    assert repr(fast) == repr(slow)
    assert fast.message.content_blocks == slow.message.content_blocks
    assert pickle.loads(pickle.dumps(fast)) == slow
    assert fast.message.model_copy(update={"id": "x"}) == slow.message.model_copy(update={"id": "x"})


@given(st.text(alphabet='{}[]",: \n\\a1é', max_size=12), st.sampled_from(["", "add"]))
def test_any_piece_of_arguments_is_read_as_langchain_reads_it(arguments: str, name: str) -> None:
    pieces = (ToolCallDelta(0, "c" if name else "", name, arguments),)
    fast = _make_fast("", "", {}, pieces, None).message
    slow = _make_slowly("", "", {}, pieces, None).message
    assert fast.tool_calls == slow.tool_calls
    assert fast.invalid_tool_calls == slow.invalid_tool_calls


def test_no_two_chunks_share_what_can_be_changed() -> None:
    make = ChunkMaker(blocks=False)
    one, other = make.chunk(ChatDelta(text="a")), make.chunk(ChatDelta(text="b"))
    for name in ("additional_kwargs", "response_metadata"):
        getattr(one.message, name)["x"] = 1
        assert "x" not in getattr(other.message, name)
    for name in ("tool_calls", "invalid_tool_calls", "tool_call_chunks"):
        getattr(one.message, name).append({})
        assert getattr(other.message, name) == []
    one.message.id = "x"
    assert other.message.id is None
    assert other.message.model_fields_set == make.chunk(ChatDelta(text="c")).message.model_fields_set


@pytest.mark.parametrize(
    "delta",
    [
        ChatDelta(),
        ChatDelta(finish_reason="stop"),
        ChatDelta(usage=Usage(1, 2, 3)),
        ChatDelta(text="x", index=1),
    ],
    ids=["nothing", "the finish", "the usage", "another answer"],
)
def test_what_the_closing_chunk_says_makes_no_chunk_of_its_own(delta: ChatDelta) -> None:
    assert ChunkMaker(blocks=False).chunk(delta) is None


def reply(**usage: Any) -> ChatReply:
    return ChatReply(
        choices=(Choice(text="Hi", finish_reason="stop"),),
        usage=Usage(3, 4, 7, **usage),
        meta=ReplyMeta(model="m", provider="p"),
        id="x",
    )


@pytest.mark.parametrize("blocks", [False, True], ids=["text", "v1 blocks"])
@given(
    texts=st.lists(st.text(max_size=5), max_size=6),
    arguments=st.dictionaries(
        st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=3
    ),
    cut=st.integers(min_value=1, max_value=5),
)
def test_any_stream_merges_to_the_whole_answer(
    blocks: bool, texts: list[str], arguments: dict[str, Any], cut: int
) -> None:
    spelt = json.dumps(arguments, ensure_ascii=False)
    deltas = [ChatDelta(text=text) for text in texts]
    deltas.append(ChatDelta(tool_calls=(ToolCallDelta(0, "c", "add", ""),)))
    for start in range(0, len(spelt), cut):
        deltas.append(ChatDelta(tool_calls=(ToolCallDelta(0, "", "", spelt[start : start + cut]),)))
    make = ChunkMaker(blocks=blocks)
    made = [chunk for delta in deltas if (chunk := make.chunk(delta)) is not None]
    full = sum([*made[1:], make.last(reply())], made[0])
    message = message_chunk_to_message(full.message)
    assert message.text == "".join(texts)
    assert message.tool_calls == [{"type": "tool_call", "id": "c", "name": "add", "args": arguments}]
    assert message.usage_metadata == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert message.response_metadata["model_name"] == "m"


def test_details_of_the_usage_are_kept() -> None:
    raw = {
        "prompt_tokens_details": {"audio_tokens": 1},
        "completion_tokens_details": {"audio_tokens": 2, "reasoning_tokens": 3},
    }
    last = ChunkMaker(blocks=False).last(reply(cached_tokens=2, reasoning_tokens=3, raw=raw))
    assert last.message.usage_metadata == {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "input_token_details": {"cache_read": 2, "audio": 1},
        "output_token_details": {"reasoning": 3, "audio": 2},
    }
