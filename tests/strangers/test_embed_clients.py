"""Embedding clients that nobody here wrote judge the offline router: openai, LangChain, huggingface_hub."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import numpy as np
import openai
import pytest
from huggingface_hub import AsyncInferenceClient, HfApi, InferenceClient, constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.inference import _providers
from huggingface_hub.inference._providers import _common, hf_inference
from langchain_openai import OpenAIEmbeddings

from shared_core.testing import EmbedQuirks, OfflineRouter, Status, offline_router

pytestmark = pytest.mark.pinned_set

TEXTS = ["bread is baked before dawn", "a red fox\njumps", "", "naïve 日本"]
FULL = [text for text in TEXTS if text]
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SERVED = {
    "deepinfra": ("Qwen/Qwen3-Embedding-0.6B", 1024),
    "hf-inference": ("microsoft/harrier-oss-v1-0.6b", 1024),
    "scaleway": ("Qwen/Qwen3-Embedding-8B", 4096),
    "together": ("intfloat/multilingual-e5-large-instruct", 1024),
}


@pytest.fixture
def router() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as running:
        yield running


@pytest.fixture
def client(router: OfflineRouter) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=router, api_key="any", max_retries=0) as made:
        yield made


def vectors_of(router: OfflineRouter, model: str, texts: list[str]) -> np.ndarray:
    body = httpx2.post(f"{router}/embeddings", json={"model": model, "input": texts}).json()
    return np.array([item["embedding"] for item in body["data"]], dtype=np.float32)


def test_openai_reads_base64_which_it_asks_for_by_itself_and_floats(
    client: openai.OpenAI, router: OfflineRouter
) -> None:
    packed = client.embeddings.create(model="offline/embed-32", input=TEXTS)
    floats = client.embeddings.create(model="offline/embed-32", input=TEXTS, encoding_format="float")
    assert [item.json.get("encoding_format") for item in router.requests] == ["base64", "float"]
    wanted = vectors_of(router, "offline/embed-32", TEXTS)
    for reply in (packed, floats):
        np.testing.assert_allclose([item.embedding for item in reply.data], wanted, rtol=1e-6)
        assert [item.index for item in reply.data] == [0, 1, 2, 3]
        assert reply.usage.prompt_tokens == reply.usage.total_tokens == 11


def test_openai_takes_floats_where_a_server_does_not_listen(
    client: openai.OpenAI, router: OfflineRouter
) -> None:
    router.queue(EmbedQuirks(base64="ignore"), path="/v1/embeddings")
    reply = client.embeddings.create(model="offline/embed-32", input="bread", dimensions=8)
    assert len(reply.data[0].embedding) == 8


@pytest.mark.parametrize(
    ("status", "error"), [(400, openai.BadRequestError), (422, openai.UnprocessableEntityError)]
)
def test_openai_knows_the_refusals(
    client: openai.OpenAI, router: OfflineRouter, status: int, error: type[openai.APIStatusError]
) -> None:
    router.queue(EmbedQuirks(max_texts=1, over_status=status), path="/v1/embeddings")
    with pytest.raises(error):
        client.embeddings.create(model="offline/embed-32", input=TEXTS)
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.embeddings.create(model="no/body", input="x")


async def test_langchain_embeds_documents_and_queries(router: OfflineRouter) -> None:
    wanted = vectors_of(router, "offline/embed-32", TEXTS)
    with openai.DefaultHttpxClient() as blocking:
        async with openai.DefaultAsyncHttpxClient() as asynchronous:
            embeddings = OpenAIEmbeddings(
                model="offline/embed-32",
                base_url=router,
                api_key="any",
                check_embedding_ctx_length=False,
                chunk_size=2,
                http_client=blocking,
                http_async_client=asynchronous,
            )
            found = [embeddings.embed_documents(TEXTS), await embeddings.aembed_documents(TEXTS)]
            query = embeddings.embed_query(TEXTS[1])
    for vectors in found:
        np.testing.assert_allclose(vectors, wanted, rtol=1e-6)
    np.testing.assert_allclose(query, wanted[1], rtol=1e-6)
    assert router.requests[1].json["input"] == TEXTS[:2]


def test_token_ids_such_as_langchain_sends_by_default_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        client.embeddings.create(model="offline/embed-32", input=[[1, 2, 3]])


@pytest.fixture
def hub(router: OfflineRouter, monkeypatch: pytest.MonkeyPatch) -> OfflineRouter:
    """The router, with huggingface_hub's own constants pointing at it: its adapters do the rest."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", router.root)
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", router.root + "/{provider}")
    pipeline = _providers.PROVIDERS["hf-inference"]["feature-extraction"]
    monkeypatch.setattr(pipeline, "base_url", f"{router.root}/hf-inference")
    _common._fetch_inference_provider_mapping.cache_clear()
    hf_inference._check_supported_task.cache_clear()
    return router


@pytest.mark.parametrize("provider", SERVED)
def test_huggingface_hub_finds_the_way_through_each_provider(hub: OfflineRouter, provider: str) -> None:
    model, size = SERVED[provider]
    with InferenceClient(provider=provider, api_key="hf_any") as client:
        vectors = client.feature_extraction(FULL, model=model)
    assert vectors.shape == (3, size)
    np.testing.assert_allclose(vectors, vectors_of(hub, model, FULL), rtol=1e-6)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert f"/api/models/{model}" in [item.path for item in hub.requests if item.method == "GET"]


def test_huggingface_hub_chooses_a_provider_by_itself(hub: OfflineRouter) -> None:
    with InferenceClient(api_key="hf_any") as client:
        assert client.feature_extraction("bread", model="Qwen/Qwen3-Embedding-8B").shape == (1, 4096)
    assert hub.requests[-1].path == "/scaleway/v1/embeddings"


def test_huggingface_hub_sends_its_options_to_hf_inference(hub: OfflineRouter) -> None:
    with InferenceClient(provider="hf-inference", api_key="hf_any") as client:
        raw = client.feature_extraction("bread", model=MINILM, normalize=False)
        cut = client.feature_extraction("x " * 400, model=MINILM, truncate=True, truncation_direction="Left")
        with pytest.raises(HfHubHTTPError, match="must have less than 256 tokens"):
            client.feature_extraction("x " * 400, model=MINILM)
        tokens = client.feature_extraction("a red fox", model="facebook/bart-base")
    assert raw.shape == cut.shape == (384,)
    assert np.linalg.norm(raw) > 2
    assert tokens.shape == (1, 3, 768)


async def test_huggingface_hub_takes_the_address_of_a_tei_server(router: OfflineRouter, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with InferenceClient(model=f"{router.root}/embed") as client:
        plain = client.feature_extraction(FULL)
    async with AsyncInferenceClient(model=router.root) as client:
        at_root = await client.feature_extraction(FULL)
        router.queue(Status(429, {"error": "Model is overloaded", "error_type": "Overloaded"}), path="/")
        with pytest.raises(HfHubHTTPError, match="429"):
            await client.feature_extraction("bread")
    np.testing.assert_array_equal(plain, at_root)
    assert plain.shape == (3, 384)


@pytest.mark.parametrize("as_list", [True, False])
def test_huggingface_hub_reads_the_provider_mapping_in_both_forms(hub: OfflineRouter, as_list: bool) -> None:
    model = "offline/third-is-live"
    hub.queue(EmbedQuirks(mapping_as_list=as_list), path=f"/api/models/{model}")
    info = HfApi(endpoint=hub.root).model_info(model, expand=["inferenceProviderMapping"])
    read = [(item.provider, item.provider_id, item.status) for item in info.inference_provider_mapping]
    assert read[:3] == [
        ("together", model, "error"),
        ("futureco", "future-embed", "live"),
        ("deepinfra", "deep/embed-384", "live"),
    ]
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.root).model_info("no/body")
