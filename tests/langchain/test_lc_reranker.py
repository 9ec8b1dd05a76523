"""`HFReranker`: documents in, the best out, on this machine and on servers."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document

from langchain_hfrouter import HFReranker, errors
from shared_core.testing import Status

QUERY = "where do cats sit"
DOCUMENTS = [
    Document("bread is food", metadata={"page": 1}, id="a"),
    Document("cats sit on mats", metadata={"page": 2}, id="b"),
    Document("cats"),
]


@pytest.fixture(params=["tei", "openai"])
def remote(request: pytest.FixtureRequest, offline_url: Any) -> Any:
    """Makes one for each kind of server: `remote(top_n=1)`."""
    base_url = offline_url.removesuffix("/v1") if request.param == "tei" else str(offline_url)

    def build(**settings: Any) -> HFReranker:
        return HFReranker("offline/rerank", **{"base_url": base_url, "api_key": "", **settings})

    return build


async def test_the_best_come_first_as_copies_with_their_scores(remote: Any) -> None:
    before = copy.deepcopy(DOCUMENTS)
    reranker = remote(top_n=2)
    assert isinstance(reranker, BaseDocumentCompressor)
    best = reranker.compress_documents(DOCUMENTS, QUERY)
    assert [found.page_content for found in best] == ["cats sit on mats", "cats"]
    assert (best[0].id, best[0].metadata["page"]) == ("b", 2)
    scores = [found.metadata["relevance_score"] for found in best]
    assert scores == sorted(scores, reverse=True)
    assert all(type(score) is float for score in scores)
    assert before == DOCUMENTS
    assert await reranker.acompress_documents(DOCUMENTS, QUERY) == best


async def test_all_are_kept_when_no_number_is_given_and_none_need_no_request(
    remote: Any, offline_url: Any
) -> None:
    assert len(remote().compress_documents(DOCUMENTS, QUERY)) == 3
    offline_url.forget()
    assert remote().compress_documents([], QUERY) == []
    assert await remote().acompress_documents([], QUERY) == []
    assert offline_url.requests == []


def test_batches_give_the_same_order(remote: Any, offline_url: Any) -> None:
    texts = [document.page_content for document in DOCUMENTS] * 3
    whole = remote().rerank(QUERY, texts)
    offline_url.forget()
    parts = remote(batch_size=2).rerank(QUERY, texts)
    assert len(offline_url.requests) == 5
    assert parts.scores == pytest.approx(whole.scores, abs=1e-6)
    assert sorted(parts.order[:3].tolist()) == [1, 4, 7]


async def test_texts_alone_give_scores_order_and_who_answered(remote: Any) -> None:
    texts = [document.page_content for document in DOCUMENTS]
    reply = remote(top_n=1).rerank(QUERY, texts)
    assert (reply.order.tolist(), len(reply.scores)) == ([1], 3)
    assert (await remote(top_n=1).arerank(QUERY, texts)).scores.tolist() == reply.scores.tolist()


async def test_errors_are_the_cores_and_langchains(remote: Any, offline_url: Any) -> None:
    for path in ("/rerank", "/v1/rerank"):
        offline_url.queue(Status(401), path=path, times=2)
    with pytest.raises(errors.Unauthorized):
        remote().compress_documents(DOCUMENTS, QUERY)
    with pytest.raises(errors.Unauthorized):
        await remote().acompress_documents(DOCUMENTS, QUERY)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "needs a model"),
        ({"model": "a/b", "api_key": "hf_x"}, "api_key is for a reranker on a server"),
        ({"model": "a/b", "truncate": True}, "truncate is for a reranker on a server"),
        (
            {"model": "a/b", "base_url": "http://x", "device": "cpu"},
            "device is for a reranker on this machine",
        ),
        ({"model": "a/b", "top_k": 3}, "no argument top_k.*\n.*top_n="),
        ({"model": "a/b", "top_n": 0}, "top_n"),
        ({"model": "a/b", "trust_remote_code": True}, "trust_remote_code"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_when_it_is_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ConfigError, match=message):
        HFReranker(**wrong)


@pytest.mark.pinned_set
async def test_a_cross_encoder_on_this_machine(cross_encoder: Path) -> None:
    reranker = HFReranker(str(cross_encoder), device="cpu", top_n=2, batch_size=1, max_tokens=16)
    best = reranker.compress_documents(DOCUMENTS, QUERY)
    scores = [found.metadata["relevance_score"] for found in best]
    assert scores == sorted(scores, reverse=True)
    assert len(best) == 2
    assert await reranker.acompress_documents(DOCUMENTS, QUERY) == best
    assert pickle.loads(pickle.dumps(reranker)).compress_documents(DOCUMENTS, QUERY) == best
    reranker.top_n = None
    assert len(reranker.compress_documents(DOCUMENTS, QUERY)) == 3


@pytest.mark.pinned_set
def test_a_missing_cross_encoder_is_an_error_of_both_kinds(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError):
        HFReranker(str(tmp_path)).compress_documents(DOCUMENTS, QUERY)
