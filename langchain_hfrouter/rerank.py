"""A LangChain document compressor that reranks, with a model on this machine or on a server.

Lives here: documents in, the best documents out. Not here: the connection (`connection`), the cross-encoder
(`shared_core.local`), batches (the core).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import Field, PrivateAttr, model_validator

from langchain_hfrouter.connection import BatchConnection
from langchain_hfrouter.errors import ConfigError, as_langchain
from shared_core.errors import RouterError
from shared_core.types import RerankReply

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_hfrouter.embedding_arguments import RerankerArguments
    from shared_core.local import LocalReranker

__all__ = ["HFReranker"]

_HERE_ONLY = ("device", "revision", "trust_remote_code", "max_tokens")
_THERE_ONLY = (
    "api_key",
    "provider",
    "bill_to",
    "timeout",
    "max_retries",
    "max_concurrency",
    "default_headers",
    "extra_body",
    "wait_for_model",
    "http_client",
    "async_http_client",
    "async_transport",
    "rerank_api",
    "truncate",
    "raw_scores",
)


class HFReranker(BatchConnection, BaseDocumentCompressor):
    """Puts documents in the order in which they answer a query, and keeps the best.

    Setup:
        ```bash
        pip install -U "hfrouter[langchain,local]"  # a model on this machine
        pip install -U "hfrouter[langchain]"        # a server (TEI, vLLM, Infinity, Cohere, Jina)
        ```

    Key init args:
        model: str
            Without `base_url`: a cross-encoder on this machine, as a folder or Hub id. With it: the server's name
            for the model; TEI needs none. Also accepted as `model_name`.
        top_n: int | None
            How many documents to keep; None keeps all, reordered.
        batch_size: int | None
            Pairs at a time; None is 32 here, and what the server is known to accept there.

    Key init args (on this machine):
        device: str = "auto"
            Such as "cpu" or "cuda:0".
        revision: str | None
            Branch, tag or commit of a Hub model.
        trust_remote_code: bool = False
            Lets the model's own code run; only with a full commit as `revision`.
        max_tokens: int | None
            Query and document together are cut there; None for the model's own limit.

    Key init args (on a server):
        base_url: str | None
            The server. No provider behind the router reranks.
        endpoint: str | None
            A dedicated Inference Endpoint in place of that, as "name" or "namespace/name".
        rerank_api: "auto" | "openai" | "tei" = "auto"
            What it speaks. "auto" takes an address with /v1 in its path for "openai", others for "tei".
        truncate: bool | None
            Whether texts over the model's limit are cut rather than refused (TEI).
        raw_scores: bool | None
            Whether scores are the model's own numbers rather than squeezed into 0 to 1 (TEI).
        api_key, timeout, max_retries, default_headers, extra_body, wait_for_model, max_concurrency, http_client,
        async_http_client, async_transport:
            As of `HFRouterEmbeddings`.

    Raises:
        ConfigError: An argument cannot work, or belongs to the other way.

    Instantiate:
        ```python
        from langchain_hfrouter import HFReranker

        reranker = HFReranker("cross-encoder/ms-marco-MiniLM-L6-v2", top_n=3)
        on_a_server = HFReranker(base_url="http://localhost:8080", api_key="", top_n=3)
        ```

    Use:
        ```python
        best = reranker.compress_documents(documents, "Where do cats sit?")
        best[0].metadata["relevance_score"]
        ```

    Within a retriever:
        ```python
        from langchain_classic.retrievers import ContextualCompressionRetriever

        ContextualCompressionRetriever(base_compressor=reranker, base_retriever=store.as_retriever())
        ```

    Async:
        ```python
        best = await reranker.acompress_documents(documents, "Where do cats sit?")
        ```

    Documents that come out are copies with their score as `metadata["relevance_score"]`; those that went in stay
    as they were. Equal scores keep their order.
    """

    top_n: int | None = Field(default=None, ge=1)
    rerank_api: Literal["auto", "openai", "tei"] = "auto"
    truncate: bool | None = None
    raw_scores: bool | None = None
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    max_tokens: int | None = Field(default=None, ge=1)

    _local: Any = PrivateAttr(default=None)

    _INSTEAD: ClassVar[dict[str, str]] = {
        "top_k": "Write top_n=.",
        "endpoint_url": "Write base_url=.",
        "cohere_api_key": "Write api_key=, with base_url=.",
    }

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[RerankerArguments]) -> None: ...

    @model_validator(mode="after")
    def _check_side(self) -> HFReranker:
        """Refuses what the chosen side would ignore."""
        remote = self._is_remote()
        fields = type(self).model_fields
        for name in _HERE_ONLY if remote else _THERE_ONLY:
            if getattr(self, name) != fields[name].default:
                raise ConfigError(
                    f"{name} is for a reranker {'on this machine' if remote else 'on a server'}.",
                    hint="Leave out base_url." if remote else "Add base_url=, the address of the server.",
                )
        if not remote:
            self._cross_encoder()
        return self

    def _is_remote(self) -> bool:
        return self.base_url is not None

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """The best documents, the best first.

        Args:
            documents: What was found; may be empty.
            query: What is searched with.
            callbacks: Not used.

        Raises:
            RouterError: See `langchain_hfrouter.errors`.
        """
        return _best(documents, self.rerank(query, [document.page_content for document in documents]))

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> Sequence[Document]:
        """As `compress_documents`, natively asynchronous; a model on this machine runs off the event loop."""
        return _best(documents, await self.arerank(query, [document.page_content for document in documents]))

    def rerank(self, query: str, documents: Sequence[str]) -> RerankReply:
        """The same for texts: scores of all, positions of the best, usage.

        Args:
            query: What is searched with.
            documents: The texts; may be empty.

        Raises:
            RouterError: See `langchain_hfrouter.errors`.
        """
        try:
            if not self._is_remote():
                return self._cross_encoder().rerank(query, documents, self.top_n, self.batch_size or 32)
            return self._sync().rerank(query, documents, top_n=self.top_n, **self._options())
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def arerank(self, query: str, documents: Sequence[str]) -> RerankReply:
        """As `rerank`, off the event loop or natively asynchronous."""
        try:
            if not self._is_remote():
                return await self._cross_encoder().arerank(
                    query, documents, self.top_n, self.batch_size or 32
                )
            return await self._async().rerank(query, documents, top_n=self.top_n, **self._options())
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def _options(self) -> Any:
        names = ("truncate", "raw_scores", "batch_size", "max_concurrency")
        return {name: getattr(self, name) for name in names}

    def _cross_encoder(self) -> LocalReranker:
        reranker: LocalReranker | None = self._local
        if reranker is None:
            from shared_core.local import LocalReranker

            reranker = self._local = LocalReranker(
                self.model, self.device, self.revision, self.trust_remote_code, self.max_tokens
            )
        return reranker

    def _router_settings(self) -> dict[str, Any]:
        return {**super()._router_settings(), "embedding_api": self.rerank_api}

    def _forget(self) -> None:
        super()._forget()
        if self.__pydantic_private__ is not None:
            self.__pydantic_private__["_local"] = None


def _best(documents: Sequence[Document], reply: RerankReply) -> list[Document]:
    order = reply.order.tolist()
    scores = reply.scores[reply.order].tolist()
    return [
        documents[place].model_copy(
            update={"metadata": {**documents[place].metadata, "relevance_score": score}}
        )
        for place, score in zip(order, scores, strict=True)
    ]
