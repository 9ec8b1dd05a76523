"""The embedding and rerank models that the offline router claims to have, and who serves them: data.

The four live pairs are those of Hugging Face's documentation of 2026-08-22 (`tasks/*.md`); sizes, limits and
prompts are those of the models' cards. Further models are there for the faults of a provider mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["EMBEDDING_MODELS", "RERANK_MODELS", "TEI_MODEL", "EmbeddingModel", "Served", "embedding_model"]


@dataclass(frozen=True, slots=True)
class Served:
    """One entry of a provider mapping.

    Attributes:
        id: The provider's own name for the model; `""` for the Hub's.
        status: `live`, `staging` or `error`.
        task: The task the provider serves it for.
        adapter: Path of a LoRA's weights in its repository, `""` for whole models.
    """

    id: str = ""
    status: str = "live"
    task: str = "feature-extraction"
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """One stand-in for an embedding model.

    Attributes:
        id: Its name on the Hub.
        dimensions: Length of its vectors.
        max_tokens: Tokens that it reads of a text.
        providers: Who serves it, in the order of the user's preference.
        prompts: Texts put before the input, by name.
        matryoshka: Whether its vectors may be cut on OpenAI-like routes.
        pooled: False for a plain transformer, which gives one vector a token.
        listed: Whether the Hub writes its mapping as a list, as it newly does, rather than as an object.
        words: Whether its vectors always come from words, never from MiniLM: fast, and without torch.
        pipeline_tag: The task on its page.
    """

    id: str
    dimensions: int
    max_tokens: int
    providers: Mapping[str, Served] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    matryoshka: bool = False
    pooled: bool = True
    listed: bool = False
    words: bool = False
    pipeline_tag: str = "feature-extraction"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags on its page."""
        return ("sentence-similarity", "feature-extraction", "transformers")


_SIMILARITY = "sentence-similarity"
_EVERYBODY = {name: Served() for name in ("hf-inference", "deepinfra", "scaleway", "together")}
_QWEN_PROMPTS = {
    "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
    "document": "",
}

EMBEDDING_MODELS: dict[str, EmbeddingModel] = {
    model.id: model
    for model in (
        EmbeddingModel(
            "Qwen/Qwen3-Embedding-0.6B",
            1024,
            32768,
            {"deepinfra": Served()},
            _QWEN_PROMPTS,
            matryoshka=True,
        ),
        EmbeddingModel("microsoft/harrier-oss-v1-0.6b", 1024, 32768, {"hf-inference": Served()}),
        EmbeddingModel(
            "Qwen/Qwen3-Embedding-8B",
            4096,
            32768,
            {"scaleway": Served("qwen3-embedding-8b")},
            _QWEN_PROMPTS,
            matryoshka=True,
            listed=True,
        ),
        EmbeddingModel(
            "intfloat/multilingual-e5-large-instruct", 1024, 512, {"together": Served()}, listed=True
        ),
        EmbeddingModel(
            "sentence-transformers/all-MiniLM-L6-v2",
            384,
            256,
            {"hf-inference": Served(task=_SIMILARITY)},
            pipeline_tag=_SIMILARITY,
        ),
        EmbeddingModel("facebook/bart-base", 768, 1024, {"hf-inference": Served()}, pooled=False, words=True),
        EmbeddingModel("offline/minilm", 384, 256, _EVERYBODY, matryoshka=True),
        EmbeddingModel("offline/no-provider", 384, 512, words=True),
        EmbeddingModel(
            "offline/no-live-provider",
            384,
            512,
            {"hf-inference": Served(status="error"), "together": Served(status="staging")},
            words=True,
        ),
        EmbeddingModel(
            "offline/third-is-live",
            384,
            512,
            {
                "together": Served(status="error"),
                "futureco": Served("future-embed"),
                "deepinfra": Served("deep/embed-384"),
                "hf-inference": Served(),
            },
            listed=True,
            words=True,
        ),
    )
}
"""Beside these, `offline/embed-N` and `offline/tokens-N` answer with N dimensions, 1 to 9999."""

TEI_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""What the routes of text-embeddings-inference serve: such a server has one model, and requests name none."""

RERANK_MODELS = ("offline/rerank", "BAAI/bge-reranker-v2-m3", "cross-encoder/ms-marco-MiniLM-L6-v2")
"""All of them rank by the nearness of vectors."""

_OF_ANY_SIZE = re.compile(r"offline/(embed|tokens)-([1-9]\d{0,3})")


def embedding_model(name: str, aliases: Mapping[str, str]) -> EmbeddingModel | None:
    """The model of that name, None when there is none.

    >>> embedding_model("offline/embed-16", {}).dimensions
    16
    """
    known = EMBEDDING_MODELS.get(aliases.get(name, name))
    if known is not None:
        return known if name == known.id else replace(known, id=name, providers=_EVERYBODY)
    made = _OF_ANY_SIZE.fullmatch(aliases.get(name, name))
    if made is None:
        return None
    return EmbeddingModel(
        name,
        int(made[2]),
        8192,
        _EVERYBODY,
        {"query": "query: ", "document": "passage: "},
        matryoshka=True,
        pooled=made[1] == "embed",
        words=True,
    )
