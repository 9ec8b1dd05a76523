"""What the embedding classes and the reranker take, for type checkers and editors.

At run time their fields decide; a test holds these lists and the fields together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from llama_index.core.callbacks import CallbackManager
from llama_index.core.storage.kvstore.types import BaseKVStore

from llama_index_hfrouter.arguments import HostArguments
from shared_core.types import Routing, TargetSpec

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache

__all__ = [
    "LocalEmbeddingArguments",
    "MultiModalArguments",
    "RerankerArguments",
    "RouterEmbeddingArguments",
    "TextEmbeddingArguments",
]


class TextEmbeddingArguments(TypedDict, total=False):
    """The arguments of both embedding classes."""

    model: str | None
    dimensions: int | None
    normalize: bool | None
    query_instruction: str | None
    text_instruction: str | None
    query_prompt: str | None
    document_prompt: str | None
    cache: EmbeddingCache | str | Path | bool | None
    embed_batch_size: int
    embeddings_cache: BaseKVStore | None
    num_workers: int | None
    rate_limiter: Any


class RouterEmbeddingArguments(HostArguments, TextEmbeddingArguments, total=False):
    """Every argument of `HFRouterEmbedding` but the first; its docstring describes them."""

    max_concurrency: int
    embedding_api: Literal["auto", "openai", "tei", "router"] | None
    hub_url: str | None
    fallback: Sequence[TargetSpec] | None
    routing: Routing | None
    truncate: bool | None
    prompt_name: str | None


class LocalEmbeddingArguments(TextEmbeddingArguments, total=False):
    """Every argument of `HFLocalEmbedding` but the first; its docstring describes them."""

    device: str | None
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"]
    backend: Literal["auto", "torch", "onnx", "openvino"]
    revision: str | None
    trust_remote_code: bool
    max_tokens: int | None
    max_length: int | None
    truncate: bool
    intra_op_threads: int | None
    callback_manager: CallbackManager | None


class MultiModalArguments(LocalEmbeddingArguments, total=False):
    """Every argument of `HFLocalMultiModalEmbedding` but the first; its docstring describes them."""

    image_folder: str | Path | None


class RerankerArguments(HostArguments, total=False):
    """Every argument of `HFReranker` but the first; its docstring describes them."""

    model_name: str | None
    top_n: int | None
    keep_retrieval_score: bool
    batch_size: int | None
    max_concurrency: int
    device: str | None
    revision: str | None
    trust_remote_code: bool
    max_tokens: int | None
    rerank_api: Literal["auto", "openai", "tei"]
    truncate: bool | None
    raw_scores: bool | None
