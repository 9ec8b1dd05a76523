"""What the remote embedding class and the reranker take, for type checkers and editors.

At run time their fields decide. Type checkers would otherwise read the fields themselves, and then refuse a
plain string as `api_key` and the other spellings. A test holds these lists and the fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from langchain_hfrouter.arguments import HostArguments
from shared_core.types import Routing, TargetSpec

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache

__all__ = ["BatchArguments", "RerankerArguments", "RouterEmbeddingArguments"]


class BatchArguments(HostArguments, total=False):
    """The arguments of both: a host, and lists that go out in batches."""

    batch_size: int | None
    chunk_size: int | None
    max_concurrency: int


class RouterEmbeddingArguments(BatchArguments, total=False):
    """Every argument of `HFRouterEmbeddings`; its docstring describes them."""

    embedding_api: Literal["auto", "openai", "tei", "router"] | None
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


class RerankerArguments(BatchArguments, total=False):
    """Every argument of `HFReranker`; its docstring describes them."""

    top_n: int | None
    rerank_api: Literal["auto", "openai", "tei"]
    truncate: bool | None
    raw_scores: bool | None
    device: str
    revision: str | None
    trust_remote_code: bool
    max_tokens: int | None
