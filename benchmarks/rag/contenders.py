"""Whose parts make the turn: one row a contender.

Lives here: the locked environment, the imports, and the expressions that make the embeddings and the chat model, as
source text, because each runs inside its own environment. Not here: the turn itself (`turns`), which is the
framework's and the same for all rows of it.

Expressions see `PLAIN` (the folder of the embedding model), `URL` (of the router, with "/v1") and `MODEL`, and leave
every option that they do not show at its default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """One row of the tables.

    Args:
        name: How the tables call it.
        framework: "LangChain" or "LlamaIndex".
        env: Key of `envs.ENVIRONMENTS`.
        imports: Run first.
        embeddings: An expression: what embeds the question.
        chat: An expression: what answers.
        engine: What the model's bare forward pass is made with: "openvino" or "torch".
        group: "ours" or "peer".
    """

    name: str
    framework: str
    env: str
    imports: str
    embeddings: str
    chat: str
    engine: str
    group: str = "peer"


_HUGGING_FACE = (
    "from langchain_huggingface import ChatHuggingFace, HuggingFaceEmbeddings, HuggingFaceEndpoint\n"
)
_LLAMA_EMBEDDING = "from llama_index.embeddings.huggingface import HuggingFaceEmbedding\n"

CONTENDERS: tuple[Contender, ...] = (
    Contender(
        "HFLocalEmbeddings + ChatHFRouter",
        "LangChain",
        "hfrouter_openvino",
        "from langchain_hfrouter import ChatHFRouter, HFLocalEmbeddings",
        "HFLocalEmbeddings(PLAIN)",
        "ChatHFRouter(model=MODEL, base_url=URL, api_key='k')",
        "openvino",
        "ours",
    ),
    Contender(
        "HuggingFaceEmbeddings + ChatOpenAI",
        "LangChain",
        "sentence_transformers",
        _HUGGING_FACE + "from langchain_openai import ChatOpenAI",
        "HuggingFaceEmbeddings(model_name=PLAIN)",
        "ChatOpenAI(model=MODEL, base_url=URL, api_key='k')",
        "torch",
    ),
    Contender(
        "HuggingFaceEmbeddings + ChatHuggingFace",
        "LangChain",
        "sentence_transformers",
        _HUGGING_FACE,
        "HuggingFaceEmbeddings(model_name=PLAIN)",
        "ChatHuggingFace(llm=HuggingFaceEndpoint(endpoint_url=URL, huggingfacehub_api_token='k'), model_id=MODEL)",
        "torch",
    ),
    Contender(
        "HFLocalEmbedding + HFRouterLLM",
        "LlamaIndex",
        "hfrouter_openvino",
        "from llama_index_hfrouter import HFLocalEmbedding, HFRouterLLM",
        "HFLocalEmbedding(PLAIN)",
        "HFRouterLLM(model=MODEL, base_url=URL, api_key='k')",
        "openvino",
        "ours",
    ),
    Contender(
        "HuggingFaceEmbedding + OpenAILike",
        "LlamaIndex",
        "rag_llama_index",
        _LLAMA_EMBEDDING + "from llama_index.llms.openai_like import OpenAILike",
        "HuggingFaceEmbedding(model_name=PLAIN)",
        "OpenAILike(model=MODEL, api_base=URL, api_key='k', is_chat_model=True)",
        "torch",
    ),
    Contender(
        "HuggingFaceEmbedding + HuggingFaceInferenceAPI",
        "LlamaIndex",
        "rag_llama_index",
        _LLAMA_EMBEDDING + "from llama_index.llms.huggingface_api import HuggingFaceInferenceAPI",
        "HuggingFaceEmbedding(model_name=PLAIN)",
        "HuggingFaceInferenceAPI(model_name=URL, token='k')",
        "torch",
    ),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}
