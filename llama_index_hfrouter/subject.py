"""Any LLM or engine of LlamaIndex as someone whom evaluations ask.

Lives here: options in, one answer out. Not here: messages and tools (`subject_messages`), the run
(`shared_core.evaluate`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llama_index_hfrouter.subject_messages import tool_from, wire_to_chat
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, FunctionSubject
from shared_core.types import ToolCall, Usage

__all__ = ["LlamaIndexSubject"]


class LlamaIndexSubject(FunctionSubject):
    """A LlamaIndex LLM, query engine or chat engine, asked in a thread: it holds up no event loop.

    An LLM is streamed, so that the time to the first content is known. Chat parameters reach it as arguments of the
    call, which its class may ignore: LlamaIndex does not say whether it does. Tools reach those that call functions.
    An engine takes no chat parameters: set them on its LLM; a query engine takes one message of the user and nothing
    before it. What a call costs is known of this package's own LLM alone; no budget holds the others.

    Args:
        llm: An LLM, a query engine or a chat engine.
        name: What it is called; None is the model's own name, or the engine's class.

    Example:
        >>> from llama_index.core.llms import MockLLM
        >>> LlamaIndexSubject(MockLLM(), "mock").name
        'mock'
    """

    def __init__(self, llm: LLM | BaseQueryEngine | BaseChatEngine, name: str | None = None) -> None:
        if not isinstance(llm, LLM | BaseQueryEngine | BaseChatEngine):
            raise ConfigError(
                f"A {type(llm).__name__} is no LLM or engine of LlamaIndex.",
                hint="For LangChain there is langchain_hfrouter.LangChainSubject; functions are asked as they are.",
            )
        self._llm = llm
        self._one_at_a_time = threading.Lock()  # an engine has a memory, which a second question would share
        super().__init__(self._answer, name or _name_of(llm))
        self.key: Mapping[str, Any] = {"llama_index": self.name}

    def _answer(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Answer:
        asked = [wire_to_chat(message) for message in messages]
        if isinstance(self._llm, LLM):
            return _collect(self._llm, asked, self._passed_on(options, "LLM"), self.name)
        if given := sorted(name for name, value in options.items() if value is not None):
            raise ConfigError(
                f"{self.name} is an engine: {', '.join(given)} cannot be passed on to its LLM.",
                hint="Set it on the LLM, and leave it out of options, tools and cases.",
            )
        with self._one_at_a_time:
            started = time.perf_counter()
            text = self._ask_engine(asked)
            return Answer(text=text, seconds=time.perf_counter() - started)

    def _ask_engine(self, asked: list[ChatMessage]) -> str:
        *before, last = asked
        if isinstance(self._llm, BaseChatEngine):
            return str(self._llm.chat(last.content or "", chat_history=before))
        if before:
            raise ConfigError(f"{self.name} takes one question: the messages before it cannot be passed on.")
        assert isinstance(self._llm, BaseQueryEngine)
        return str(self._llm.query(last.content or ""))


def _name_of(llm: Any) -> str:
    name = llm.metadata.model_name if isinstance(llm, LLM) else ""
    return name if name and name != "unknown" else type(llm).__name__


def _collect(llm: LLM, asked: list[ChatMessage], given: dict[str, Any], name: str) -> Answer:
    """The answer of a stream, with the time to its first content where it came in pieces."""
    tools = given.pop("tools", None)
    started = time.perf_counter()
    stream = _with_tools(llm, asked, tools, given, name) if tools else llm.stream_chat(asked, **given)
    last, about, times = None, dict[str, Any](), list[float]()
    for last in stream:
        about |= last.additional_kwargs
        if reason := _finish(last.raw):
            about["finish_reason"] = reason
        if last.delta or any(isinstance(block, ToolCallBlock) for block in last.message.blocks):
            times.append(time.perf_counter() - started)
    seconds = time.perf_counter() - started
    return Answer(seconds=seconds) if last is None else _told(last, about, seconds, times)


def _with_tools(
    llm: LLM, asked: list[ChatMessage], tools: Sequence[Mapping[str, Any]], given: dict[str, Any], name: str
) -> Iterable[ChatResponse]:
    if not isinstance(llm, FunctionCallingLLM) or not llm.metadata.is_function_calling_model:
        raise ConfigError(f"{name} takes no tools.", hint="Test another model by these cases.")
    choice = given.pop("tool_choice", None)
    if choice not in (None, "auto", "required"):
        raise ConfigError(
            f"tool_choice={choice!r} cannot be passed on to {name}.", hint='Use "auto" or "required".'
        )
    return llm.stream_chat_with_tools(
        [tool_from(tool) for tool in tools],
        chat_history=asked,
        allow_parallel_tool_calls=bool(given.pop("parallel_tool_calls", True)),
        tool_required=choice == "required",
        **given,
    )


def _told(last: ChatResponse, about: Mapping[str, Any], seconds: float, times: list[float]) -> Answer:
    blocks = last.message.blocks
    return Answer.from_framework(
        about,
        "LlamaIndex",
        text=last.message.content or "",
        reasoning="".join(
            getattr(block, "content", None) or "" for block in blocks if block.block_type == "thinking"
        ),
        tool_calls=tuple(_call(block) for block in blocks if isinstance(block, ToolCallBlock)),
        usage=_usage(about),
        seconds=seconds,
        first_token_s=times[0] if len(times) > 1 else None,
        model=str(about.get("model") or ""),
    )


def _call(block: ToolCallBlock) -> ToolCall:
    arguments = block.tool_kwargs
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(block.tool_call_id or "", block.tool_name, arguments)


def _finish(raw: Any) -> str | None:
    choices = getattr(raw, "choices", None)
    reason = getattr(choices[0], "finish_reason", None) if choices else None
    return reason if isinstance(reason, str) else None


def _usage(about: Mapping[str, Any]) -> Usage | None:
    read, written, total = (about.get(f"{name}_tokens") for name in ("prompt", "completion", "total"))
    if not isinstance(read, int) or not isinstance(written, int):
        return None
    return Usage(read, written, total if isinstance(total, int) else read + written)
