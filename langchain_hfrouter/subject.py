"""Any model or chain of LangChain as someone whom evaluations ask.

Lives here: messages and options in, one answer out. Not here: the run (`shared_core.evaluate`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any
from uuid import uuid4

from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.runnables import Runnable
from pydantic_core import to_json

from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, FunctionSubject
from shared_core.types import Cost, ToolCall, Usage

__all__ = ["LangChainSubject"]

_OF_TOOLS = ("tool_choice", "parallel_tool_calls")


class LangChainSubject(FunctionSubject):
    """A LangChain model, chain or agent, asked in a thread: neither a blocking nor a busy one holds up an event loop.

    A chat model is streamed, so that the time to the first content is known. Tools reach it by `bind_tools`; other
    chat parameters as arguments of the call, which is LangChain's way, and which the model's class may ignore:
    LangChain does not say whether it does. A chain gets the messages, and no chat parameters: set those on its model.
    So does an agent of `create_agent`, or another graph with messages in its state: its answer is the last message, or
    its structured response as JSON, with the tokens, the cost and the tool calls of the whole run.
    What a call costs is known of this package's own models alone; no budget holds the others.

    Args:
        model: A chat model, a text model, or a runnable of messages (or, with `takes_text`, of the last one's text)
            that gives a text, a message or the state of an agent.
        name: What it is called; None is the model's own id, or the runnable's name.
        takes_text: Whether a runnable is given the text of the last message in place of all messages.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> LangChainSubject(RunnableLambda(lambda messages: messages[-1].text.upper()), "shouter").name
        'shouter'
    """

    def __init__(
        self, model: Runnable[Any, Any], name: str | None = None, *, takes_text: bool = False
    ) -> None:
        if not isinstance(model, Runnable):
            raise ConfigError(
                f"A {type(model).__name__} is no model or runnable of LangChain.",
                hint="For LlamaIndex there is llama_index_hfrouter.LlamaIndexSubject; functions are asked as they are.",
            )
        self._model, self._takes_text = model, takes_text
        super().__init__(self._answer, name or _name_of(model))
        self.key: Mapping[str, Any] = {"langchain": self.name, "takes_text": takes_text}

    def _answer(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Answer:
        asked = convert_to_messages([dict(message) for message in messages])
        if isinstance(self._model, BaseChatModel):
            return _collect(*_bound(self._model, self._passed_on(options, "model"), self.name), asked)
        if options:
            raise ConfigError(
                f"{self.name} is a chain: {', '.join(sorted(options))} cannot be passed on to its model.",
                hint="Set it on the model inside, and leave it out of options, tools and cases.",
            )
        started = time.perf_counter()
        given = self._invoked(asked)
        return _told(given, len(asked), time.perf_counter() - started, self.name)

    def _invoked(self, asked: list[BaseMessage]) -> Any:
        if self._takes_text and not isinstance(self._model, BaseLanguageModel):
            return self._model.invoke(asked[-1].text)
        if hasattr(self._model, "get_state"):  # a graph of LangGraph, which need not be installed
            # Where it keeps conversations, each question begins one.
            return self._model.invoke({"messages": asked}, {"configurable": {"thread_id": uuid4().hex}})
        return self._model.invoke(asked)


def _name_of(model: Any) -> str:
    for name in ("model_name", "model", "model_id"):
        if isinstance(value := getattr(model, name, None), str) and value:
            return value
    return str(model.get_name())


def _bound(
    model: BaseChatModel, given: dict[str, Any], name: str
) -> tuple[Runnable[Any, Any], dict[str, Any]]:
    """The model with its tools, and what goes into the call."""
    tools, about = given.pop("tools", None), {key: given.pop(key) for key in _OF_TOOLS if key in given}
    if not tools:
        return model, given
    try:
        return model.bind_tools(tools, **about), given
    except NotImplementedError:
        raise ConfigError(
            f"{name} takes no tools: its class has no bind_tools.", hint="Test another model by these cases."
        ) from None


def _collect(model: Runnable[Any, Any], given: dict[str, Any], asked: list[BaseMessage]) -> Answer:
    """The answer of a stream, with the time to its first content where it came in pieces."""
    started = time.perf_counter()
    pieces: list[AIMessageChunk] = []
    times: list[float] = []
    for piece in model.stream(asked, **given):
        pieces.append(piece)
        if piece.text or getattr(piece, "tool_call_chunks", None):
            times.append(time.perf_counter() - started)
    seconds = time.perf_counter() - started
    if not pieces:
        return Answer(seconds=seconds)
    first = times[0] if len(times) > 1 else None
    # All at once: added one by one, ten thousand pieces take ten seconds.
    whole = pieces[0] + pieces[1:] if pieces[1:] else pieces[0]
    return _of_message(whole, seconds, first)


def _told(given: Any, asked: int, seconds: float, name: str) -> Answer:
    """The answer that a runnable gave to so many messages."""
    if isinstance(given, str):
        return Answer(text=given, seconds=seconds)
    if isinstance(given, Mapping) and isinstance(given.get("messages"), Sequence) and given["messages"]:
        messages = given["messages"]
        return _of_run(messages[asked:] or messages[-1:], given.get("structured_response"), seconds)
    if isinstance(given, BaseMessage):
        return _of_message(given, seconds, None)
    raise ConfigError(
        f"{name} gave {type(given).__name__}, and no text or message.",
        hint="End the chain with StrOutputParser().",
    )


def _of_run(messages: Sequence[BaseMessage], form: Any, seconds: float) -> Answer:
    """What an agent said at last, with the tokens, the costs and the calls of all its messages."""
    said = [message for message in messages if isinstance(message, AIMessage)]
    parts = [_of_message(message, seconds, None) for message in said or messages[-1:]]
    counts = [message.usage_metadata for message in said]
    return replace(
        parts[-1],
        text=str(messages[-1].text) if form is None else to_json(form).decode(),
        tool_calls=tuple(call for part in parts for call in part.tool_calls),
        usage=_usage(reduce(add_usage, counts)) if counts and all(counts) else None,
        cost=reduce(Cost.plus, (part.cost for part in parts)),
    )


def _usage(counted: UsageMetadata | None) -> Usage | None:
    if not counted:
        return None
    return Usage(counted["input_tokens"], counted["output_tokens"], counted["total_tokens"])


def _of_message(message: BaseMessage, seconds: float, first: float | None) -> Answer:
    about = message.response_metadata
    thoughts = message.additional_kwargs.get("reasoning_content")
    return Answer.from_framework(
        about,
        "LangChain",
        text=str(message.text),
        reasoning=thoughts if isinstance(thoughts, str) else "",
        tool_calls=tuple(_calls(message)),
        usage=_usage(getattr(message, "usage_metadata", None)),
        seconds=seconds,
        first_token_s=first,
        model=str(about.get("model_name") or ""),
    )


def _calls(message: BaseMessage) -> Iterable[ToolCall]:
    if isinstance(message, AIMessage):
        for call in message.tool_calls:
            yield ToolCall(call["id"] or "", call["name"], json.dumps(call["args"], ensure_ascii=False))
        for broken in message.invalid_tool_calls:
            yield ToolCall(broken["id"] or "", broken["name"] or "", broken["args"] or "")
