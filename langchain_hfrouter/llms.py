"""`HFRouterLLM`: LangChain's interface for models that go on with a text, on the core.

Lives here: its fields and its calls, plain and streamed, sync and async. Not here: the connection (`connection`),
what is sent to whom and how replies are read (the core).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM, LangSmithParams
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import Field, model_validator

from langchain_hfrouter.connection import Connection
from langchain_hfrouter.errors import ConfigError, as_langchain
from langchain_hfrouter.keys import is_secret
from langchain_hfrouter.replies import PROVIDER
from langchain_hfrouter.token_counts import TokenCounts
from shared_core.errors import RouterError
from shared_core.types import CompletionReply, Timeouts

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_hfrouter.llm_arguments import LLMArguments

__all__ = ["HFRouterLLM"]

_PARAMS = {
    "max_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "repetition_penalty": "repetition_penalty",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "do_sample": "do_sample",
}
"""Our fields, and what the core calls them."""


class HFRouterLLM(TokenCounts, Connection, BaseLLM):
    """Models that go on with a text: base models, and servers of the older completions interface.

    For conversations, tools and structured output there is `ChatHFRouter`.

    Setup:
        Install the package and set a token with the permission "Make calls to Inference Providers"
        (https://hf.co/settings/tokens):

        ```bash
        pip install -U "hfrouter[langchain]"
        export HF_TOKEN="hf_..."
        ```

    Key init args (completion params):
        model: str
            `org/name[:<provider>]`: one that the Hub lists for "text-generation" (hf-inference, deepinfra,
            featherless-ai, novita, together). Also accepted as `model_name`. May be left out where `base_url` is a
            server with one model.
        max_tokens: int | None
            Longest continuation, in tokens. Also accepted as `max_new_tokens`.
        stop: list[str] | None
            Up to four texts that end it; they are not part of it. Also accepted as `stop_sequences`.
        temperature, top_p, top_k, seed, repetition_penalty, frequency_penalty, presence_penalty, do_sample:
            As in `shared_core`'s `text_generation`. None is never sent; a call's own arguments go before these.
        extra_body: dict | None
            Further keys of the JSON body, for what only one provider knows. Also accepted as `model_kwargs`.

    Key init args (client params):
        api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
            A token, or a function that gives it before each request. None takes HF_TOKEN (or the stored login), for
            Hugging Face's hosts only; "" sends none. Never part of repr, logs, pickles or `dumps`.
        base_url: str | None
            A server of your own: with /v1 in its path OpenAI's `/completions` (vLLM, TGI, llama.cpp), without it
            TGI's own interface; None is the router.
        endpoint: str | None
            A dedicated Inference Endpoint in place of that, as "name" or "namespace/name", asked under
            `/v1/completions`; it needs no model.
        provider, bill_to, timeout, max_retries, wait_for_model, default_headers, http_client, async_http_client,
        async_transport, usage_tags, limits, concurrency, budgets, ledger, state, hooks:
            As of `ChatHFRouter`.
        hub_url: str | None
            The Hub that is asked who serves the model; None is huggingface.co, or HF_ENDPOINT. Given with
            `base_url`, it says that this is a stand-in of the router.
        max_concurrency: int = 8
            Prompts of one `batch` or `generate` that are asked at one time, at most.

    Raises:
        ConfigError: An argument cannot work, or there is none of this name.

    Calls raise the classes of `langchain_hfrouter.errors`: each is the core's error and LangChain's
    `ModelError` kind at once.

    Instantiate:
        ```python
        from langchain_hfrouter import HFRouterLLM

        llm = HFRouterLLM(model="openai-community/gpt2:hf-inference", max_tokens=50, temperature=0.7)
        own_server = HFRouterLLM(model="Qwen/Qwen3-0.6B-Base", base_url="http://localhost:8000/v1", api_key="")
        ```

    Invoke:
        ```python
        llm.invoke("Paris is")
        ```

    Stream:
        ```python
        for piece in llm.stream("Once upon a time"):
            print(piece, end="")
        ```

    Async:
        ```python
        await llm.ainvoke("Paris is")
        async for piece in llm.astream("Once upon a time"): ...
        await llm.abatch(["Paris is", "Rome is"])
        ```

    Token usage and response metadata:
        ```python
        result = llm.generate(["Paris is"])
        result.llm_output["token_usage"]  # summed over the prompts, where the provider counts
        result.generations[0][0].generation_info  # finish_reason, model_name, provider, request_id, token_usage
        ```
    """

    hub_url: str | None = None
    max_concurrency: int = Field(default=8, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    do_sample: bool | None = None

    _ALIASES: ClassVar[dict[str, str]] = {
        "model_name": "model",
        "max_new_tokens": "max_tokens",
        "stop_sequences": "stop",
    }
    _INSTEAD: ClassVar[dict[str, str]] = {
        "huggingfacehub_api_token": "Write api_key=.",
        "openai_api_key": "Write api_key=.",
        "openai_api_base": "Write base_url=.",
        "endpoint_url": "Write base_url=.",
        "inference_server_url": "Write base_url=.",
        "repo_id": "Write model=.",
        "batch_size": "Leave it out: each prompt is a request of its own, max_concurrency= of them at one time.",
        "streaming": "Leave it out: call stream() or astream().",
    }

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[LLMArguments]) -> None: ...

    @model_validator(mode="after")
    def _check_arguments(self) -> HFRouterLLM:
        if not self.model and self.base_url is None:
            raise ConfigError(
                "HFRouterLLM needs a model, or the base_url of a server that has one.",
                hint='Write model="org/name:provider".',
            )
        return self

    # --- calls ---

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> LLMResult:
        arguments = self._arguments(stop, kwargs)

        def ask(prompt: str) -> CompletionReply:
            return self._sync().text_generation(prompt, **arguments)

        try:
            if len(prompts) == 1:
                return _result([ask(prompts[0])])
            with ContextThreadPoolExecutor(max_workers=min(self.max_concurrency, len(prompts) or 1)) as pool:
                return _result(list(pool.map(ask, prompts)))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> LLMResult:
        arguments, slots = self._arguments(stop, kwargs), asyncio.Semaphore(self.max_concurrency)

        async def ask(prompt: str) -> CompletionReply:
            async with slots:
                return await self._async().text_generation(prompt, **arguments)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(prompt)) for prompt in prompts]
            return _result([task.result() for task in tasks])
        except* RouterError as errors:
            first = next(error for error in errors.exceptions if isinstance(error, RouterError))
        raise as_langchain(first) from first.__cause__

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        try:
            with self._sync().stream_text(prompt, **self._arguments(stop, kwargs)) as stream:
                for delta in stream:
                    if not delta.text:
                        continue
                    chunk = GenerationChunk(text=delta.text)
                    if run_manager is not None:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                yield GenerationChunk(text="", generation_info=_about(stream.reply))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        try:
            async with self._async().stream_text(prompt, **self._arguments(stop, kwargs)) as stream:
                async for delta in stream:
                    if not delta.text:
                        continue
                    chunk = GenerationChunk(text=delta.text)
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                yield GenerationChunk(text="", generation_info=_about(stream.reply))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def _arguments(self, stop: list[str] | None, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for the core: the constructor's parameters, overridden by the call's."""
        arguments = {**self._params(), **({"stop": stop} if stop else {})}
        for name, value in kwargs.items():
            arguments[_PARAMS.get(name, name)] = value
        return arguments

    def _params(self) -> dict[str, Any]:
        given = {core: getattr(self, name) for name, core in _PARAMS.items()} | {"stop": self.stop or None}
        return {name: value for name, value in given.items() if value is not None}

    def _router_settings(self) -> dict[str, Any]:
        settings = super()._router_settings()
        stand_in = self.base_url is not None and self.hub_url is not None
        return {**settings, "hub_url": self.hub_url, "embedding_api": "router" if stand_in else None}

    # --- serialisation, tracing, cache, token counts ---

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        secrets = {"api_key": "HF_TOKEN"}
        for name in self.default_headers or {}:
            if is_secret(name):
                secrets[f"default_headers.{name}"] = "HFROUTER_HEADER_" + name.upper().replace("-", "_")
        return secrets

    @property
    def lc_attributes(self) -> dict[str, Any]:
        limits = self.timeout
        if not isinstance(limits, Timeouts):
            return {}
        return {
            "timeout": {name: getattr(limits, name) for name in ("total", "connect", "first_token", "gap")}
        }

    @property
    def _llm_type(self) -> str:
        return "hfrouter-llm"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        """What tells two models apart: model, host, route and every parameter; never the token."""
        about = {
            "model": self.model,
            "base_url": self.base_url,
            "provider": self.provider,
            "bill_to": self.bill_to,
            "extra_body": self.extra_body,
        }
        return {**{name: value for name, value in about.items() if value is not None}, **self._params()}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _forget(self) -> None:
        self.__dict__.pop("_serialized", None)  # LangChain keeps it there
        super()._forget()


def _result(replies: list[CompletionReply]) -> LLMResult:
    generations = [[Generation(text=reply.text, generation_info=_about(reply))] for reply in replies]
    total: dict[str, int] = {}
    for reply in replies:
        for name, count in _counts(reply).items():
            total[name] = total.get(name, 0) + count
    output: dict[str, Any] = {"token_usage": total}
    if replies:
        output["model_name"] = replies[0].meta.model
    return LLMResult(generations=generations, llm_output=output)


def _about(reply: CompletionReply) -> dict[str, Any]:
    meta = reply.meta
    about = {
        "finish_reason": reply.finish_reason,
        "model_name": meta.model,
        "provider": meta.provider,
        "request_id": meta.request_id,
        "attempts": meta.attempts,
        "latency_s": meta.latency_s,
        "first_token_s": meta.first_token_s,
        "token_usage": _counts(reply) or None,
        "cost": meta.cost.as_dict(),
    }
    return {name: value for name, value in about.items() if value is not None}


def _counts(reply: CompletionReply) -> dict[str, int]:
    usage = reply.usage
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
