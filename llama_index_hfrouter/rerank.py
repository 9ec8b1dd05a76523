"""`HFReranker`: retrieved nodes in the order in which they answer the query, for LlamaIndex.

Lives here: nodes in, the best nodes out, events. Not here: the connection (`connection`), the cross-encoder
(`shared_core.local`), batches (the core).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from llama_index_hfrouter.connection import Connection
from llama_index_hfrouter.names import model_named
from shared_core.errors import ConfigError
from shared_core.types import ApiKey, KeyFunction, RerankReply

if TYPE_CHECKING:
    from typing import Unpack

    from llama_index_hfrouter.embedding_arguments import RerankerArguments
    from shared_core.local import LocalReranker

__all__ = ["HFReranker"]

_dispatcher = get_dispatcher(__name__)

_HERE_ONLY = ("device", "revision", "trust_remote_code", "max_tokens")
_THERE_ONLY = (
    "provider",
    "bill_to",
    "timeout",
    "default_headers",
    "extra_body",
    "wait_for_model",
    "rerank_api",
    "truncate",
    "raw_scores",
)


class HFReranker(Connection, BaseNodePostprocessor):
    """Puts nodes in the order in which they answer a query, and keeps the best.

    Nodes that come out are new `NodeWithScore`s with the reranker's score; those that went in stay as they
    were. Equal scores keep their order. The model reads what embedding models read: the text, with the
    metadata that is meant for them.

    Args:
        model: Without `base_url`: a cross-encoder on this machine, as a folder or Hub id. With it: the server's
            name for the model; TEI needs none. `model_name` is the same.
        top_n: How many nodes to keep; None keeps all, reordered.
        keep_retrieval_score: Whether the score that a node came with is kept as `retrieval_score` in
            the metadata (of a copy of the node).
        batch_size: Pairs at a time; None is 32 here, and what the server is known to accept there.
        device: On this machine: such as "cpu" or "cuda:0"; "auto" takes what torch finds.
        revision: On this machine: branch, tag or commit of a Hub model.
        trust_remote_code: On this machine: lets the model's own code run; only with a full commit as `revision`.
        max_tokens: On this machine: query and text together are cut there; None for the model's own limit.
        base_url: A server (TEI, vLLM, Infinity, Cohere, Jina). No provider behind the router reranks.
        endpoint: A dedicated Inference Endpoint in place of that, as "name" or "namespace/name".
        rerank_api: What that server speaks, "openai" or "tei"; "auto" takes an address with /v1 in its path
            for "openai", others for "tei".
        truncate: On a server: whether texts over the model's limit are cut rather than refused (TEI).
        raw_scores: On a server: whether scores are the model's own numbers rather than squeezed into 0 to 1.
        max_concurrency: On a server: requests at one time, at most; default 8.
        api_key, timeout, max_retries, default_headers, extra_body, wait_for_model: On a server: as in HFRouterLLM.
        http_client, async_http_client, async_transport: On a server: as in HFRouterLLM.
        callback_manager: As in BaseNodePostprocessor.

    Raises:
        ConfigError: An option does not exist, cannot work, or belongs to the other way.

    Example:
        >>> reranker = HFReranker("cross-encoder/ms-marco-MiniLM-L6-v2", top_n=3)
        >>> best = reranker.postprocess_nodes(nodes, query_str="Where do cats sit?")  # doctest: +SKIP
    """

    model_config = ConfigDict(defer_build=True)

    model: str = ""
    top_n: int | None = Field(default=None, ge=1)
    keep_retrieval_score: bool = False
    batch_size: int | None = Field(default=None, ge=1)
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    max_tokens: int | None = Field(default=None, ge=1)
    rerank_api: Literal["auto", "openai", "tei"] = "auto"
    truncate: bool | None = None
    raw_scores: bool | None = None
    max_concurrency: int = Field(default=8, ge=1)

    _local: Any = PrivateAttr(default=None)

    _ELSEWHERE: ClassVar[dict[str, str]] = {**Connection._ELSEWHERE, "top_k": "top_n"}

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, **arguments: Unpack[RerankerArguments]) -> None: ...

    else:

        def __init__(
            self,
            model: str | None = None,
            *,
            model_name: str | None = None,
            api_key: str | SecretStr | ApiKey | KeyFunction | None = None,
            **options: Any,
        ) -> None:
            if options.get("device", self) is None:
                del options["device"]
            super().__init__(model=model_named(model_name, model), api_key=api_key, **options)
            self._check_side()

    def _check_side(self) -> None:
        """Refuses what the chosen side would ignore."""
        remote = self.base_url is not None
        fields = type(self).model_fields
        wrong = [
            name
            for name in (_HERE_ONLY if remote else _THERE_ONLY)
            if getattr(self, name) != fields[name].default
        ]
        if not remote and self.api_key.is_given:
            wrong.append("api_key")
        if wrong:
            raise ConfigError(
                f"{wrong[0]} is for a reranker {'on this machine' if remote else 'on a server'}.",
                hint="Leave out base_url." if remote else "Add base_url=, the address of the server.",
            )
        if not remote:
            self._cross_encoder()  # which checks its own arguments

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFReranker"

    @property
    def model_name(self) -> str:
        """The model, under the name that LlamaIndex's other classes have for it."""
        return self.model

    # -- LlamaIndex's interface ----------------------------------------------------------------------------

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _query(query_bundle)
        with self._events(query, nodes) as best:
            best += self._best(nodes, self.rerank(query, _texts(nodes)))
        return best

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _query(query_bundle)
        with self._events(query, nodes) as best:
            best += self._best(nodes, await self.arerank(query, _texts(nodes)))
        return best

    def rerank(self, query: str, documents: Sequence[str]) -> RerankReply:
        """The same for texts: scores of all, positions of the best, usage.

        Args:
            query: What is searched with.
            documents: The texts; may be empty.

        Raises:
            RouterError: See `shared_core.errors`.
        """
        if self.base_url is None:
            return self._cross_encoder().rerank(query, documents, self.top_n, self.batch_size or 32)
        return self._clients.router(self).rerank(query, documents, top_n=self.top_n, **self._options())

    async def arerank(self, query: str, documents: Sequence[str]) -> RerankReply:
        """As `rerank`, off the event loop or natively asynchronous."""
        if self.base_url is None:
            return await self._cross_encoder().arerank(query, documents, self.top_n, self.batch_size or 32)
        router = self._clients.async_router(self)
        return await router.rerank(query, documents, top_n=self.top_n, **self._options())

    # -- the parts -----------------------------------------------------------------------------------------

    def _best(self, nodes: Sequence[NodeWithScore], reply: RerankReply) -> list[NodeWithScore]:
        scores = reply.scores.tolist()
        return [self._scored(nodes[place], scores[place]) for place in reply.order.tolist()]

    def _scored(self, found: NodeWithScore, score: float) -> NodeWithScore:
        node = found.node
        if self.keep_retrieval_score:
            node = node.model_copy(update={"metadata": {**node.metadata, "retrieval_score": found.score}})
        return NodeWithScore(node=node, score=score)

    @contextmanager
    def _events(self, query: str, nodes: list[NodeWithScore]) -> Iterator[list[NodeWithScore]]:
        """Tells both of LlamaIndex's event systems; what was chosen is put into the list."""
        best: list[NodeWithScore] = []
        top_n = len(nodes) if self.top_n is None else self.top_n
        _dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=self.model))
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: self.model,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield best
            event.on_end(payload={EventPayload.NODES: best})
        _dispatcher.event(ReRankEndEvent(nodes=best))

    def _options(self) -> Any:
        names = ("truncate", "raw_scores", "batch_size", "max_concurrency")
        return {"model": self.model or None, **{name: getattr(self, name) for name in names}}

    def _cross_encoder(self) -> LocalReranker:
        reranker: LocalReranker | None = self._local
        if reranker is None:
            from shared_core.local import LocalReranker

            reranker = self._local = LocalReranker(
                self.model, self.device, self.revision, self.trust_remote_code, self.max_tokens
            )
        return reranker

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in type(self).model_fields and self.__pydantic_private__:
            self._local = None

    def _router_model(self) -> str:
        return self.model

    def _router_settings(self) -> dict[str, Any]:
        return {**super()._router_settings(), "embedding_api": self.rerank_api}


def _query(bundle: QueryBundle | None) -> str:
    if bundle is None:
        raise ConfigError("There is no query to rerank for.", hint="Pass query_str= or query_bundle=.")
    return bundle.query_str


def _texts(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
