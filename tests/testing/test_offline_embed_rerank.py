"""The offline router's rerank routes, and the Hub's word on who serves an embedding model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from shared_core.testing import EmbedQuirks, OfflineRouter, offline_router

Ask = Callable[..., httpx2.Response]

QUERY = "the red fox"
DOCUMENTS = ["interest rates rose", "a red fox jumps over the dog", "the dog sleeps"]
TEI, COHERE = "/rerank", "/v1/rerank"


@pytest.fixture
def ask(router: OfflineRouter) -> Iterator[Ask]:
    with httpx2.Client(timeout=20) as client:

        def send(path: str, documents: Any = DOCUMENTS, *quirks: Any, **body: Any) -> httpx2.Response:
            if quirks:
                router.queue(quirks, path=path)
            shape = (
                {"texts": documents} if path == TEI else {"model": "offline/rerank", "documents": documents}
            )
            return client.post(router.root + path, json={"query": QUERY, **shape, **body})

        yield send


def test_tei_ranks_best_first_with_scores_between_0_and_1(ask: Ask) -> None:
    ranks = ask(TEI).json()
    assert [rank["index"] for rank in ranks] == [1, 2, 0]
    assert 1 > ranks[0]["score"] > ranks[1]["score"] > ranks[2]["score"] > 0
    assert [set(rank) for rank in ranks] == [{"index", "score"}] * 3


def test_teis_raw_scores_are_what_the_sigmoid_was_taken_of(ask: Ask) -> None:
    raw, squeezed = (ask(TEI, raw_scores=flag).json() for flag in (True, False))
    for one, other in zip(raw, squeezed, strict=True):
        assert other["score"] == pytest.approx(1 / (1 + math.exp(-one["score"])))


def test_tei_returns_the_texts_when_asked_to(ask: Ask) -> None:
    assert ask(TEI, return_text=True).json()[0]["text"] == DOCUMENTS[1]


def test_the_other_route_ranks_alike_in_its_own_shape(ask: Ask) -> None:
    body = ask(COHERE).json()
    assert body["model"] == "offline/rerank"
    assert body["usage"]["total_tokens"] == 16
    assert [(item["index"], item["relevance_score"]) for item in body["results"]] == [
        (rank["index"], pytest.approx(rank["score"])) for rank in ask(TEI).json()
    ]


def test_top_n_and_documents_as_asked(ask: Ask) -> None:
    (best,) = ask(COHERE, top_n=1, return_documents=True).json()["results"]
    assert (best["index"], best["document"]) == (1, {"text": DOCUMENTS[1]})
    assert len(ask(COHERE, top_n=9).json()["results"]) == 3
    as_objects = ask(COHERE, [{"text": text} for text in DOCUMENTS]).json()
    assert [item["index"] for item in as_objects["results"]] == [1, 2, 0]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        (TEI, {"texts": []}, 400, "`texts` cannot be empty"),
        (TEI, {"texts": ["x"] * 33}, 413, "batch size 33 > maximum allowed batch size 32"),
        (TEI, {"texts": ["x " * 300]}, 413, "must have less than 256 tokens"),
        (TEI, {"texts": "x"}, 422, "expected a sequence"),
        (TEI, {"query": 3}, 422, "query: invalid type"),
        (COHERE, {"documents": []}, 400, "'documents' must not be empty"),
        (COHERE, {"documents": ["x", 1]}, 400, "list of strings or of objects"),
        (COHERE, {"documents": "x"}, 400, "list of strings"),
        (COHERE, {"documents": ["x"] * 1001}, 400, "Expected at most 1000"),
        (COHERE, {"top_n": 0}, 400, "positive integer"),
        (COHERE, {"model": "no/body"}, 404, "does not exist"),
    ],
)
def test_a_request_is_refused(ask: Ask, path: str, body: dict[str, Any], status: int, told: str) -> None:
    reply = ask(path, **body)
    assert (reply.status_code, told in reply.text) == (status, True), reply.text


@pytest.mark.parametrize(("path", "key"), [(TEI, "score"), (COHERE, "relevance_score")])
def test_ranks_go_wrong_when_told_to(ask: Ask, path: str, key: str) -> None:
    def ranks(**quirks: Any) -> list[dict[str, Any]]:
        body = ask(path, DOCUMENTS, EmbedQuirks(**quirks)).json()
        return body if isinstance(body, list) else body["results"]

    assert [rank["index"] for rank in ranks(reverse=True)] == [0, 2, 1]
    assert [rank["index"] for rank in ranks(count_off=-1)] == [1, 2]
    assert [rank["index"] for rank in ranks(count_off=1)] == [1, 2, 0, 0]
    assert math.isnan(ranks(nan="NaN")[-1][key])
    assert ranks(nan="null")[-1][key] is None
    assert "index" not in ranks(index=False)[0]
    assert ask(path, DOCUMENTS, EmbedQuirks(max_texts=2)).status_code == 413
    assert (
        ask(path, DOCUMENTS, EmbedQuirks(refuse_marker="sleeps")).text.count("[2]" if path == TEI else ", 2]")
        == 1
    )


MAPPINGS = {
    "Qwen/Qwen3-Embedding-0.6B": [("deepinfra", "Qwen/Qwen3-Embedding-0.6B", "live")],
    "microsoft/harrier-oss-v1-0.6b": [("hf-inference", "microsoft/harrier-oss-v1-0.6b", "live")],
    "Qwen/Qwen3-Embedding-8B": [("scaleway", "qwen3-embedding-8b", "live")],
    "intfloat/multilingual-e5-large-instruct": [
        ("together", "intfloat/multilingual-e5-large-instruct", "live")
    ],
    "offline/no-provider": [],
    "offline/no-live-provider": [
        ("hf-inference", "offline/no-live-provider", "error"),
        ("together", "offline/no-live-provider", "staging"),
    ],
    "offline/third-is-live": [
        ("together", "offline/third-is-live", "error"),
        ("futureco", "future-embed", "live"),
        ("deepinfra", "deep/embed-384", "live"),
        ("hf-inference", "offline/third-is-live", "live"),
    ],
}


@pytest.mark.parametrize("model", MAPPINGS)
@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("key", ["expand[]", "expand"])
def test_the_hub_says_who_serves_a_model(router: OfflineRouter, model: str, as_list: bool, key: str) -> None:
    path = f"/api/models/{model}"
    router.queue(EmbedQuirks(mapping_as_list=as_list), path=path)
    body = httpx2.get(f"{router.root}{path}?{key}=inferenceProviderMapping").json()
    mapping = body["inferenceProviderMapping"]
    assert isinstance(mapping, list) is as_list
    entries = mapping if as_list else [{"provider": name, **entry} for name, entry in mapping.items()]
    assert [(item["provider"], item["providerId"], item["status"]) for item in entries] == MAPPINGS[model]
    assert set(body) == {"_id", "id", "inferenceProviderMapping"}
    assert router.requests[-1].query.endswith("=inferenceProviderMapping")


def test_some_models_have_a_list_and_others_an_object_unasked(router: OfflineRouter) -> None:
    def kind(model: str) -> type:
        url = f"{router.root}/api/models/{model}?expand[]=inferenceProviderMapping"
        return type(httpx2.get(url).json()["inferenceProviderMapping"])

    assert kind("Qwen/Qwen3-Embedding-8B") is list
    assert kind("Qwen/Qwen3-Embedding-0.6B") is dict


def test_without_expand_the_hub_tells_the_task_and_no_mapping(router: OfflineRouter) -> None:
    body = httpx2.get(f"{router.root}/api/models/sentence-transformers/all-MiniLM-L6-v2").json()
    assert body["pipeline_tag"] == "sentence-similarity"
    assert "inferenceProviderMapping" not in body


def test_the_hub_does_not_know_every_model(router: OfflineRouter) -> None:
    reply = httpx2.get(f"{router.root}/api/models/no/body?expand[]=inferenceProviderMapping")
    assert (reply.status_code, reply.headers["x-error-code"]) == (404, "RepoNotFound")


def test_the_hub_is_public_but_refuses_a_wrong_token() -> None:
    with offline_router(embedder="words", token="hf_right") as url:
        address = f"{url.root}/api/models/offline/embed-8"
        tokens = [{}, {"authorization": "Bearer hf_right"}, {"authorization": "Bearer hf_wrong"}]
        statuses = [httpx2.get(address, headers=headers).status_code for headers in tokens]
    assert statuses == [200, 200, 401]
