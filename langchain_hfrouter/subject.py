"""Any model or chain of LangChain as someone whom evaluations ask.

Lives here: messages and options in, one answer out. Not here: the run (`shared_core.evaluate`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.runnables import Runnable

from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, FunctionSubject
from shared_core.types import ToolCall, Usage

__all__ = ["LangChainSubject"]

_OF_TOOLS = ("tool_choice", "parallel_tool_calls")


class LangChainSubject(FunctionSubject):
    """A LangChain model, chain or agent, asked in a thread: neither a blocking nor a busy one holds up an event loop.

    A chat model is streamed, so that the time to the first content is known. Tools reach it by `bind_tools`; other
    chat parameters as arguments of the call, which is LangChain's way, and which the model's class may ignore:
    LangChain does not say whether it does. A chain gets the messages, and no chat parameters: set those on its model.
    What a call costs is known of this package's own models alone; no budget holds the others.

    Args:
        model: A chat model, a text model, or a runnable of messages (or, with `takes_text`, of the last one's text)
            that gives a text or a message.
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
        reads_text = self._takes_text and not isinstance(self._model, BaseLanguageModel)
        given = self._model.invoke(asked[-1].text if reads_text else asked)
        return _told(given, time.perf_counter() - started, self.name)


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


def _told(given: Any, seconds: float, name: str) -> Answer:
    """The answer that a runnable gave."""
    if isinstance(given, str):
        return Answer(text=given, seconds=seconds)
    if isinstance(given, Mapping) and isinstance(given.get("messages"), Sequence) and given["messages"]:
        given = given["messages"][-1]  # the state of an agent
    if isinstance(given, BaseMessage):
        return _of_message(given, seconds, None)
    raise ConfigError(
        f"{name} gave {type(given).__name__}, and no text or message.",
        hint="End the chain with StrOutputParser().",
    )


def _of_message(message: BaseMessage, seconds: float, first: float | None) -> Answer:
    about = message.response_metadata
    usage = getattr(message, "usage_metadata", None)
    thoughts = message.additional_kwargs.get("reasoning_content")
    return Answer.from_framework(
        about,
        "LangChain",
        text=str(message.text),
        reasoning=thoughts if isinstance(thoughts, str) else "",
        tool_calls=tuple(_calls(message)),
        usage=None
        if not usage
        else Usage(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]),
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
