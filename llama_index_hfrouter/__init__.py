"""Every Hugging Face inference provider as a LlamaIndex LLM; embeddings and rerankers there and here.

>>> from llama_index_hfrouter import HFRouterLLM
>>> llm = HFRouterLLM(model="openai/gpt-oss-120b:cerebras", temperature=0)
>>> llm.complete("Hello!").text  # doctest: +SKIP

Lives here: the public names. Each is loaded when it is first used, so that chat never pays for embeddings,
and importing this package never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

try:
    import llama_index.core.llms  # noqa: F401  (the one thing that every class here is built on)
except ImportError as error:
    raise ImportError(
        'llama_index_hfrouter needs LlamaIndex. Install it with: pip install "hfrouter[llama-index]"'
    ) from error

if TYPE_CHECKING:
    from llama_index_hfrouter.errors import (
        MalformedToolCall,
        MediaToolFailed,
        NoToolCall,
        StructuredOutputFailed,
    )
    from llama_index_hfrouter.llm import HFRouterLLM
    from llama_index_hfrouter.local_embedding import HFLocalEmbedding
    from llama_index_hfrouter.multi_modal import HFLocalMultiModalEmbedding
    from llama_index_hfrouter.rate_limiter import HFRateLimiter
    from llama_index_hfrouter.rerank import HFReranker
    from llama_index_hfrouter.router_embedding import HFRouterEmbedding
    from llama_index_hfrouter.stores import HFKVStore
    from llama_index_hfrouter.subject import LlamaIndexSubject
    from llama_index_hfrouter.tool_spec import HFRouterToolSpec

_HOMES = {
    "HFKVStore": "stores",
    "HFLocalEmbedding": "local_embedding",
    "HFLocalMultiModalEmbedding": "multi_modal",
    "HFRateLimiter": "rate_limiter",
    "HFReranker": "rerank",
    "HFRouterEmbedding": "router_embedding",
    "HFRouterLLM": "llm",
    "HFRouterToolSpec": "tool_spec",
    "LlamaIndexSubject": "subject",
    "MalformedToolCall": "errors",
    "MediaToolFailed": "errors",
    "NoToolCall": "errors",
    "StructuredOutputFailed": "errors",
}

__all__ = [
    "HFKVStore",
    "HFLocalEmbedding",
    "HFLocalMultiModalEmbedding",
    "HFRateLimiter",
    "HFReranker",
    "HFRouterEmbedding",
    "HFRouterLLM",
    "HFRouterToolSpec",
    "LlamaIndexSubject",
    "MalformedToolCall",
    "MediaToolFailed",
    "NoToolCall",
    "StructuredOutputFailed",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'llama_index_hfrouter' has no attribute {name!r}")
    value: object = getattr(import_module(f"llama_index_hfrouter.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
