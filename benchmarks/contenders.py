"""Who is measured: one row a contender.

Lives here: the name, the locked environment, the import and the constructor of each contender, as source
text, because each runs inside its own environment where the others cannot be imported.
Not here: how one is called (`calls`), what is measured (`measures`), the environments' contents (`locks/`).

A constructor sees `url`, `MODEL` and `KEY`, and leaves every option that its row does not show at its
default, ours included: deadline and retry on.
"""

from __future__ import annotations

from dataclasses import dataclass

LANGCHAIN = "langchain"
LLAMA_INDEX = "llamaindex"


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    name: str
    env: str
    family: str  # whose calling conventions it speaks: a key of `calls.FAMILIES`
    imports: str  # what is timed as its import; `build` sees the names
    build: str  # an expression: the object, given `url`
    package: str  # whose version is printed beside it
    group: str = "peer"  # "ours", "peer" or "floor"
    framework: str = ""  # LANGCHAIN or LLAMA_INDEX: its table
    rounds: int | None = None  # at most so many rounds: it is too slow for more
    crowds: int | None = None  # so many rounds of the judged crowd and none of the others; None: all of all
    only: frozenset[str] | None = None  # the measures it takes part in; None: all that its family can do


_ASYNC_MEASURES = frozenset(
    {"acall", "astream", "afirst", "apaced", "asequence", "crowd50", "free50", "crowd2000"}
)

CONTENDERS: tuple[Contender, ...] = (
    Contender(
        "ChatHFRouter",
        "hfrouter",
        "langchain",
        "from langchain_hfrouter import ChatHFRouter",
        "ChatHFRouter(model=MODEL, base_url=url, api_key=KEY)",
        "langchain-core",
        "ours",
        LANGCHAIN,
    ),
    Contender(
        "ChatHFRouter, aiohttp",
        "hfrouter",
        "langchain",
        "from langchain_hfrouter import ChatHFRouter",
        "ChatHFRouter(model=MODEL, base_url=url, api_key=KEY, async_transport='aiohttp')",
        "aiohttp",
        "ours",
        LANGCHAIN,
        only=_ASYNC_MEASURES,
    ),
    Contender(
        "ChatOpenAI, openai 2",
        "openai2",
        "langchain",
        "from langchain_openai import ChatOpenAI",
        "ChatOpenAI(model=MODEL, base_url=url, api_key=KEY)",
        "openai",
        framework=LANGCHAIN,
    ),
    Contender(
        "ChatOpenAI, openai 3",
        "openai3",
        "langchain",
        "from langchain_openai import ChatOpenAI",
        "ChatOpenAI(model=MODEL, base_url=url, api_key=KEY)",
        "openai",
        framework=LANGCHAIN,
        crowds=3,
    ),
    Contender(
        "ChatHuggingFace",
        "huggingface1",
        "langchain",
        "from langchain_huggingface import ChatHuggingFace, HuggingFaceEndpoint",
        "ChatHuggingFace(llm=HuggingFaceEndpoint(endpoint_url=url), model_id=MODEL)",
        "langchain-huggingface",
        framework=LANGCHAIN,
        crowds=1,
    ),
    Contender(
        "ChatLiteLLM",
        "litellm",
        "langchain",
        "from langchain_litellm import ChatLiteLLM",
        "ChatLiteLLM(model='openai/' + MODEL, api_base=url, api_key=KEY)",
        "langchain-litellm",
        framework=LANGCHAIN,
        rounds=2,
        crowds=1,
    ),
    Contender(
        "LangChain floor",
        "hfrouter",
        "langchain",
        "from langchain_core.language_models import BaseChatModel",
        "langchain_floor()",
        "langchain-core",
        "floor",
        LANGCHAIN,
        only=frozenset({"call", "acall", "stream", "astream", "tools", "import", "memory"}),
    ),
    Contender(
        "HFRouterLLM",
        "hfrouter",
        "llamaindex",
        "from llama_index_hfrouter import HFRouterLLM",
        "HFRouterLLM(model=MODEL, base_url=url, api_key=KEY)",
        "llama-index-core",
        "ours",
        LLAMA_INDEX,
        crowds=3,
    ),
    Contender(
        "OpenAILike",
        "openai2",
        "llamaindex",
        "from llama_index.llms.openai_like import OpenAILike",
        "OpenAILike(model=MODEL, api_base=url, api_key=KEY, is_chat_model=True,"
        " is_function_calling_model=True)",
        "llama-index-llms-openai-like",
        framework=LLAMA_INDEX,
        crowds=3,
    ),
    Contender(
        "HuggingFaceInferenceAPI",
        "huggingface_api",
        "llamaindex",
        "from llama_index.llms.huggingface_api import HuggingFaceInferenceAPI",
        "HuggingFaceInferenceAPI(model_name=url, token=KEY)",
        "llama-index-llms-huggingface-api",
        framework=LLAMA_INDEX,
        crowds=2,
    ),
    Contender(
        "LlamaIndex floor",
        "hfrouter",
        "llamaindex",
        "from llama_index.core.llms.function_calling import FunctionCallingLLM",
        "llama_index_floor()",
        "llama-index-core",
        "floor",
        LLAMA_INDEX,
        only=frozenset({"call", "acall", "stream", "astream", "import", "memory"}),
    ),
    Contender(
        "shared_core alone",
        "hfrouter",
        "core",
        "from shared_core import AsyncHFRouter, HFRouter",
        "dict(model=MODEL, base_url=url, api_key=KEY)",
        "httpx2",
        "ours",
        crowds=3,
    ),
    Contender("httpx2, raw", "hfrouter", "httpx2", "import httpx2", "url", "httpx2", "floor", crowds=2),
    Contender("aiohttp, raw", "hfrouter", "aiohttp", "import aiohttp", "url", "aiohttp", "floor"),
    Contender("socket, raw", "hfrouter", "socket", "import socket", "url", "", "floor"),
)

BY_NAME = {contender.name: contender for contender in CONTENDERS}

# Statements timed in fresh processes beside the contenders' own imports, all in the environment of ours.
IMPORT_BASES = {
    "bare Python": "pass",
    "import shared_core": "import shared_core",
    "LangChain base class": "from langchain_core.language_models import BaseChatModel",
    "LlamaIndex base class": "from llama_index.core.llms.function_calling import FunctionCallingLLM",
}
