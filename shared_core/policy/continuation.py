"""A cut answer, continued by another model: what that one is sent, and how the two halves become one reply.

The conversation is sent with the part that arrived as the assistant's message, and after it one message of the user,
`INSTRUCTION`. Nothing else changes. Only text is continued: half a tool call, half a JSON document or one of several
answers cannot be joined without knowing what was meant.
"""

from __future__ import annotations

from dataclasses import replace

from shared_core.types import ChatReply, ChatRequest, Request

__all__ = ["INSTRUCTION", "continuing", "is_continuable", "joined"]

INSTRUCTION = (
    "Your answer was cut off. Go on exactly where it stops, in the middle of a word if need be: repeat nothing of "
    "it, and say nothing about the interruption."
)


def is_continuable(request: Request, written: ChatReply | None = None) -> bool:
    """Whether an answer to this request is one text.

    Args:
        request: What was asked.
        written: What has arrived; None to look at the request alone.
    """
    if not isinstance(request, ChatRequest):
        return False
    params = request.params
    kind = (params.get("response_format") or {}).get("type", "text")
    if params.get("n", 1) != 1 or params.get("logprobs") or kind != "text":
        return False
    return written is None or (
        len(written.choices) == 1 and bool(written.text) and not written.tool_calls and not written.refusal
    )


def continuing(request: ChatRequest, written: ChatReply) -> ChatRequest:
    """The request for the rest."""
    rest = ({"role": "assistant", "content": written.text}, {"role": "user", "content": INSTRUCTION})
    return replace(request, messages=[*request.messages, *rest])


def joined(first: ChatReply, rest: ChatReply) -> ChatReply:
    """One reply of both halves. Who answered, the id and the usage are those of the second: what the first half
    cost, its provider never said."""
    if not rest.choices:
        return first
    half, other = first.choices[0], rest.choices[0]
    whole = replace(other, text=half.text + other.text, reasoning=half.reasoning + other.reasoning)
    return replace(rest, choices=(whole, *rest.choices[1:]))
