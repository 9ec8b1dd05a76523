"""`HFRouterLLM`: every Hugging Face inference provider as a LlamaIndex LLM.

Lives here: the eight call styles, tools, and what LlamaIndex asks about the model. Each call is convert,
ask the core, convert back.
Not here: the fields (`config`), messages (`messages`), chunks (`chunks`), structured output (`structured`).

The callback decorators stand on all eight methods, because events, token counts and the rate limiter live in
them; the methods underneath have none, so that a completion is counted once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.constants import DEFAULT_NUM_OUTPUTS
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from pydantic import ConfigDict

from llama_index_hfrouter.chunks import ChunkBuilder, chat_response, completion, is_unfinished
from llama_index_hfrouter.config import PARAMS
from llama_index_hfrouter.errors import NoToolCall
from llama_index_hfrouter.messages import MessageRules, to_wire
from llama_index_hfrouter.structured import StructuredPrediction
from llama_index_hfrouter.tool_calls import keep_first_call, resolve_tool_choice, selections, tool_spec

if TYPE_CHECKING:
    from typing import Unpack

    from llama_index.core.tools.types import BaseTool

    from llama_index_hfrouter.arguments import Arguments
    from shared_core.catalog import ModelFacts

__all__ = ["UNKNOWN_CONTEXT_WINDOW", "HFRouterLLM"]

UNKNOWN_CONTEXT_WINDOW = 8192
"""Tokens assumed for a model that nobody knows: what nearly every served model has at least. Too small costs
extra calls in query engines; too large makes them fail."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _chat_events(method: _Method) -> _Method:
    return cast(_Method, llm_chat_callback()(method))


def _completion_events(method: _Method) -> _Method:
    return cast(_Method, llm_completion_callback()(method))


class HFRouterLLM(StructuredPrediction):
    """A chat model behind the Hugging Face router, or behind any OpenAI-compatible server.

    Args:
        model: `org/name[:fastest|cheapest|preferred|<provider>]`; `model_name` is the same.
        api_key: A token, or a function that gives it before each request; None takes HF_TOKEN or the stored login, ""
            sends none. It is never serialised.
        base_url: Another OpenAI-compatible server; it needs its own `api_key`, or none.
        endpoint: A dedicated Inference Endpoint in place of that, as "name" or "namespace/name", found with the first
            call and kept as base_url="endpoint://name". `model` may then be left out.
        provider, bill_to: Who answers, and which organisation pays.
        timeout: Seconds for the whole call, or `Timeouts` (connect, first token, gap, total).
        max_retries: How often a transient failure is tried again; default 2.
        default_headers, extra_body: Sent with every request. Headers whose names speak of secrets are left
            out of serialised forms.
        fallback, tiers, tier, routing, continue_elsewhere: Whom to ask when `model` cannot answer, in which order, as
            in `shared_core.HFRouter`: `fallback=["org/name:groq", Target(base_url=...)]`. With a `tier`, `model`
            may be left out.
        wait_for_model: Whether (or for how many seconds) to wait while a cold model loads.
        reasoning_tags: Whether `<think>…</think>` in the text is split off as reasoning.
        usage_tags, limits, concurrency, budgets, ledger, chat_cache, state, hedge, hooks: What keeps calls within
            bounds and tells of them; see `shared_core.HFRouter`. A call's own `usage_tags` come on top.
        prices, reported_cost: What calls cost where no catalogue says so, and where replies say it; see
            `shared_core.HFRouter`.
        http_client, async_http_client: Your own httpx2 or httpx clients (proxy, certificates). Not pickled; an
            asynchronous one works in one event loop only.
        async_transport: "aiohttp" (default: llama-index-core brings it, and it is the faster one) or "httpx2".
        temperature, top_p, top_k, max_tokens, stop, seed, n: As the router takes them; None is never sent, 0 is.
            The same names in a call go before these; None there leaves one out.
        frequency_penalty, presence_penalty, repetition_penalty, logit_bias, logprobs, top_logprobs: Likewise.
        tools, tool_choice, parallel_tool_calls, response_format, stream_options, reasoning_effort: Likewise.
        context_window: Tokens of prompt and answer; default from the catalogue, else 8192.
        num_output: Tokens that query engines leave free for the answer; default `max_tokens`, else 256.
        is_function_calling_model: Whether it calls tools; default from the catalogue, else True.
        strict: Sent with tools and JSON schemas when set; not every provider knows it.
        structured_output: "json_schema", "tool" or "text"; default "auto" picks the first of these that the
            model is known to support ("tool" when nothing is known).
        echo_reasoning: Whether ThinkingBlocks go back to the model; default "auto": with tool calls, for
            model families that ask for it.
        reasoning_as_answer: When a finished answer is empty but for reasoning, whether its text is that
            reasoning (default), so that no agent returns "". Not when `max_tokens` cut it off: then the
            text stays empty and a warning is logged.
        system_prompt, callback_manager, rate_limiter, output_parser, pydantic_program_mode, ...: As in LLM.

    Raises:
        ConfigError: An option does not exist or cannot work.

    Example:
        >>> llm = HFRouterLLM(model="openai/gpt-oss-120b:cerebras", temperature=0)
        >>> llm.metadata.is_function_calling_model
        True
    """

    model_config = ConfigDict(defer_build=False)

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, **arguments: Unpack[Arguments]) -> None: ...

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFRouterLLM"

    # -- what LlamaIndex asks ---------------------------------------------------------------------------

    @property
    def metadata(self) -> LLMMetadata:
        """Limits and abilities: the caller's values, else the catalogue's, else careful defaults."""
        facts = self._facts()
        window = self.context_window or (facts and facts.context_window) or UNKNOWN_CONTEXT_WINDOW
        return LLMMetadata(
            context_window=window,
            num_output=self.num_output or self.max_tokens or DEFAULT_NUM_OUTPUTS,
            is_chat_model=True,
            is_function_calling_model=self._calls_tools(facts),
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    def _facts(self) -> ModelFacts | None:
        from shared_core.catalog import lookup

        return lookup(self.model, base_url=self.base_url, provider=self.provider)

    def _calls_tools(self, facts: ModelFacts | None) -> bool:
        if self.is_function_calling_model is not None:
            return self.is_function_calling_model
        # Unknown counts as yes: a wrong no turns agents away from a model that works.
        return facts is None or facts.tools is not False

    def to_payload(self) -> dict[str, Any]:
        """What events and callbacks may see: no token, no headers, no address."""
        facts = self._facts()
        return {
            "class_name": self.class_name(),
            "model": self.model,
            "model_name": self.model,
            "provider": self.provider,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "context_window": self.context_window
            or (facts and facts.context_window)
            or UNKNOWN_CONTEXT_WINDOW,
            "num_output": self.num_output or self.max_tokens or DEFAULT_NUM_OUTPUTS,
            "is_chat_model": True,
            "is_function_calling_model": self._calls_tools(facts),
            "system_role": MessageRole.SYSTEM,
        }

    # -- requests ---------------------------------------------------------------------------------------

    def _wire(self, messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
        facts = self._facts()
        takes = (None,) * 3 if facts is None else (facts.image_input, facts.audio_input, facts.video_input)
        from shared_core.types import ModelRef

        provider = self.provider or ModelRef.parse(self.model).provider
        return to_wire(messages, MessageRules(self.echo_reasoning, self.model, provider, *takes))

    def _options(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The object's parameters, overruled by the call's."""
        state = self.__dict__
        options = {name: state[name] for name in PARAMS if state[name] is not None}
        options["model"] = self.model
        options.update(kwargs)
        return options

    # -- chat -------------------------------------------------------------------------------------------

    @_chat_events
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation. Keyword arguments are chat parameters for this call alone."""
        return self._chat(self._wire(messages), kwargs)

    @_chat_events
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer in pieces; closing the generator frees the connection."""
        return self._stream_chat(self._wire(messages), kwargs)

    @_chat_events
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, without blocking the event loop."""
        return await self._achat(self._wire(messages), kwargs)

    @_chat_events
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """`stream_chat`, without blocking the event loop."""
        return self._astream_chat(self._wire(messages), kwargs)

    def _chat(self, wire: list[dict[str, Any]], kwargs: Mapping[str, Any]) -> ChatResponse:
        reply = self._clients.router(self).chat(wire, **self._options(kwargs))
        return chat_response(reply, reasoning_as_answer=self.reasoning_as_answer)

    async def _achat(self, wire: list[dict[str, Any]], kwargs: Mapping[str, Any]) -> ChatResponse:
        reply = await self._clients.async_router(self).chat(wire, **self._options(kwargs))
        return chat_response(reply, reasoning_as_answer=self.reasoning_as_answer)

    def _stream_chat(self, wire: list[dict[str, Any]], kwargs: Mapping[str, Any]) -> ChatResponseGen:
        options = self._options(kwargs)
        builder = ChunkBuilder(options["model"] or self.model, reasoning_as_answer=self.reasoning_as_answer)
        add = builder.add
        with self._clients.router(self).stream(wire, **options) as stream:
            for delta in stream:
                chunk = add(delta)
                if chunk is not None:
                    yield chunk
        yield builder.finish(stream.reply)

    async def _astream_chat(
        self, wire: list[dict[str, Any]], kwargs: Mapping[str, Any]
    ) -> ChatResponseAsyncGen:
        options = self._options(kwargs)
        builder = ChunkBuilder(options["model"] or self.model, reasoning_as_answer=self.reasoning_as_answer)
        add = builder.add
        async with self._clients.async_router(self).stream(wire, **options) as stream:
            async for delta in stream:
                chunk = add(delta)
                if chunk is not None:
                    yield chunk
        yield builder.finish(stream.reply)

    # -- completions, through chat ----------------------------------------------------------------------

    def _prompt(self, prompt: str, formatted: bool) -> list[dict[str, Any]]:
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return [{"role": "user", "content": prompt}]

    @_completion_events
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt, which is sent as one user message."""
        return completion(self._chat(self._prompt(prompt, formatted), kwargs))

    @_completion_events
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """`complete`, in pieces."""
        chunks = self._stream_chat(self._prompt(prompt, formatted), kwargs)

        def generate() -> CompletionResponseGen:
            with contextlib.closing(chunks):
                for chunk in chunks:
                    yield completion(chunk)

        return generate()

    @_completion_events
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`complete`, without blocking the event loop."""
        return completion(await self._achat(self._prompt(prompt, formatted), kwargs))

    @_completion_events
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """`stream_complete`, without blocking the event loop."""
        chunks = self._astream_chat(self._prompt(prompt, formatted), kwargs)

        async def generate() -> CompletionResponseAsyncGen:
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    yield completion(chunk)

        return generate()

    # -- tools ------------------------------------------------------------------------------------------

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002  (part of LlamaIndex's signature)
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments for `chat`. The caller's history is copied, never changed.

        `parallel_tool_calls` is sent only when parallel calls are allowed, and `strict` only when given here
        or on the object: some servers refuse to know them.
        """
        messages = list(chat_history or ())
        if user_msg:
            messages.append(ChatMessage(user_msg) if isinstance(user_msg, str) else user_msg)
        request: dict[str, Any] = {"messages": messages}
        if tools:
            strict = self.strict if strict is None else strict
            request["tools"] = [tool_spec(tool, strict=strict) for tool in tools]
            choice = resolve_tool_choice(
                self.tool_choice if tool_choice is None and not tool_required else tool_choice,
                required=tool_required,
                names=[spec["function"]["name"] for spec in request["tools"]],
            )
            if choice is not None:
                request["tool_choice"] = choice
            if allow_parallel_tool_calls:
                request["parallel_tool_calls"] = True
        return {**request, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],  # noqa: ARG002  (part of LlamaIndex's signature)
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResponse:
        if not allow_parallel_tool_calls:
            keep_first_call(response.message)
        return response

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002  (part of LlamaIndex's signature)
    ) -> list[ToolSelection]:
        """The tools that an answer, or a chunk of one, calls.

        Raises:
            NoToolCall: There is none, and `error_on_no_tool_call` is set.
            MalformedToolCall: The answer is finished, and its arguments are not a JSON object. Chunks never
                raise: they give what can already be read.
        """
        found = selections(response.message, streaming=is_unfinished(response))
        if not found and error_on_no_tool_call:
            raise NoToolCall(
                f"Expected at least one tool call, but the model answered: {response.message.content!r}",
                model=self.model,
            )
        return found
