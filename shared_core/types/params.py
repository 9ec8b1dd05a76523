"""The parameters of a chat call, as the router takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from shared_core.types.waits import Timeouts

__all__ = ["CHAT_PARAMS", "ChatOptions", "ChatParams"]

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
        usage_tags: Whose usage it is, on top of the client's own.
        cache: False to be answered anew, and not to be remembered, where the client has a `chat_cache`.
    """

    model: str | None
    timeout: float | Timeouts | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None
    usage_tags: Mapping[str, str] | None
    cache: bool


CHAT_PARAMS = frozenset(ChatParams.__annotations__)
"""The names in `ChatParams`; anything else belongs into `extra_body`."""
