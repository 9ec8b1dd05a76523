"""`HFRouterEmbedding`: embedding models of every Hugging Face provider, of TEI, of any OpenAI-style server.

Lives here: its fields and the two calls. Not here: LlamaIndex's methods (`text_embedding`), the host
and the account (`connection`), batches, routes and the cache (the core).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, SecretStr, field_serializer

from llama_index_hfrouter.connection import Connection
from llama_index_hfrouter.names import model_named
from llama_index_hfrouter.targets import check_targets
from llama_index_hfrouter.text_embedding import TextEmbedding
from shared_core.errors import ConfigError
from shared_core.types import (
    ApiKey,
    EmbedReply,
    KeyFunction,
    Kind,
    other_model,
    plain_routing,
    plain_safeguard,
    plain_targets,
    with_endpoint,
)

if TYPE_CHECKING:
    from typing import Unpack

    from llama_index_hfrouter.embedding_arguments import RouterEmbeddingArguments

__all__ = ["HFRouterEmbedding"]

_OPTIONS = ("dimensions", "normalize", "truncate", "prompt_name")
_DECIDES = (*_OPTIONS, "base_url", "provider", "embedding_api", "extra_body")


class HFRouterEmbedding(Connection, TextEmbedding):
    """An embedding model behind the Hugging Face router, or behind any server for embeddings.

    Texts are never altered, line ends stay, and vectors come in the order of the texts. An empty list costs
    no request; what becomes of an empty text is for the host to say.

    Args:
        model_name: `org/name[:<provider>]`; `model` is the same. May be left out where `base_url` is a
            server with one model, such as TEI.
        api_key: A token, or a function that gives it before each request; None takes HF_TOKEN or the stored login, ""
            sends none. It is never serialised: in another process the ambient one is found again, and an explicit one
            is missed loudly.
        base_url: A server of your own (TEI, vLLM, Infinity); None is the router.
        endpoint: A dedicated Inference Endpoint in place of that, as "name" or "namespace/name"; it needs no model.
        embedding_api: What that server speaks: "openai", "tei" or "router"; "auto" takes an address with /v1 in
            its path for "openai", one without for "tei".
        hub_url: The Hub that is asked who serves the model; None is huggingface.co, or HF_ENDPOINT.
        provider, bill_to: Who answers, and which organisation pays.
        fallback: Whom to ask when the host cannot answer: other providers ("org/name:together") or hosts of the same
            model. Vectors of two models cannot be compared, so that another model is refused.
        routing: Whom to ask first: "fallback" (default), "latency", "weighted" or a function; see `HFRouter`.
        dimensions: Length of the vectors, for models made to be cut (Matryoshka).
        normalize: Whether vectors are scaled to length 1; None leaves it to the host.
        truncate: Whether texts over the model's limit are cut rather than refused; None leaves it to the host.
        query_instruction, text_instruction: Put in front of queries and of documents. Models such as e5 or
            Qwen3-Embedding need theirs. `query_prompt` and `document_prompt` are the same.
        prompt_name: Name of a prompt that the host keeps (TEI, hf-inference).
        embed_batch_size: Texts in one batch and its events; a request holds that many or what the host is known to
            take. Default 2048, the most that LlamaIndex allows.
        max_concurrency: Requests under way at one time, at most, in one call; default 8.
        cache: Remembers vectors: True in the user's own file, a path in that one; or a `shared_core.cache`
            object, which serialised forms leave out.
        embeddings_cache: A LlamaIndex key-value store in place of that; vectors of different models, kinds and
            settings are kept apart in it. Not part of serialised forms; a pickle carries it where it can.
        rate_limiter: Asked before each batch, with an estimate of its tokens. Batches are then small
            enough to be one request each.
        num_workers: Batches of one asynchronous call side by side; None for what `max_concurrency` allows.
        timeout, max_retries, default_headers, extra_body, wait_for_model: As in HFRouterLLM.
        http_client, async_http_client, async_transport: As in HFRouterLLM.
        usage_tags, limits, concurrency, budgets, ledger, state, hedge, hooks: As in HFRouterLLM.
        callback_manager: As in BaseEmbedding.

    Raises:
        ConfigError: An option does not exist or cannot work.

    Example:
        >>> embedding = HFRouterEmbedding("BAAI/bge-m3:deepinfra")
        >>> len(embedding.get_text_embedding("A router routes."))  # doctest: +SKIP
        1024
    """

    model_config = ConfigDict(defer_build=True)

    embedding_api: Literal["auto", "openai", "tei", "router"] | None = None
    hub_url: str | None = None
    fallback: list[Any] | None = None
    routing: Any = None
    dimensions: int | None = Field(default=None, ge=1)
    normalize: bool | None = None
    truncate: bool | None = None
    query_instruction: str | None = None
    text_instruction: str | None = None
    prompt_name: str | None = None
    max_concurrency: int = Field(default=8, ge=1)
    cache: Any = Field(default=None, repr=False)

    _SHARED: ClassVar[tuple[str, ...]] = (*Connection._SHARED, "embeddings_cache", "cache")
    _ELSEWHERE: ClassVar[dict[str, str]] = {**Connection._ELSEWHERE, "model_kwargs": "extra_body"}
    _ADVICE: ClassVar[dict[str, str]] = {
        **Connection._ADVICE,
        "pooling": "Leave it out: the host pools as the model's files say.",
    }

    if TYPE_CHECKING:

        def __init__(
            self, model_name: str | None = None, **arguments: Unpack[RouterEmbeddingArguments]
        ) -> None: ...

    else:

        def __init__(
            self,
            model_name: str | None = None,
            *,
            model: str | None = None,
            api_key: str | SecretStr | ApiKey | KeyFunction | None = None,
            **options: Any,
        ) -> None:
            options = with_endpoint(options)
            name = model_named(model_name, model)
            if not name and options.get("base_url") is None:
                raise ConfigError(
                    "No model was given.",
                    hint='Pass model="org/name", such as "BAAI/bge-m3", or the base_url of a server that has one.',
                )
            check_targets(options)
            if stranger := other_model(options.get("fallback") or (), name):
                raise ConfigError(
                    f"fallback names {stranger!r}, and vectors of two models cannot be compared.",
                    hint=f"Name other providers or hosts of {name!r}.",
                )
            for alias, field in (
                ("query_prompt", "query_instruction"),
                ("document_prompt", "text_instruction"),
            ):
                if alias in options:
                    options.setdefault(field, options.pop(alias))
            super().__init__(model_name=name, api_key=api_key, **options)

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFRouterEmbedding"

    @property
    def model(self) -> str:
        """The model, under the name that `HFRouterLLM` has for it."""
        return self.model_name

    def to_payload(self) -> dict[str, Any]:
        """What events and callbacks may see: no token, no headers, no address."""
        return {**super().to_payload(), "provider": self.provider, "dimensions": self.dimensions}

    @field_serializer("fallback", when_used="unless-none")
    def _plain_targets(self, fallback: list[Any]) -> Any:
        return plain_targets(fallback)

    @field_serializer("routing", when_used="unless-none")
    def _name_routing(self, routing: Any) -> str:
        return plain_routing(routing)

    @field_serializer("cache")
    def _cache_that_travels(self, cache: Any) -> Any:
        """An object may hold a connection with a password."""
        return plain_safeguard(cache) if isinstance(cache, str | bool | Path) else None

    # -- calls -----------------------------------------------------------------------------------------

    def _embed(self, texts: list[str], kind: Kind) -> EmbedReply:
        return self._clients.router(self).embed(texts, kind, **self._options())

    async def _aembed(self, texts: list[str], kind: Kind, among: int = 1) -> EmbedReply:
        return await self._clients.async_router(self).embed(texts, kind, **self._options(among))

    def _options(self, among: int = 1) -> Any:
        options = {name: getattr(self, name) for name in _OPTIONS}
        # A batch may be cut into several requests, and other batches share the limit.
        return {
            **options,
            "model": self.model_name,
            "query_prompt": self.query_instruction,
            "document_prompt": self.text_instruction,
            "max_concurrency": max(1, self.max_concurrency // among),
        }

    def _together(self) -> int | None:
        return super()._together() or self.max_concurrency

    def _identity(self, kind: Kind) -> dict[str, Any]:
        prompt = self.query_instruction if kind == "query" else self.text_instruction
        return {**{name: getattr(self, name) for name in _DECIDES}, "prompt": prompt}

    def _router_model(self) -> str:
        return self.model_name

    def _router_settings(self) -> dict[str, Any]:
        return {
            **super()._router_settings(),
            "embedding_cache": self.cache,
            "embedding_api": self.embedding_api,
            "hub_url": self.hub_url,
            "fallback": self.fallback,
            "routing": self.routing,
        }
