"""Every remote route of embeddings and rerankers, played from cassettes.

One cassette a route serves every layer and style: what they send must not differ. What must come out is read
from the cassette itself, so that the same tests hold for live and for offline recordings.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Sequence
from typing import Any

import pytest

from shared_core.providers import MAPPINGS

pytestmark = pytest.mark.usefixtures(
    "every_provider_is_asked_for", "connections_go_offline", "every_exchange_is_played"
)

LAYERS = ("core", "langchain", "llama_index")
STYLES = ("sync", "async")
TEXTS = ["Cats sit on mats.", "Bread is baked\nfrom flour."]
QUERY = "where do cats sit"

ROUTER = "https://router.huggingface.co"
OFFLINE_MODEL = "offline/embed-4"

# Behind the router: the address, and the model to ask for (with money) when recording live.
PROVIDERS = {
    "embed_hf_inference": (
        ROUTER + "/hf-inference/models/{model}/pipeline/feature-extraction",
        "sentence-transformers/all-MiniLM-L6-v2:hf-inference",
    ),
    "embed_deepinfra": (ROUTER + "/deepinfra/v1/openai/embeddings", "BAAI/bge-small-en-v1.5:deepinfra"),
    "embed_scaleway": (ROUTER + "/scaleway/v1/embeddings", "Qwen/Qwen3-Embedding-8B:scaleway"),
    "embed_together": (
        ROUTER + "/together/v1/embeddings",
        "intfloat/multilingual-e5-large-instruct:together",
    ),
}
# Servers of one's own, which nobody can record live: base_url, the address that is asked, the model.
SERVERS = {
    "embed_tei": ("https://tei.example", "https://tei.example/embed", ""),
    "embed_openai": ("https://vllm.example/v1", "https://vllm.example/v1/embeddings", OFFLINE_MODEL),
}
RERANKERS = {
    "rerank_tei": ("https://tei.example", "https://tei.example/rerank", ""),
    "rerank_openai": ("https://vllm.example/v1", "https://vllm.example/v1/rerank", "offline/rerank"),
}


@pytest.fixture
def default_cassette_name(case: str) -> str:
    return f"{case}.every_layer"


@pytest.fixture
def faults() -> list[Any]:
    """None: these cassettes are of routes, not of failures."""
    return []


@pytest.fixture
def live(live: bool, case: str) -> bool:
    """Servers of one's own are always the offline router."""
    return live and case in PROVIDERS


@pytest.fixture
def every_provider_is_asked_for() -> None:
    """The process remembers for minutes who serves a model; each cassette holds that question too."""
    MAPPINGS.clear()


@pytest.fixture
def settings(case: str, live: bool, api_key: str) -> dict[str, Any]:
    if case in PROVIDERS:
        provider = PROVIDERS[case][1].rpartition(":")[2]
        model = PROVIDERS[case][1] if live else f"{OFFLINE_MODEL}:{provider}"
        return {"model": model, "api_key": api_key, "max_retries": 0}
    base_url, _, model = {**SERVERS, **RERANKERS}[case]
    return {"model": model, "base_url": base_url, "api_key": "", "max_retries": 0}


def answers(vcr: Any) -> Any:
    """The body of the last recorded reply."""
    return json.loads(vcr.responses[-1]["body"]["string"])


def recorded_vectors(body: Any) -> list[Sequence[float]]:
    """The vectors of a reply in any of its forms: bare lists, rows of floats, rows in base64."""
    if not isinstance(body, dict):
        return list(body)
    rows = [row["embedding"] for row in sorted(body["data"], key=lambda row: row["index"])]
    return [array("f", base64.b64decode(row)) if isinstance(row, str) else row for row in rows]


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", [*PROVIDERS, *SERVERS])
async def test_vectors_come_out_as_recorded(
    case: str, layer: str, style: str, settings: dict[str, Any], vcr: Any
) -> None:
    vectors = await embed(layer, style, settings)
    *asked_hub, sent = vcr.requests
    model = settings["model"].partition(":")[0]
    if case in PROVIDERS:
        (lookup,) = asked_hub
        assert lookup.uri == f"https://huggingface.co/api/models/{model}?expand=inferenceProviderMapping"
        assert sent.uri == PROVIDERS[case][0].format(model=model)
    else:
        assert asked_hub == []
        assert sent.uri == SERVERS[case][1]
    body = json.loads(sent.body)
    assert body.get("inputs", body.get("input")) == TEXTS
    assert len(vectors) == 2
    for row, recorded in zip(vectors, recorded_vectors(answers(vcr)), strict=True):
        assert row == pytest.approx(list(recorded), abs=1e-6)


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", RERANKERS)
async def test_scores_come_out_as_recorded(
    case: str, layer: str, style: str, settings: dict[str, Any], vcr: Any
) -> None:
    ranked = await rerank(layer, style, settings)
    (sent,) = vcr.requests
    assert sent.uri == RERANKERS[case][1]
    body = json.loads(sent.body)
    assert body["query"] == QUERY
    assert body.get("texts", body.get("documents")) == TEXTS
    found = answers(vcr)
    rows = found["results"] if isinstance(found, dict) else found
    expected = sorted(
        ((row["index"], row.get("score", row.get("relevance_score"))) for row in rows),
        key=lambda row: -row[1],
    )
    assert [place for place, _ in ranked] == [place for place, _ in expected]
    assert [score for _, score in ranked] == pytest.approx([score for _, score in expected], abs=1e-6)


async def embed(layer: str, style: str, settings: dict[str, Any]) -> list[list[float]]:
    if layer == "langchain":
        from langchain_hfrouter import HFRouterEmbeddings

        embeddings = HFRouterEmbeddings(**settings)
        return (
            embeddings.embed_documents(TEXTS) if style == "sync" else await embeddings.aembed_documents(TEXTS)
        )
    if layer == "llama_index":
        from llama_index_hfrouter import HFRouterEmbedding

        embedding = HFRouterEmbedding(**settings, async_transport="httpx2")
        if style == "sync":
            return embedding.get_text_embedding_batch(TEXTS)
        return await embedding.aget_text_embedding_batch(TEXTS)
    from shared_core import AsyncHFRouter, HFRouter

    if style == "sync":
        return HFRouter(**settings).embed(TEXTS).tolist()
    return (await AsyncHFRouter(**settings).embed(TEXTS)).tolist()


async def rerank(layer: str, style: str, settings: dict[str, Any]) -> list[tuple[int, float]]:
    """Positions and scores, the best first."""
    if layer == "langchain":
        from langchain_core.documents import Document

        from langchain_hfrouter import HFReranker

        reranker = HFReranker(**settings)
        documents = [Document(text) for text in TEXTS]
        best = (
            reranker.compress_documents(documents, QUERY)
            if style == "sync"
            else await reranker.acompress_documents(documents, QUERY)
        )
        return [(TEXTS.index(found.page_content), found.metadata["relevance_score"]) for found in best]
    if layer == "llama_index":
        from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

        from llama_index_hfrouter import HFReranker as HFNodeReranker

        judge = HFNodeReranker(**settings, async_transport="httpx2")
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
        query = QueryBundle(QUERY)
        kept = (
            judge.postprocess_nodes(nodes, query)
            if style == "sync"
            else await judge.apostprocess_nodes(nodes, query)
        )
        return [(TEXTS.index(node.get_content()), node.get_score()) for node in kept]
    from shared_core import AsyncHFRouter, HFRouter

    if style == "sync":
        reply = HFRouter(**settings).rerank(QUERY, TEXTS)
    else:
        reply = await AsyncHFRouter(**settings).rerank(QUERY, TEXTS)
    return [(place, float(reply.scores[place])) for place in reply.order.tolist()]
