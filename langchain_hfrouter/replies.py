"""The core's complete replies as LangChain results.

Lives here: messages, tool calls, usage and metadata of a reply that is there as a whole, and the two
dictionaries that streams share with it. Not here: pieces of a stream (`chunks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

if TYPE_CHECKING:
    from shared_core.types import ChatReply, Choice, Usage
    from shared_core.types import ToolCall as CoreToolCall

__all__ = ["PROVIDER", "response_metadata", "to_result", "usage_metadata"]

PROVIDER = "hfrouter"
"""`model_provider` of messages and `ls_provider` of traces: LangChain compares the two."""


def to_result(reply: ChatReply) -> ChatResult:
    """Every answer of a reply, the usage with the first one.

    Args:
        reply: What the core returned.

    Returns:
        One generation a choice. `llm_output` holds the provider's own `token_usage` and the served model.
    """
    generations = [_generation(reply, choice, position) for position, choice in enumerate(reply.choices)]
    output: dict[str, Any] = {"model_name": reply.meta.model}
    if reply.usage is not None:
        output["token_usage"] = dict(reply.usage.raw) or {
            "prompt_tokens": reply.usage.prompt_tokens,
            "completion_tokens": reply.usage.completion_tokens,
            "total_tokens": reply.usage.total_tokens,
        }
    return ChatResult(generations=generations, llm_output=output)


def _generation(reply: ChatReply, choice: Choice, position: int) -> ChatGeneration:
    extra: dict[str, Any] = {}
    if choice.reasoning:
        extra["reasoning_content"] = choice.reasoning
    if choice.refusal:
        extra["refusal"] = choice.refusal
    calls: list[ToolCall] = []
    broken: list[InvalidToolCall] = []
    for call in choice.tool_calls:
        _sort_in(call, calls, broken)
    message = AIMessage(
        content=choice.text,
        additional_kwargs=extra,
        tool_calls=calls,
        invalid_tool_calls=broken,
        # Tokens are counted for the call as a whole; one message carries them, or sums would be wrong.
        usage_metadata=usage_metadata(reply.usage) if position == 0 else None,
        # No id, so that LangChain gives one for the run: a remembered answer has its first reply's, and LangGraph
        # takes two messages with one id for one.
        response_metadata=response_metadata(reply, choice),
    )
    info = {"finish_reason": choice.finish_reason}
    return ChatGeneration(message=message, generation_info=info)


def _sort_in(call: CoreToolCall, calls: list[ToolCall], broken: list[InvalidToolCall]) -> None:
    try:
        calls.append(ToolCall(type="tool_call", id=call.id, name=call.name, args=call.parsed()))
    except ValueError as error:
        broken.append(
            InvalidToolCall(
                type="invalid_tool_call",
                id=call.id,
                name=call.name,
                args=call.arguments,
                error=str(error)[:300],
            )
        )


def response_metadata(reply: ChatReply, choice: Choice, *, with_logprobs: bool = True) -> dict[str, Any]:
    """Who answered, how it went and what it cost; what is unknown is left out, but for the cost, which says so.

    Args:
        reply: The reply, complete or of a finished stream.
        choice: The answer that the metadata belong to.
        with_logprobs: False for streams, whose chunks have carried them already.
    """
    meta = reply.meta
    known = {
        "model_provider": PROVIDER,
        "model_name": meta.model,
        "provider": meta.provider,
        "finish_reason": choice.finish_reason,
        "id": reply.id or None,
        "request_id": meta.request_id,
        "attempts": meta.attempts,
        "cached": meta.cached or None,
        "latency_s": meta.latency_s,
        "first_token_s": meta.first_token_s,
        "system_fingerprint": reply.system_fingerprint or None,
        "logprobs": dict(choice.logprobs) if with_logprobs and choice.logprobs else None,
        "cost": meta.cost.as_dict(),
    }
    return {name: value for name, value in known.items() if value is not None}


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Tokens in LangChain's shape, with the details that the provider gave."""
    if usage is None:
        return None
    result = UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )
    read = InputTokenDetails()
    if usage.cached_tokens is not None:
        read["cache_read"] = usage.cached_tokens
    if (audio := _detail(usage.raw, "prompt_tokens_details", "audio_tokens")) is not None:
        read["audio"] = audio
    written = OutputTokenDetails()
    if usage.reasoning_tokens is not None:
        written["reasoning"] = usage.reasoning_tokens
    if (audio := _detail(usage.raw, "completion_tokens_details", "audio_tokens")) is not None:
        written["audio"] = audio
    if read:
        result["input_token_details"] = read
    if written:
        result["output_token_details"] = written
    return result


def _detail(raw: Mapping[str, Any], group: str, name: str) -> int | None:
    details = raw.get(group)
    value = details.get(name) if isinstance(details, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
