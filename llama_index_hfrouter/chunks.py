"""The core's replies and deltas as LlamaIndex responses.

Lives here: whole replies, streamed chunks, completions, what `raw` and `additional_kwargs` hold.
Not here: making a chunk fast (`quick`), tool arguments (`tool_calls`).

The contract of a stream: each chunk's message is the whole answer so far, `delta` is what is new, the deltas
joined are the last message's text. One more chunk closes the stream: it repeats all blocks, tool arguments
parsed, and is the only one with usage.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llama_index_hfrouter.quick import text_chunk
from llama_index_hfrouter.tool_calls import call_blocks

if TYPE_CHECKING:
    from shared_core.types import ChatDelta, ChatReply, Choice, ToolCallDelta, Usage

__all__ = ["ChunkBuilder", "chat_response", "completion", "is_unfinished"]

_log = logging.getLogger(__name__)


# -- whole replies --------------------------------------------------------------------------------------


def chat_response(reply: ChatReply, *, reasoning_as_answer: bool = True) -> ChatResponse:
    """A whole reply.

    Args:
        reply: What the core returned.
        reasoning_as_answer: Whether reasoning stands in for the text of an answer that has none.
    """
    choice = reply.choices[0]
    text = choice.text or choice.refusal or _stand_in(choice, reasoning_as_answer)
    return ChatResponse(
        message=_message(choice, text, reply.usage),
        raw=(
            {**reply.raw, "usage": _usage(reply.usage), "cost": reply.meta.cost.as_dict()}
            if reply.raw
            else _raw(reply)
        ),
        logprobs=_logprobs(choice.logprobs),
        additional_kwargs=_about(reply),
    )


def _stand_in(choice: Choice, reasoning_as_answer: bool) -> str:
    """What to show when the model wrote nothing but reasoning."""
    if choice.tool_calls or not choice.reasoning:
        return ""
    if choice.finish_reason == "length":
        _log.warning("The answer is empty: max_tokens was used up by reasoning. Raise max_tokens.")
        return ""
    # Some models put their whole last answer there, and an agent would return "" (llama_index #21337).
    return choice.reasoning if reasoning_as_answer else ""


def _message(choice: Choice, text: str, usage: Usage | None) -> ChatMessage:
    blocks: list[Any] = []
    if choice.reasoning:
        tokens = usage.reasoning_tokens if usage else None
        blocks.append(ThinkingBlock(content=choice.reasoning, num_tokens=tokens))
    if text or not choice.tool_calls:
        blocks.append(TextBlock(text=text))
    blocks += call_blocks(choice.tool_calls)
    return ChatMessage(
        role=MessageRole.ASSISTANT,
        blocks=blocks,
        # The older place for calls: LlamaIndex's own streaming programs still look there.
        additional_kwargs=(
            {"tool_calls": [call.as_message() for call in choice.tool_calls]} if choice.tool_calls else {}
        ),
    )


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        **usage.raw,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def _about(reply: ChatReply) -> dict[str, Any]:
    """Token counts, who answered, how long it took, what it cost: plain JSON, and nothing unknown but the cost."""
    usage, choice = reply.usage, reply.choices[0]
    about: dict[str, Any] = {"finish_reason": choice.finish_reason}
    if usage is not None:
        about["prompt_tokens"] = usage.prompt_tokens
        about["completion_tokens"] = usage.completion_tokens
        about["total_tokens"] = usage.total_tokens
        if usage.cached_tokens is not None:
            about["cached_tokens"] = usage.cached_tokens
        if usage.reasoning_tokens is not None:
            about["reasoning_tokens"] = usage.reasoning_tokens
    meta = reply.meta
    who = {
        "model": meta.model,
        "provider": meta.provider,
        "request_id": meta.request_id,
        "attempts": meta.attempts,
        "cached": meta.cached,
        "latency_s": meta.latency_s,
        "first_token_s": meta.first_token_s,
        "refusal": choice.refusal,
        "cost": meta.cost.as_dict(),
    }
    return {**about, **{key: value for key, value in who.items() if value}}


def _raw(reply: ChatReply) -> dict[str, Any]:
    """A streamed reply in the shape of a plain one."""
    choices = []
    for choice in reply.choices:
        message: dict[str, Any] = {"role": "assistant", "content": choice.text}
        if choice.reasoning:
            message["reasoning"] = choice.reasoning
        if choice.refusal:
            message["refusal"] = choice.refusal
        if choice.tool_calls:
            message["tool_calls"] = [call.as_message() for call in choice.tool_calls]
        choices.append(
            {
                "index": choice.index,
                "message": message,
                "finish_reason": choice.finish_reason,
                "logprobs": dict(choice.logprobs) if choice.logprobs else None,
            }
        )
    return {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.meta.model,
        "choices": choices,
        "usage": _usage(reply.usage),
        "cost": reply.meta.cost.as_dict(),
    }


def _logprobs(logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """One list for each token: the likeliest candidates, or the token alone."""
    tokens = (logprobs or {}).get("content")
    if not tokens:
        return None
    return [
        [
            LogProb(
                token=one.get("token") or "", logprob=one.get("logprob") or 0.0, bytes=one.get("bytes") or []
            )
            for one in (token.get("top_logprobs") or [token])
        ]
        for token in tokens
    ]


# -- streams --------------------------------------------------------------------------------------------


class ChunkBuilder:
    """Turns deltas into cumulative chunks. One for each stream; not thread-safe.

    Args:
        model: What `raw["model"]` of the chunks says.
        reasoning_as_answer: As for `chat_response`.

    Example:
        >>> from shared_core.types import ChatDelta
        >>> builder = ChunkBuilder("m")
        >>> [builder.add(ChatDelta(text)).message.content for text in ("a", "b")]
        ['a', 'ab']
    """

    __slots__ = ("_as_answer", "_calls", "_model", "_reasoning", "_thinking", "text")

    def __init__(self, model: str, *, reasoning_as_answer: bool = True) -> None:
        self.text = ""
        self._model = model
        self._as_answer = reasoning_as_answer
        self._reasoning = ""
        self._thinking: list[Any] = []
        self._calls: list[list[str]] = []  # id, name, arguments so far

    def add(self, delta: ChatDelta) -> ChatResponse | None:
        """The chunk for a delta; None when it adds nothing to the first answer (finish, usage, n > 1)."""
        text, reasoning, calls, index, _, _, refusal, logprobs = delta
        if index:
            return None
        if reasoning or calls or refusal or logprobs or (text and self._calls):
            return self._add_rare(text + refusal, reasoning, calls, logprobs)
        if not text:
            return None
        self.text = whole = self.text + text
        return text_chunk(whole, text, {"model": self._model}, self._thinking)

    def _add_rare(
        self,
        text: str,
        reasoning: str,
        calls: tuple[ToolCallDelta, ...],
        logprobs: Mapping[str, Any] | None,
    ) -> ChatResponse:
        self.text += text
        if reasoning:
            self._reasoning += reasoning
            self._thinking = [ThinkingBlock(content=self._reasoning)]
        for piece in calls:
            while len(self._calls) <= piece.index:
                self._calls.append(["", "", ""])
            call = self._calls[piece.index]
            call[0] = call[0] or piece.id
            call[1] = call[1] or piece.name
            call[2] += piece.arguments
        if not self._calls and not logprobs and self.text:
            response = text_chunk(self.text, text, {"model": self._model}, self._thinking)
        else:
            response = self._with_calls(text, logprobs)
        if reasoning:
            response.additional_kwargs["thinking_delta"] = reasoning
        return response

    def _with_calls(self, text: str, logprobs: Mapping[str, Any] | None) -> ChatResponse:
        blocks: list[Any] = list(self._thinking)
        if self.text:
            blocks.append(TextBlock(text=self.text))
        kwargs: dict[str, Any] = {}
        if self._calls:
            # Half-written arguments stay text; whoever asks for the calls gets what can be read of them.
            blocks += [
                ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)
                for call_id, name, arguments in self._calls
            ]
            kwargs["tool_calls"] = [
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for call_id, name, arguments in self._calls
            ]
        return ChatResponse(
            message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=kwargs),
            delta=text,
            raw={"model": self._model},
            logprobs=_logprobs(logprobs),
        )

    def finish(self, reply: ChatReply) -> ChatResponse:
        """The closing chunk: all blocks, usage, who answered."""
        choice = reply.choices[0]
        extra = "" if self.text else _stand_in(choice, self._as_answer)
        self.text += extra
        return ChatResponse(
            message=_message(choice, self.text, reply.usage),
            delta=extra,
            raw=_raw(reply),
            additional_kwargs=_about(reply),
        )


def is_unfinished(response: ChatResponse) -> bool:
    """Whether this is a chunk of a stream that is not the closing one."""
    return response.delta is not None and "finish_reason" not in response.additional_kwargs


# -- completions ----------------------------------------------------------------------------------------


def completion(response: ChatResponse) -> CompletionResponse:
    """A chat response as that of a completion."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )
