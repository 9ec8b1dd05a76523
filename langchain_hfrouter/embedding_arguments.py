"""What the remote embedding class and the reranker take, for type checkers and editors.

At run time their fields decide. Type checkers would otherwise read the fields themselves, and then refuse a
plain string as `api_key` and the other spellings. A test holds these lists and the fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic import SecretStr

from shared_core.types import Routing, TargetSpec, Timeouts

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache

__all__ = ["ConnectionArguments", "RerankerArguments", "RouterEmbeddingArguments"]


class ConnectionArguments(TypedDict, total=False):
    """The arguments that say where and on whose account."""

    model: str
    model_name: str
    api_key: str | SecretStr | None
    base_url: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    model_kwargs: Mapping[str, Any] | None
    wait_for_model: bool | float
    batch_size: int | None
    chunk_size: int | None
    max_concurrency: int
    http_client: Any
    async_http_client: Any
    async_transport: Literal["httpx2", "aiohttp"]


class RouterEmbeddingArguments(ConnectionArguments, total=False):
    """Every argument of `HFRouterEmbeddings`; its docstring describes them."""

    embedding_api: Literal["auto", "openai", "tei", "router"]
    hub_url: str | None
    fallback: Sequence[TargetSpec] | None
    routing: Routing | None
    dimensions: int | None
    normalize: bool | None
    truncate: bool | None
    query_prompt: str | None
    document_prompt: str | None
    prompt_name: str | None
    cache: EmbeddingCache | str | Path | bool | None
    show_progress: bool | Callable[[int, int], object]


class RerankerArguments(ConnectionArguments, total=False):
    """Every argument of `HFReranker`; its docstring describes them."""

    top_n: int | None
    rerank_api: Literal["auto", "openai", "tei"]
    truncate: bool | None
    raw_scores: bool | None
    device: str
    revision: str | None
    trust_remote_code: bool
    max_tokens: int | None
