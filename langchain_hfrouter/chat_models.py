"""`ChatHFRouter`: LangChain's chat model on the core.

Lives here: the calls, plain and streamed, sync and async; `bind_tools` and `with_structured_output`.
Not here: fields (`settings`), conversions (`messages`, `replies`, `chunks`), schemas (`structured`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from langchain_hfrouter.call_arguments import override
from langchain_hfrouter.chunks import ChunkMaker
from langchain_hfrouter.errors import ConfigError, as_langchain
from langchain_hfrouter.messages import to_wire
from langchain_hfrouter.replies import to_result
from langchain_hfrouter.settings import RouterSettings
from langchain_hfrouter.tool_binding import choice_to_wire, tools_to_wire
from shared_core.errors import RouterError

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_hfrouter.arguments import Arguments
    from langchain_hfrouter.structured import Method, Schema
    from langchain_hfrouter.tool_binding import ToolLike

__all__ = ["ChatHFRouter"]


class ChatHFRouter(RouterSettings):
    """Chat models of every Hugging Face inference provider, through the router or any compatible server.

    Setup:
        Install the package and set a token with the permission "Make calls to Inference Providers"
        (https://hf.co/settings/tokens):

        ```bash
        pip install -U "hfrouter[langchain]"
        export HF_TOKEN="hf_..."
        ```

    Key init args (completion params):
        model: str
            `org/name[:fastest|cheapest|preferred|<provider>]`. Also accepted as `model_name`.
        temperature: float | None
            Randomness, 0 to 2.
        max_tokens: int | None
            Longest answer, in tokens.
        stop: str | list[str] | None
            Up to four texts that end the answer. Also accepted as `stop_sequences`.
        reasoning_effort: str | None
            How long to think; which levels work depends on the provider.
        top_p, top_k, seed, n, frequency_penalty, presence_penalty, repetition_penalty, logit_bias, logprobs,
        top_logprobs, tools, tool_choice, parallel_tool_calls, response_format, stream_options:
            As in `shared_core.ChatParams`. None is never sent; a call's own arguments go before these.
        extra_body: dict | None
            Further keys of the JSON body. Unknown arguments end up here, with a warning, but for other packages' names.
        stream_usage: bool = True
            Ask for token counts in streams.
        streaming: bool | None
            True answers `invoke` through a stream, False never streams.
        echo_reasoning: bool = False
            Send the reasoning of earlier answers back. Some models want it, others refuse it.
        media_in_tool_messages: bool = False
            Send media of tool results inside the tool message. By default they follow in a user message,
            because the tool role is text-only for most servers.
        reasoning_tags: bool | None
            Split `<think>...</think>` in the content off as reasoning.

    Key init args (client params):
        api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
            A token, or a function that gives it before each request. None takes HF_TOKEN (or the stored login), for
            Hugging Face's hosts only; "" sends none. Never part of repr, logs, pickles or `dumps`.
        base_url, endpoint: str | None
            Any OpenAI-compatible server, or a dedicated endpoint's name (then `model` may be left out).
        provider: str | None
            Provider or policy, in place of the model's suffix.
        bill_to: str | None
            Organisation that pays.
        timeout: float | Timeouts | None
            Seconds for the whole call, or `shared_core.Timeouts` with a limit for each phase.
        max_retries: int | None
            How often a transient failure is tried again, never after the first token; by default twice.
        wait_for_model: bool | float | None
            Wait while a model is loading, up to the time limit or this many seconds.
        fallback, tiers, tier, routing, continue_elsewhere:
            Whom to ask when `model` cannot answer, in which order: as in `shared_core.HFRouter`, such as
            `fallback=["org/name:groq", Target(base_url=...)]`. With a `tier`, `model` may be left out.
        default_headers: dict[str, str] | None
            Sent with every request.
        prices, reported_cost, usage_tags, limits, concurrency, budgets, ledger, chat_cache, state, hedge, hooks:
            What calls cost, what keeps them within bounds, and what tells of them: as in `shared_core.HFRouter`. A
            call's own `usage_tags={"user": "ada"}` come on top.
        http_client, async_http_client:
            Your own clients of httpx2 or httpx (proxy, TLS, limits); yours to close.
        async_transport: "httpx2" | "aiohttp" = "httpx2"
            "aiohttp" (`pip install "hfrouter[aiohttp]"`) for hundreds of async calls in flight.

    Raises:
        ConfigError: An argument cannot work.

    Calls raise the classes of `langchain_hfrouter.errors`: each is the core's error and LangChain's
    `ModelError` kind at once.

    Instantiate:
        ```python
        from langchain_hfrouter import ChatHFRouter

        llm = ChatHFRouter(model="openai/gpt-oss-120b:cerebras", temperature=0)
        ```

    Invoke:
        ```python
        llm.invoke([("system", "Translate to French."), ("human", "I love programming.")])
        ```

    Stream:
        ```python
        for chunk in llm.stream("Tell me a story."):
            print(chunk.text, end="")
        ```

    Async:
        ```python
        await llm.ainvoke("Hello")
        async for chunk in llm.astream("Hello"): ...
        await llm.abatch(["Hello", "Hi"])
        ```

    Tool calling:
        ```python
        def get_weather(city: str) -> str:
            "Current weather of a city."
            return "sunny"

        llm.bind_tools([get_weather]).invoke("What is the weather in Paris?").tool_calls
        ```
        See `ChatHFRouter.bind_tools`.

    Structured output:
        ```python
        class Joke(BaseModel):
            setup: str
            punchline: str

        llm.with_structured_output(Joke).invoke("Tell me a joke about cats.")
        ```
        See `ChatHFRouter.with_structured_output`.

    JSON mode:
        ```python
        llm.bind(response_format={"type": "json_object"}).invoke("A JSON object with ten numbers, please.")
        ```

    Image input:
        ```python
        llm.invoke(
            [
                HumanMessage(
                    [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image", "url": "https://example.org/cat.png"},
                    ]
                )
            ]
        )
        ```

    Audio, video and PDF input:
        Blocks of type "audio", "video" and "file", with `base64` and `mime_type`, or `url`. What a provider
        takes is its own affair. Strings are never opened as files.

    Reasoning:
        ```python
        [block for block in llm.invoke("2 + 2?").content_blocks if block["type"] == "reasoning"]
        ```

    Token usage:
        ```python
        llm.invoke("Hello").usage_metadata  # with cached and reasoning tokens where the provider counts them
        ```

    Logprobs:
        ```python
        llm.bind(logprobs=True, top_logprobs=2).invoke("Hello").response_metadata["logprobs"]
        ```

    Response metadata:
        ```python
        llm.invoke("Hello").response_metadata
        # model_name and provider that served the call, finish_reason, request_id, attempts, latency_s,
        # first_token_s (streams), system_fingerprint, id
        ```
    """

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[Arguments]) -> None: ...

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        try:
            wire, arguments = self._request(messages, stop, kwargs)
            return to_result(self._sync().chat(wire, **arguments))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        try:
            wire, arguments = self._request(messages, stop, kwargs)
            return to_result(await self._async().chat(wire, **arguments))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        make = ChunkMaker(blocks=self.output_version == "v1")
        try:
            wire, arguments = self._request(messages, stop, kwargs, stream=True)
            with self._sync().stream(wire, **arguments) as stream:
                for delta in stream:
                    chunk = make.chunk(delta)
                    if chunk is None:
                        continue
                    if run_manager is not None:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                yield make.last(stream.reply)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        make = ChunkMaker(blocks=self.output_version == "v1")
        try:
            wire, arguments = self._request(messages, stop, kwargs, stream=True)
            async with self._async().stream(wire, **arguments) as stream:
                async for delta in stream:
                    chunk = make.chunk(delta)
                    if chunk is None:
                        continue
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                yield make.last(stream.reply)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: dict[str, Any],
        *,
        stream: bool = False,
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Messages and arguments for the core: the constructor's parameters, overridden by the call's."""
        wire = to_wire(
            messages,
            echo_reasoning=self.echo_reasoning,
            media_in_tool_messages=self.media_in_tool_messages,
        )
        arguments = dict(self._params())
        if stop:
            arguments["stop"] = stop
        if kwargs:
            override(arguments, kwargs)
        if stream:
            arguments.pop("n", None)  # a stream of LangChain has room for one answer
            if not self.stream_usage:
                arguments.setdefault("stream_options", {"include_usage": False})
        return wire, arguments

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        # Several answers cannot be streamed: such calls are made plainly, so that none is lost.
        if (kwargs.get("n") or self.n or 1) > 1:
            return False
        return super()._should_stream(async_api=async_api, run_manager=run_manager, **kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        """Token counts of a batch, added up by name; details are added up likewise."""
        total: dict[str, Any] = {}
        combined: dict[str, Any] = {}
        for output in llm_outputs:
            if output:
                _add_up(total, output.get("token_usage") or {})
                combined.setdefault("model_name", output.get("model_name"))
        return {"token_usage": total, **combined} if combined else {}

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """This model with tools it may call.

        Args:
            tools: LangChain tools, functions, Pydantic or TypedDict classes, or dictionaries.
            tool_choice: "auto" (also None), "none", "required" (also "any" and True), a tool's name, or
                OpenAI's dictionary.
            strict: Ask the provider to keep to the tools' schemas; sent only when given, since not every
                provider takes it.
            parallel_tool_calls: Whether several calls may come in one answer; sent only when given.
            kwargs: Further parameters of each call, such as `response_format` or `temperature`.

        Raises:
            ConfigError: A tool cannot be read, or `tool_choice` names none of them.

        Example:
            >>> def add(a: int, b: int) -> int:
            ...     "Adds two numbers."
            ...     return a + b
            >>> bound = ChatHFRouter(model="openai/gpt-oss-120b").bind_tools([add], tool_choice="any")
            >>> bound.kwargs["tool_choice"]
            'required'
        """
        wire = tools_to_wire(tools, strict=strict)
        if wire:
            kwargs["tools"] = wire
        choice = choice_to_wire(tool_choice, wire)
        if choice is not None:
            kwargs["tool_choice"] = choice
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return super().bind(**kwargs)

    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[ToolLike] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """This model, answering in the form of a schema.

        Args:
            schema: A Pydantic class (2 or 1): answers are its instances. Or a TypedDict class or JSON schema:
                answers are dictionaries. May be left out with "json_mode".
            method: "json_schema" (OpenAI's response_format), "function_calling" (a forced tool call) or
                "json_mode" (any JSON; the prompt must ask for it). By default "json_schema" when `profile`
                says that the model has structured output, else "function_calling".
            include_raw: Return `{"raw", "parsed", "parsing_error"}` instead of raising what cannot be parsed.
            strict: Ask the provider to keep to the schema; sent only when given. Not for "json_mode".
            tools: Tools that the model may call instead of answering; for "json_schema" only.
            kwargs: Further parameters of each call.

        Raises:
            ConfigError: The method, the schema or their combination cannot work.

        When called, the result raises `OutputParserException` for answers that do not fit, and a `Refused`
        (LangChain's `ModelRefusalError`) when the model refuses.

        Example:
            ```python
            class Joke(BaseModel):
                setup: str
                punchline: str

            llm.with_structured_output(Joke).invoke("Tell me a joke about cats.")
            ```
        """
        # LangChain's parsers take a while to import, and most programs never use them.
        from langchain_hfrouter.structured import (
            answer_parser,
            as_function,
            response_format,
            titled,
            tool_parser,
            with_raw,
        )

        if method is None:
            native = (self.profile or {}).get("structured_output")
            method = "json_schema" if native else "function_calling"
        if method not in ("function_calling", "json_schema", "json_mode"):
            raise ConfigError(
                f"method={method!r} is unknown.", hint='Use "function_calling", "json_schema" or "json_mode".'
            )
        if schema is None and method != "json_mode":
            raise ConfigError(f'method="{method}" needs a schema.', hint='Only "json_mode" goes without one.')
        if method == "json_mode" and strict is not None:
            raise ConfigError(
                'method="json_mode" knows no schema, so strict has no meaning.', hint='Use "json_schema".'
            )
        if tools and method != "json_schema":
            raise ConfigError('tools= goes with method="json_schema" only.')
        if schema is not None:
            about = {"method": method} if strict is None else {"method": method, "strict": strict}
            kwargs["ls_structured_output_format"] = {"kwargs": about, "schema": titled(schema)}
        llm: Runnable[LanguageModelInput, AIMessage]
        if method == "function_calling":
            name = as_function(schema)["name"]
            llm = self.bind_tools([titled(schema)], tool_choice=name, strict=strict, **kwargs)
            parser = tool_parser(schema, name)
        else:
            wanted = (
                {"type": "json_object"} if method == "json_mode" else response_format(schema, strict=strict)
            )
            llm = self.bind_tools(tools or [], response_format=wanted, **kwargs)
            parser = answer_parser(schema)
        return with_raw(llm, parser) if include_raw else llm | parser


# LangChain asks for the signature of these at every call; a ready one spares it 30 of 38 µs.
for _hook in (ChatHFRouter._generate, ChatHFRouter._agenerate):
    _hook.__signature__ = signature(_hook)  # type: ignore[union-attr]


def _add_up(total: dict[str, Any], usage: dict[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, dict):
            _add_up(total.setdefault(name, {}), value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            total[name] = total.get(name, 0) + value
