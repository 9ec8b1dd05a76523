"""What a chat call takes and gives: parameters, deltas, replies.

Inputs are what users already know: OpenAI-format message dictionaries. What comes back is immutable.
`ChatDelta` is a named tuple because one is made for every streamed token: it costs a fifth of a frozen
dataclass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

from shared_core.types.waits import Timeouts

__all__ = [
    "CHAT_PARAMS",
    "ChatDelta",
    "ChatOptions",
    "ChatParams",
    "ChatReply",
    "ChatRequest",
    "Choice",
    "Message",
    "ReplyMeta",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
]

Message = Mapping[str, Any]
"""An OpenAI-format message: {"role": ..., "content": ..., ...}."""

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class ChatParams(TypedDict, total=False):
    """Every chat parameter that the router takes; None is never sent.

    Keys:
        temperature: Randomness, 0 to 2.
        top_p: Share of probability mass to sample from, 0 to 1.
        top_k: Number of most likely tokens to sample from (not every provider takes it).
        max_tokens: Longest answer in tokens.
        stop: Up to four texts that end the answer.
        seed: For repeatable sampling where the provider supports it.
        n: Number of answers.
        frequency_penalty, presence_penalty: -2 to 2.
        repetition_penalty: 1 means none (not every provider takes it).
        logit_bias: Token id to bias, -100 to 100.
        logprobs, top_logprobs: Whether to return log-probabilities, and for how many tokens (0 to 5).
        tools, tool_choice, parallel_tool_calls: Function calling, in OpenAI's form.
        response_format: Structured output, in OpenAI's form.
        stream_options: Sent only with streams; default {"include_usage": True}.
        reasoning_effort: How long to think; which levels work depends on the provider.
    """

    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    n: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    repetition_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | None
    stream_options: Mapping[str, Any] | None
    reasoning_effort: ReasoningEffort | str | None


class ChatOptions(ChatParams, total=False):
    """Chat parameters, and what may be special to one call.

    Keys:
        model: In place of the client's own.
        timeout: Seconds for this call, or `Timeouts`.
        extra_body: Further keys of the JSON body, for what only one provider knows.
        extra_headers: Further headers of this request.
    """

    model: str | None
    timeout: float | Timeouts | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None


CHAT_PARAMS = frozenset(ChatParams.__annotations__)
"""The names in `ChatParams`; anything else belongs into `extra_body`."""


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
        value = json.loads(self.arguments)
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
    """

    model: str
    provider: str | None = None
    request_id: str | None = None
    attempts: int = 1
    latency_s: float = 0.0
    first_token_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""


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
