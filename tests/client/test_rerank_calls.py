"""Reranking through the clients: batches, order, arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared_core import errors


def test_reranking_scores_every_document_in_batches_and_names_the_best(make: Any, offline_url: Any) -> None:
    documents = [f"text about {n}" for n in range(100)]
    openai = make(model="offline/rerank").rerank("about 7", documents, top_n=3)
    tei = make(model=None, base_url=offline_url.removesuffix("/v1")).rerank("about 7", documents)
    assert openai.scores.shape == (100,)
    assert openai.order.tolist() == np.argsort(-openai.scores, kind="stable")[:3].tolist()
    assert openai.order[0] == 7
    assert len(tei.order) == 100
    assert np.allclose(openai.scores, tei.scores)
    assert openai.usage.prompt_tokens > 100
    assert [seen.path for seen in offline_url.requests] == ["/v1/rerank"] * 2 + ["/rerank"] * 4
    assert openai.meta.attempts == 2


def test_reranking_takes_its_arguments_seriously(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model="offline/rerank")
    for wrong in ({"query": 5}, {"documents": "x"}, {"documents": [5]}, {"top_n": 0}, {"top": 1}):
        arguments = {"query": "q", "documents": ["a"], **wrong}
        with pytest.raises(errors.ConfigError):
            caller.rerank(**arguments)
    with pytest.raises(errors.NoRoute, match="No provider behind the router reranks"):
        make_plain(base_url=offline_url, embedding_api="router").rerank("q", ["a"])
    assert offline_url.requests == []
