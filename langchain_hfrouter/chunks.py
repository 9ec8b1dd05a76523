"""Streamed deltas as LangChain chunks: the hot path.

Lives here: one chunk a delta, and the closing chunk with everything that must come once. Not here: opening
and closing streams (`chat_models`).

Rules of LangChain's merging that shape this file: strings in `response_metadata` are concatenated, so the
model's name comes once, in the closing chunk; token counts are added, so usage comes once, there too.

Pydantic's constructors take 5 to 7 µs a chunk, more than everything else on the way. Chunks are therefore
made from a copy of a validated one's `__dict__`. `_templates` builds one chunk both ways and compares them
when this file is imported; should a release of pydantic or LangChain make them differ, the constructors are
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk, InvalidToolCall, ToolCall, ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from langchain_hfrouter.replies import PROVIDER, response_metadata, usage_metadata
from shared_core.types import ToolCallDelta

if TYPE_CHECKING:
    from shared_core.types import ChatDelta, ChatReply

__all__ = ["ChunkMaker"]

_new = object.__new__
_set = object.__setattr__


class ChunkMaker:
    """Turns the deltas of one stream into chunks.

    Args:
        blocks: Whether content comes as v1 content blocks (`output_version="v1"`). Their `index` tells text,
            reasoning and the tool calls apart; LangChain's own numbering would merge a text with the first
            tool call.
    """

    __slots__ = ("_blocks",)

    def __init__(self, *, blocks: bool) -> None:
        self._blocks = blocks

    def chunk(self, delta: ChatDelta) -> ChatGenerationChunk | None:
        """The chunk of a delta; None when the delta adds nothing that is not in the closing chunk.

        Args:
            delta: From the core's stream. Only the first of several answers is streamed.
        """
        text, reasoning, pieces, index, _, _, refusal, logprobs = delta
        if index:
            return None
        if not (pieces or reasoning or refusal or logprobs):
            return self._text(text) if text else None
        extra: dict[str, Any] = {}
        if reasoning:
            extra["reasoning_content"] = reasoning
        if refusal:
            extra["refusal"] = refusal
        content: str | list[Any] = text
        if self._blocks:
            content = _v1_blocks(text, reasoning, pieces)
        info = {"logprobs": dict(logprobs)} if logprobs else None
        return _make(content, text, extra, pieces, info, v1=self._blocks)

    def _text(self, text: str) -> ChatGenerationChunk:
        if self._blocks:
            return _make([_text_block(text)], text, {}, (), None, v1=True)
        return _make(text, text, {}, (), None)

    def last(self, reply: ChatReply) -> ChatGenerationChunk:
        """The closing chunk: usage, metadata and id, each exactly once.

        Args:
            reply: The finished stream's reply.
        """
        metadata = response_metadata(reply, reply.choices[0], with_logprobs=False)
        if self._blocks:
            metadata["output_version"] = "v1"
        message = AIMessageChunk(
            content=[] if self._blocks else "",
            usage_metadata=usage_metadata(reply.usage),
            response_metadata=metadata,
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "index": "lc_txt_0"}


def _v1_blocks(text: str, reasoning: str, pieces: tuple[ToolCallDelta, ...]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reasoning:
        blocks.append({"type": "reasoning", "reasoning": reasoning, "index": "lc_rs_0"})
    if text:
        blocks.append(_text_block(text))
    blocks += [
        {
            "type": "tool_call_chunk",
            "id": piece.id or None,
            "name": piece.name or None,
            "args": piece.arguments,
            "index": f"lc_tc_{piece.index}",
        }
        for piece in pieces
    ]
    return blocks


def _make_slowly(
    content: Any,
    text: str,  # noqa: ARG001
    extra: dict[str, Any],
    pieces: tuple[ToolCallDelta, ...],
    info: dict[str, Any] | None,
    *,
    v1: bool = False,
) -> ChatGenerationChunk:
    """By the constructors: what `_make_fast` must equal."""
    metadata: dict[str, Any] = {"model_provider": PROVIDER}
    if v1:
        metadata["output_version"] = "v1"
    message = AIMessageChunk(
        content=content,
        additional_kwargs=extra,
        response_metadata=metadata,
        tool_call_chunks=[_call_chunk(piece) for piece in pieces],
    )
    return ChatGenerationChunk(message=message, generation_info=info)


def _call_chunk(piece: ToolCallDelta) -> ToolCallChunk:
    return {
        "name": piece.name or None,
        "args": piece.arguments,
        "id": piece.id or None,
        "index": piece.index,
        "type": "tool_call_chunk",
    }


def _make_fast(
    content: Any,
    text: str,
    extra: dict[str, Any],
    pieces: tuple[ToolCallDelta, ...],
    info: dict[str, Any] | None,
    *,
    v1: bool = False,
) -> ChatGenerationChunk:
    """By copies of validated objects; every mutable value is the chunk's own."""
    calls: list[ToolCall] = []
    broken: list[InvalidToolCall] = []
    fields = _MESSAGE.copy()
    fields["content"] = content
    fields["additional_kwargs"] = extra
    fields["response_metadata"] = (
        {"model_provider": PROVIDER, "output_version": "v1"} if v1 else {"model_provider": PROVIDER}
    )
    fields["tool_calls"] = calls
    fields["invalid_tool_calls"] = broken
    if pieces:
        fields["tool_call_chunks"] = [_call_chunk(piece) for piece in pieces]
        for piece in pieces:
            _sort_in(piece, calls, broken)
        named = _MESSAGE_WITH_CALLS
    else:
        fields["tool_call_chunks"] = []
        named = _MESSAGE_FIELDS
    message = _new(AIMessageChunk)
    _set(message, "__dict__", fields)
    _set(message, "__pydantic_fields_set__", set(named))
    _set(message, "__pydantic_extra__", {})
    _set(message, "__pydantic_private__", None)
    chunk = _new(ChatGenerationChunk)
    _set(
        chunk,
        "__dict__",
        {"text": text, "generation_info": info, "type": "ChatGenerationChunk", "message": message},
    )
    _set(chunk, "__pydantic_fields_set__", _CHUNK_FIELDS)
    _set(chunk, "__pydantic_extra__", None)
    _set(chunk, "__pydantic_private__", None)
    return chunk


def _sort_in(piece: ToolCallDelta, calls: list[ToolCall], broken: list[InvalidToolCall]) -> None:
    """What `AIMessageChunk` makes of a piece of arguments: it parses each piece as if it were a beginning."""
    arguments = piece.arguments
    parsed: Any = {}
    if arguments:
        parsed = None
        # Only text that begins an object can parse to one; for all other pieces the parser's work is wasted.
        if arguments.lstrip()[:1] == "{":
            try:
                parsed = parse_partial_json(arguments)
            except ValueError:
                parsed = None
    if isinstance(parsed, dict):
        calls.append({"name": piece.name or "", "args": parsed, "id": piece.id or None, "type": "tool_call"})
    else:
        broken.append(
            {
                "name": piece.name or None,
                "args": arguments,
                "id": piece.id or None,
                "error": None,
                "type": "invalid_tool_call",
            }
        )


def _same(fast: Any, slow: Any) -> bool:
    """Whether two pydantic objects are alike in everything, also in what `==` does not look at."""
    return (
        type(fast) is type(slow)
        and fast.__dict__.keys() == slow.__dict__.keys()
        and fast.__pydantic_fields_set__ == slow.__pydantic_fields_set__
        and fast.__pydantic_extra__ == slow.__pydantic_extra__
        and fast.__pydantic_private__ == slow.__pydantic_private__
        and bool(fast == slow)
    )


def _fast_is_right() -> bool:
    """Compares both ways of making chunks on one chunk of each kind."""
    samples: tuple[tuple[Any, ...], ...] = (
        ("Hi", "Hi", {}, (), None),
        ("", "", {"reasoning_content": "so"}, (), {"logprobs": {"content": []}}),
        ("", "", {}, (ToolCallDelta(0, "call_1", "add", '{"a'), ToolCallDelta(1, "", "", "1}")), None),
        ("", "", {}, (ToolCallDelta(0, "call_1", "add", ""),), None),
    )
    for sample in samples:
        fast, slow = _make_fast(*sample), _make_slowly(*sample)
        if not (_same(fast, slow) and _same(fast.message, slow.message)):
            return False
    return True


_template = _make_slowly("", "", {}, (), None)
_MESSAGE: dict[str, Any] = dict(_template.message.__dict__)
_MESSAGE_FIELDS = frozenset(_template.message.__pydantic_fields_set__)
_with_call = _make_slowly("", "", {}, (ToolCallDelta(0),), None)
_MESSAGE_WITH_CALLS = frozenset(_with_call.message.__pydantic_fields_set__)
# One set for all, unlike the message's: nobody assigns to a generation, and the collector has one object less.
_CHUNK_FIELDS = set(_template.__pydantic_fields_set__)
FAST = _fast_is_right()
_make = _make_fast if FAST else _make_slowly
