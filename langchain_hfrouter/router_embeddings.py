"""LangChain embeddings through the router's providers, TEI or any OpenAI-style server.

Lives here: what is special to embedding elsewhere. Not here: LangChain's interface (`text_embeddings`), the
connection (`connection`), batches, routes and the cache (the core).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_serializer, model_validator

from langchain_hfrouter.connection import BatchConnection
from langchain_hfrouter.errors import ConfigError, as_langchain
from langchain_hfrouter.targets import checked
from langchain_hfrouter.text_embeddings import TextEmbeddings
from shared_core.errors import RouterError
from shared_core.types import EmbedReply, Kind, other_model, plain_routing, plain_safeguard, plain_targets

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_hfrouter.embedding_arguments import RouterEmbeddingArguments

__all__ = ["HFRouterEmbeddings"]

_OPTIONS = (
    "dimensions",
    "normalize",
    "truncate",
    "query_prompt",
    "document_prompt",
    "prompt_name",
    "batch_size",
    "max_concurrency",
)


class HFRouterEmbeddings(BatchConnection, TextEmbeddings):
    """Embedding models of Hugging Face's inference providers, of TEI, or of any OpenAI-style server.

    Setup:
        Install the package and set a token with the permission "Make calls to Inference Providers"
        (https://hf.co/settings/tokens):

        ```bash
        pip install -U "hfrouter[langchain]"
        export HF_TOKEN="hf_..."
        ```

    Key init args (embedding params):
        model: str
            `org/name[:<provider>]`. Also accepted as `model_name`. May be left out where `base_url` is a server
            with one model, such as TEI.
        dimensions: int | None
            Length of the vectors, for models made to be cut (Matryoshka).
        normalize: bool | None
            Whether vectors are scaled to length 1; None leaves it to the host.
        truncate: bool | None
            Whether texts over the model's limit are cut rather than refused; None leaves it to the host.
        query_prompt, document_prompt: str | None
            Put in front of queries and of documents. Models such as e5 or Qwen3-Embedding need theirs.
        prompt_name: str | None
            Name of a prompt that the host keeps (TEI, hf-inference).
        extra_body: dict | None
            Further keys of the JSON body. Also accepted as `model_kwargs`.

    Key init args (client params):
        api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
            A token, or a function that gives it before each request. None takes HF_TOKEN (or the stored login), for
            Hugging Face's hosts only; "" sends none. Never part of repr, logs, pickles or `model_dump`.
        base_url: str | None
            A server of your own: TEI, vLLM, Infinity; None is the router.
        endpoint: str | None
            A dedicated Inference Endpoint in place of that, as "name" or "namespace/name"; it needs no model.
        embedding_api: "auto" | "openai" | "tei" | "router" | None
            What `base_url` speaks; by default "openai" with /v1 in its path, else "tei".
        provider: str | None
            Provider, in place of the model's suffix.
        bill_to: str | None
            Organisation that pays.
        hub_url: str | None
            The Hub that is asked who serves the model; None is huggingface.co, or HF_ENDPOINT.
        timeout: float | Timeouts | None
            Seconds for the whole call with all its batches, or `shared_core.Timeouts`.
        max_retries: int | None
            How often a transient failure is tried again; by default twice.
        wait_for_model: bool | float | None
            Wait while a model is loading, up to the time limit or this many seconds.
        fallback: list[str | Target] | None
            Whom to ask when the host cannot answer: other providers ("org/name:together") or hosts of the same model.
            Vectors of two models cannot be compared, so that another model is refused.
        routing: "fallback" | "latency" | "weighted" | callable | None
            Whom to ask first; see `shared_core.HFRouter`.
        batch_size: int | None
            Texts a request, at most; None takes what the host is known to accept. Also accepted as `chunk_size`.
        max_concurrency: int = 8
            Requests at one time, at most.
        cache: True | str | Path | EmbeddingCache | None
            Remembers vectors: in the user's own file, in this file, or in a `shared_core.cache` object.
        show_progress: bool | Callable[[int, int], object] = False
            True draws a bar while documents are embedded; a function is called with (done, total).
        usage_tags, limits, concurrency, budgets, ledger, state, hedge, hooks:
            What keeps calls within bounds and tells of them: as in `shared_core.HFRouter`.
        default_headers: dict[str, str] | None
            Sent with every request.
        http_client, async_http_client:
            Your own clients of httpx2 or httpx (proxy, TLS, limits); yours to close.
        async_transport: "httpx2" | "aiohttp" = "httpx2"
            "aiohttp" needs `pip install "hfrouter[aiohttp]"`.

    Raises:
        ConfigError: An argument cannot work, or there is none of this name.

    Calls raise the classes of `langchain_hfrouter.errors`: each is the core's error and LangChain's
    `ModelError` kind at once. Where one text is at fault, its position is named.

    Instantiate:
        ```python
        from langchain_hfrouter import HFRouterEmbeddings

        embeddings = HFRouterEmbeddings(model="BAAI/bge-m3:deepinfra")
        own_server = HFRouterEmbeddings(base_url="http://localhost:8080", api_key="")  # TEI
        ```

    Embed single text:
        ```python
        vector = embeddings.embed_query("What is a router?")
        ```

    Embed multiple texts:
        ```python
        vectors = embeddings.embed_documents(["A router routes.", "A model answers."])
        ```

    Async:
        ```python
        vector = await embeddings.aembed_query("What is a router?")
        vectors = await embeddings.aembed_documents(["A router routes.", "A model answers."])
        ```

    Usage, provider and numpy:
        ```python
        reply = embeddings.embed(["A router routes."], "document")
        reply.vectors, reply.usage, reply.meta.provider, reply.notes
        ```

    Texts are never altered, newlines stay, and vectors come in the order of the texts. Equal texts are sent once.
    An empty list gives an empty list without a request. What becomes of an empty text is for the host to say:
    some embed it, others refuse it with an error that names its position.
    """

    embedding_api: Literal["auto", "openai", "tei", "router"] | None = None
    hub_url: str | None = None
    fallback: list[Any] | None = None
    routing: Any = None
    dimensions: int | None = Field(default=None, ge=1)
    normalize: bool | None = None
    truncate: bool | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    prompt_name: str | None = None
    cache: Any = Field(default=None, repr=False)
    show_progress: bool | Callable[[int, int], object] = False

    _INSTEAD: ClassVar[dict[str, str]] = {
        "huggingfacehub_api_token": "Write api_key=.",
        "openai_api_key": "Write api_key=.",
        "openai_api_base": "Write base_url=.",
        "endpoint_url": "Write base_url=.",
        "repo_id": "Write model=.",
        "encode_kwargs": "Write its entries as arguments, such as normalize=True.",
        "task": "Leave it out: this class embeds.",
        "check_embedding_ctx_length": "Leave it out: texts are never cut here.",
    }

    if TYPE_CHECKING:

        def __init__(
            self, model: str | None = None, /, **arguments: Unpack[RouterEmbeddingArguments]
        ) -> None: ...

    @model_validator(mode="after")
    def _check_model(self) -> HFRouterEmbeddings:
        if not self.model and self.base_url is None:
            raise ConfigError(
                "HFRouterEmbeddings needs a model, or the base_url of a server that has one.",
                hint='Write model="org/name", such as "sentence-transformers/all-MiniLM-L6-v2".',
            )
        checked(self)
        if stranger := other_model(self.fallback or (), self.model):
            raise ConfigError(
                f"fallback names {stranger!r}, and vectors of two models cannot be compared.",
                hint=f"Name other providers or hosts of {self.model!r}.",
            )
        cache = self.cache
        if not (cache is None or isinstance(cache, bool | str | Path) or hasattr(cache, "get_many")):
            raise ConfigError(
                f"cache={cache!r} is no cache.", hint="Write True, a path, or an object of shared_core.cache."
            )
        return self

    @field_serializer("cache", when_used="json-unless-none")
    def _name_cache(self, cache: Any) -> Any:
        """An object may hold a connection with a password: its kind is enough."""
        if isinstance(cache, bool | str | Path):
            return plain_safeguard(cache)
        return type(cache).__name__

    @field_serializer("fallback", when_used="unless-none")
    def _plain_targets(self, fallback: list[Any]) -> Any:
        return plain_targets(fallback)

    @field_serializer("routing", when_used="unless-none")
    def _name_routing(self, routing: Any) -> str:
        return plain_routing(routing)

    @field_serializer("show_progress", when_used="json")
    def _name_progress(self, progress: bool | Callable[[int, int], object]) -> bool:
        return bool(progress)

    def embed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """Vectors as one float32 array, with usage, provider, cut texts and notes.

        Args:
            texts: What to embed; may be empty.
            kind: "query" for what is searched with, "document" for what is searched in.

        Raises:
            RouterError: See `langchain_hfrouter.errors`.
        """
        try:
            return self._sync().embed(texts, kind, **self._options(kind))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def aembed(self, texts: Iterable[str], kind: Kind = "document") -> EmbedReply:
        """As `embed`, natively asynchronous."""
        try:
            return await self._async().embed(texts, kind, **self._options(kind))
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def _options(self, kind: Kind) -> Any:
        options = {name: getattr(self, name) for name in _OPTIONS}
        options["progress"] = self.show_progress if kind == "document" else False
        return options

    def _router_settings(self) -> dict[str, Any]:
        settings = super()._router_settings()
        return {
            **settings,
            "embedding_cache": self.cache,
            "embedding_api": self.embedding_api,
            "hub_url": self.hub_url,
            "fallback": self.fallback,
            "routing": self.routing,
        }
