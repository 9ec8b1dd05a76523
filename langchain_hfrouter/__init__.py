"""LangChain on every Hugging Face inference provider.

>>> from langchain_hfrouter import ChatHFRouter
>>> ChatHFRouter(model="openai/gpt-oss-120b:cheapest").invoke("Hello!")  # doctest: +SKIP

Lives here: the public names, each fetched from its file when it is first used. Importing this package loads
neither torch nor any HTTP library that LangChain has not loaded itself.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shared_core import __version__

if find_spec("langchain_core") is None:
    raise ImportError('langchain_hfrouter needs langchain-core: run `pip install "hfrouter[langchain]"`.')

if TYPE_CHECKING:
    from langchain_hfrouter.chat_models import ChatHFRouter
    from langchain_hfrouter.llm_cache import HFLLMCache
    from langchain_hfrouter.llms import HFRouterLLM
    from langchain_hfrouter.local_embeddings import HFLocalEmbeddings
    from langchain_hfrouter.media_tools import (
        HFImageToImage,
        HFImageToVideo,
        HFTextToAudio,
        HFTextToImage,
        HFTextToSpeech,
        HFTextToVideo,
    )
    from langchain_hfrouter.rate_limiter import HFRateLimiter
    from langchain_hfrouter.reading_tools import HFAskImage, HFClassifyImage, HFClassifyText, HFTranscribe
    from langchain_hfrouter.registration import register
    from langchain_hfrouter.rerank import HFReranker
    from langchain_hfrouter.router_embeddings import HFRouterEmbeddings
    from langchain_hfrouter.stores import HFByteStore
    from langchain_hfrouter.subject import LangChainSubject
    from langchain_hfrouter.tool_errors import HFToolError
    from langchain_hfrouter.toolkit import HFRouterToolkit

_FILE_OF = {
    "ChatHFRouter": "chat_models",
    "HFAskImage": "reading_tools",
    "HFByteStore": "stores",
    "HFClassifyImage": "reading_tools",
    "HFClassifyText": "reading_tools",
    "HFImageToImage": "media_tools",
    "HFImageToVideo": "media_tools",
    "HFLLMCache": "llm_cache",
    "HFLocalEmbeddings": "local_embeddings",
    "HFRateLimiter": "rate_limiter",
    "HFReranker": "rerank",
    "HFRouterEmbeddings": "router_embeddings",
    "HFRouterLLM": "llms",
    "HFRouterToolkit": "toolkit",
    "HFTextToAudio": "media_tools",
    "HFTextToImage": "media_tools",
    "HFTextToSpeech": "media_tools",
    "HFTextToVideo": "media_tools",
    "HFToolError": "tool_errors",
    "HFTranscribe": "reading_tools",
    "LangChainSubject": "subject",
    "register": "registration",
}

__all__ = [
    "ChatHFRouter",
    "HFAskImage",
    "HFByteStore",
    "HFClassifyImage",
    "HFClassifyText",
    "HFImageToImage",
    "HFImageToVideo",
    "HFLLMCache",
    "HFLocalEmbeddings",
    "HFRateLimiter",
    "HFReranker",
    "HFRouterEmbeddings",
    "HFRouterLLM",
    "HFRouterToolkit",
    "HFTextToAudio",
    "HFTextToImage",
    "HFTextToSpeech",
    "HFTextToVideo",
    "HFToolError",
    "HFTranscribe",
    "LangChainSubject",
    "__version__",
    "register",
]


def __getattr__(name: str) -> object:
    file = _FILE_OF.get(name)
    if file is None:
        raise AttributeError(f"module 'langchain_hfrouter' has no attribute {name!r}")
    value: object = getattr(import_module(f"langchain_hfrouter.{file}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FILE_OF})
