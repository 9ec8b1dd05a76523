"""Structured output: an answer that is an instance of a Pydantic class.

Lives here: `structured_predict` in its four forms, and the choice between three ways to get there.
Not here: how a call is made (`llm`), tool arguments (`tool_calls`), JSON among words (`json_in_text`).

Native JSON schema is surest, a required tool call works nearly everywhere, instructions in the prompt work
with any model. LlamaIndex's own programs are not used, because they forget the system prompt when
asynchronous, drop the tool choice when streaming, and turn broken arguments into empty ones.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.output_parsers.pydantic import PydanticOutputParser
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import Model, PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import ValidationError

from llama_index_hfrouter.config import RouterConfig, StructuredWay
from llama_index_hfrouter.errors import NoToolCall, StructuredOutputFailed
from llama_index_hfrouter.json_in_text import json_in
from llama_index_hfrouter.tool_calls import partial_arguments, selections, strict_schema
from shared_core.errors import BadRequest, Refused

__all__ = ["StructuredPrediction"]

_dispatcher = get_dispatcher(__name__)

_OWN_MODES: dict[PydanticProgramMode, StructuredWay] = {
    PydanticProgramMode.DEFAULT: "auto",
    PydanticProgramMode.FUNCTION: "tool",
    PydanticProgramMode.LLM: "text",
}
"""What LlamaIndex's modes mean here; other modes need packages of their own and are left to it."""

_TRY_ANOTHER_WAY = (BadRequest, NoToolCall)
"""What shows that a way is closed, not that the answer was bad: the server refuses the parameters, or the model
does not call tools. Only "auto" goes on to the next way, and only before anything was shown."""


class StructuredPrediction(RouterConfig):
    """The structured half of `HFRouterLLM`."""

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An instance of `output_cls` that answers the prompt.

        Raises:
            StructuredOutputFailed: The answer does not fit the class.
            NoToolCall: The model would not call the tool that stands for the class.
            Refused: The model declined.
        """
        if self.pydantic_program_mode not in _OWN_MODES:
            return cast(Model, super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args))
        _started(output_cls, prompt, prompt_args)
        for plan in self._plans(output_cls, prompt, llm_kwargs, prompt_args):
            try:
                result = plan.parse(self.chat(plan.messages, **plan.kwargs))
                break
            except _TRY_ANOTHER_WAY:
                if plan.last:
                    raise
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """`structured_predict`, without blocking the event loop."""
        if self.pydantic_program_mode not in _OWN_MODES:
            theirs = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return cast(Model, theirs)
        _started(output_cls, prompt, prompt_args)
        for plan in self._plans(output_cls, prompt, llm_kwargs, prompt_args):
            try:
                result = plan.parse(await self.achat(plan.messages, **plan.kwargs))
                break
            except _TRY_ANOTHER_WAY:
                if plan.last:
                    raise
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | list[Model] | FlexibleModel | list[FlexibleModel], None, None]:
        if self.pydantic_program_mode not in _OWN_MODES:
            yield from super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
            return
        for plan in self._plans(output_cls, prompt, llm_kwargs, prompt_args):
            partials = _Partials(plan)
            try:
                for chunk in self.stream_chat(plan.messages, **plan.kwargs):
                    if (partial := partials.next(chunk)) is not None:
                        yield partial
                yield partials.whole()
                return
            except _TRY_ANOTHER_WAY:
                if plan.last or partials.shown:
                    raise

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | list[Model] | FlexibleModel | list[FlexibleModel], None]:
        if self.pydantic_program_mode not in _OWN_MODES:
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)

        async def generate() -> AsyncGenerator[Any, None]:
            for plan in self._plans(output_cls, prompt, llm_kwargs, prompt_args):
                partials = _Partials(plan)
                try:
                    async for chunk in await self.astream_chat(plan.messages, **plan.kwargs):
                        if (partial := partials.next(chunk)) is not None:
                            yield partial
                    yield partials.whole()
                    return
                except _TRY_ANOTHER_WAY:
                    if plan.last or partials.shown:
                        raise

        return generate()

    def _plans(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> Iterator[_Plan[Model]]:
        """The calls that may lead to an instance, the surest first; a second only when the first cannot."""
        ways = self._ways()
        for way in ways:
            messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
            yield _Plan.of(self, output_cls, messages, llm_kwargs or {}, way, last=way == ways[-1])

    def _ways(self) -> tuple[StructuredWay, ...]:
        way = _OWN_MODES[self.pydantic_program_mode]
        if way == "auto":
            way = self.structured_output
        if way != "auto":
            return (way,)
        from shared_core.catalog import lookup

        facts = lookup(self.model, base_url=self.base_url, provider=self.provider)
        ways: tuple[StructuredWay, ...] = (
            ("tool", "text") if self.metadata.is_function_calling_model else ("text",)
        )
        return ("json_schema", *ways) if facts is not None and facts.structured_output else ways


def _started(output_cls: type[Model], prompt: BasePromptTemplate, prompt_args: dict[str, Any]) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    )


@dataclass(frozen=True, slots=True)
class _Plan(Generic[Model]):
    """One structured call: what to send, and how to read what comes back."""

    output_cls: type[Model]
    way: StructuredWay
    messages: Sequence[ChatMessage]
    kwargs: dict[str, Any]
    last: bool

    @classmethod
    def of(
        cls,
        llm: StructuredPrediction,
        output_cls: type[Model],
        messages: Sequence[ChatMessage],
        llm_kwargs: Mapping[str, Any],
        way: StructuredWay,
        *,
        last: bool,
    ) -> _Plan[Model]:
        # The tool, and that it must be called, follow from the class: callers cannot mean anything else.
        unwanted = ("tool_choice", "tool_required", "allow_parallel_tool_calls")
        kwargs = {name: value for name, value in llm_kwargs.items() if name not in unwanted}
        if way == "json_schema":
            kwargs["response_format"] = _response_format(output_cls, llm.strict)
        elif way == "tool":
            kwargs = llm._prepare_chat_with_tools(
                [_as_tool(output_cls)], chat_history=list(messages), tool_required=True, **kwargs
            )
            messages = kwargs.pop("messages")
        else:
            messages = _with_instructions(messages, output_cls)
        return cls(output_cls, way, messages, kwargs, last)

    def parse(self, response: ChatResponse) -> Model:
        """The finished answer as an instance."""
        if refusal := response.additional_kwargs.get("refusal"):
            raise Refused(f"The model declined to answer: {refusal}")
        calls = selections(response.message, streaming=False)
        text = response.message.content or ""
        # As JSON, also where it was parsed before: a strict class takes dates and enums from JSON alone.
        parts = [json.dumps(calls[0].tool_kwargs)] if calls else list(json_in(text))
        found: list[Model] = []
        wrong: ValidationError | None = None
        for part in parts:
            try:
                found.append(self.output_cls.model_validate_json(part))
            except ValidationError as error:
                wrong = error
        if found and all(each == found[0] for each in found):
            return found[0]
        if self.way == "tool" and not calls:
            raise NoToolCall(f"The model was to call a tool, and answered: {text[:500]!r}") from wrong
        answer, name = str(calls[0].tool_kwargs if calls else text)[:500], self.output_cls.__name__
        if found:
            raise StructuredOutputFailed(f"The answer has more than one {name}: {answer!r}.")
        raise StructuredOutputFailed(f"The answer is no {name}: {answer!r}. {wrong}") from wrong

    def parse_partial(self, response: ChatResponse) -> dict[str, Any]:
        """What can already be read of a streaming answer."""
        calls = selections(response.message, streaming=True)
        if calls:
            return calls[0].tool_kwargs
        text = "" if self.way == "tool" else response.message.content or ""
        return partial_arguments(text[text.find("{") :]) if "{" in text else {}


class _Partials(Generic[Model]):
    """The objects of a stream: each time it grew a loose one, in the end the strict one."""

    def __init__(self, plan: _Plan[Model]) -> None:
        self._plan = plan
        self._loose = create_flexible_model(plan.output_cls)
        self._seen: dict[str, Any] = {}
        self._last: ChatResponse | None = None
        self.shown = False

    def next(self, chunk: ChatResponse) -> Model | FlexibleModel | None:
        """The object so far; None when this chunk added nothing to it."""
        self._last = chunk
        data = self._plan.parse_partial(chunk)
        if not data or data == self._seen:
            return None
        self._seen = data
        self.shown = True
        try:
            return self._plan.output_cls.model_validate(data)
        except ValidationError:
            return self._loose.model_validate(data)

    def whole(self) -> Model:
        """The finished object.

        Raises:
            StructuredOutputFailed: The answer does not fit the class.
        """
        if self._last is None:
            raise StructuredOutputFailed("The stream ended without any answer.")
        return self._plan.parse(self._last)


def _as_tool(output_cls: type[Model]) -> FunctionTool:
    """The class as a tool, told by its docstring: LlamaIndex may find only that of a function of its own."""
    tool = get_function_tool(output_cls)
    tool.metadata.name = _name(output_cls)
    tool.metadata.description = inspect.cleandoc(
        output_cls.__doc__ or f"The answer, as {output_cls.__name__}."
    )
    return tool


def _name(output_cls: type[Model]) -> str:
    """What hosts take for a name: a generic class has brackets in its own, and may have a long one."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", output_cls.__name__)[:64]


def _response_format(output_cls: type[Model], strict: bool | None) -> dict[str, Any]:
    schema = output_cls.model_json_schema()
    described: dict[str, Any] = {
        "name": _name(output_cls),
        "schema": strict_schema(schema) if strict else schema,
    }
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}


def _with_instructions(messages: Sequence[ChatMessage], output_cls: type[Model]) -> list[ChatMessage]:
    """The schema, in words, behind the last message; the caller's messages stay as they are."""
    *before, last = messages
    text = PydanticOutputParser(output_cls).get_format_string(escape_json=False)
    extended = ChatMessage(
        role=last.role,
        blocks=[*last.blocks, TextBlock(text=text)],
        additional_kwargs=dict(last.additional_kwargs),
    )
    return [*before, extended]
