"""What a chat call takes and gives: requests, deltas, replies. Its parameters are in `params`.

Inputs are what users already know: OpenAI-format message dictionaries. What comes back is immutable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_core.types.cost import Cost
from shared_core.types.deltas import ToolCall, Usage

__all__ = [
    "ChatReply",
    "ChatRequest",
    "Choice",
    "Message",
    "ReplyMeta",
]

_UNKNOWN = Cost()

Message = Mapping[str, Any]
"""An OpenAI-format message: {"role": ..., "content": ..., ...}."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat call, before a provider is chosen.

    Args:
        messages: OpenAI-format messages, in order.
        model: Model id with its suffix, exactly as it goes on the wire.
        params: Checked `ChatParams`, without Nones.
        stream: Whether the answer comes in pieces.
        extra_body: Further keys of the JSON body, for what only one provider knows.
        reasoning_tags: Whether `<think>…</think>` in the content is split off as reasoning.
    """

    messages: Sequence[Message]
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    reasoning_tags: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` answers."""

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish_reason: str | None = None
    logprobs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReplyMeta:
    """Who answered, and how long it took.

    Args:
        model: The model that answered, in the provider's words.
        provider: The provider that answered; None when neither the reply nor the request names it.
        request_id: The service's `x-request-id`.
        attempts: How often the call was sent, 1 when the first try worked.
        latency_s: Seconds from the call to the complete answer.
        first_token_s: Seconds from the call to the first content; None without streaming.
        headers: The reply's headers, names in lower case.
        url: The address that was called.
        cost: What this answer cost, where that is known; tries that failed are not in it, nor what was broken off
            because another target was faster (`hedge`), of which its note tells.
        moves: How many targets were given up before this one answered; 0 without `fallback`.
        cached: Whether it was remembered from an earlier call, and nobody was asked.
    """

    model: str
    provider: str | None = None
    request_id: str | None = None
    attempts: int = 1
    latency_s: float = 0.0
    first_token_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    cost: Cost = _UNKNOWN
    moves: int = 0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A complete answer. `text`, `tool_calls` and the like are those of the first choice.

    Args:
        choices: Every answer, by index; at least one.
        usage: Tokens of the call; None when the provider did not say.
        meta: Who answered, and how long it took.
        id: The completion's id in the provider's words.
        created: Unix time in seconds, in the provider's words.
        system_fingerprint: The provider's configuration mark.
        raw: The JSON body of a plain reply; empty for a streamed one.
    """

    choices: tuple[Choice, ...]
    usage: Usage | None
    meta: ReplyMeta
    id: str = ""
    created: int | None = None
    system_fingerprint: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        return self.choices[0].reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.choices[0].tool_calls

    @property
    def refusal(self) -> str:
        return self.choices[0].refusal

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason

    @property
    def logprobs(self) -> Mapping[str, Any] | None:
        return self.choices[0].logprobs

    def as_message(self) -> dict[str, Any]:
        """The answer as the assistant message to append to the conversation (reasoning left out)."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.tool_calls:
            message["tool_calls"] = [call.as_message() for call in self.tool_calls]
        return message
