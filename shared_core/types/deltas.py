"""The small values that streams are made of, and tool calls and token counts with them.

Named tuples, because one is made for every streamed token: that costs a quarter of a frozen dataclass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ChatDelta", "ToolCall", "ToolCallDelta", "Usage"]


class Usage(NamedTuple):
    """Tokens of one call.

    Args:
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written, reasoning included.
        total_tokens: Their sum, or what the provider said it is.
        cached_tokens: Tokens read from the provider's cache; None when it did not say.
        reasoning_tokens: Tokens spent on reasoning; None when it did not say.
        raw: The provider's own usage object, with everything else it holds.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    raw: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={value}" for name, value in zip(self._fields[:-1], self, strict=False))
        return f"Usage({counts})"


class ToolCallDelta(NamedTuple):
    """A piece of a tool call.

    Args:
        index: Position of the call among the calls of one answer, from 0, without gaps.
        id: The call's id, in its first piece only ("" afterwards); made up when the provider sent none.
        name: The function's name, in the first piece only.
        arguments: The next piece of the JSON text.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody misses
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCall(NamedTuple):
    """A complete tool call; `arguments` is the model's own JSON text, untouched.

    Example:
        >>> ToolCall("call_1", "add", '{"a": 1}').parsed()
        {'a': 1}
    """

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments as a dictionary.

        Raises:
            ValueError: The text is not a JSON object, as when the answer was cut by `max_tokens`.
        """
        if not self.arguments.strip():
            return {}
        try:
            value = json.loads(self.arguments)
        except RecursionError:
            raise ValueError(f"the arguments of {self.name!r} are nested too deeply to be read") from None
        if not isinstance(value, dict):
            raise ValueError(f"the arguments of {self.name!r} are not a JSON object: {self.arguments[:200]}")
        return value

    def as_message(self) -> dict[str, Any]:
        """The call as it stands in an assistant message."""
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }


class ChatDelta(NamedTuple):
    """What one streamed event adds. The last delta of a stream carries `usage`, once.

    Args:
        text: The next piece of the answer.
        reasoning: The next piece of the reasoning, however the provider spells it.
        tool_calls: Pieces of tool calls.
        index: Which of `n` answers this belongs to.
        finish_reason: Set when that answer is complete: "stop", "length", "tool_calls", "content_filter".
        usage: Tokens of the whole call.
        refusal: The next piece of a refusal.
        logprobs: OpenAI's `logprobs` object for these tokens.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    index: int = 0  # type: ignore[assignment]
    finish_reason: str | None = None
    usage: Usage | None = None
    refusal: str = ""
    logprobs: Mapping[str, Any] | None = None
