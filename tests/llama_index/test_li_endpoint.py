"""A dedicated endpoint, by its name, under LlamaIndex's classes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM
from shared_core.errors import ConfigError
from shared_core.testing import OfflineRouter, offline_router

KEY = "hf_of_the_owner_12345678"


@pytest.fixture(scope="module")
def dedicated() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        url.deploy("mine", "offline/echo")
        url.deploy("vectors", "offline/embed-8", image="tei")
        yield url


@pytest.fixture(autouse=True)
def found_there(dedicated: OfflineRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", dedicated.root)
    monkeypatch.setenv("HFROUTER_ENDPOINTS_URL", dedicated.endpoints_url)


async def test_a_chat_needs_no_model_beside_the_name() -> None:
    llm = HFRouterLLM(endpoint="offline/mine", api_key=KEY)
    assert llm.complete("Hello!").text == "Hello!"
    assert "".join(piece.delta or "" for piece in llm.stream_complete("Hello there!")) == "Hello there!"
    assert (await llm.acomplete("Hello!")).text == "Hello!"


async def test_embeddings_find_theirs() -> None:
    embedding = HFRouterEmbedding(endpoint="vectors", api_key=KEY)
    assert embedding.get_query_embedding("one") == await embedding.aget_query_embedding("one")


def test_it_is_kept_as_an_address_which_travels_without_the_token() -> None:
    llm = HFRouterLLM(endpoint="mine", api_key=KEY)
    assert (llm.base_url, llm.model) == ("endpoint://mine", "endpoint://mine")
    assert pickle.loads(pickle.dumps(llm)).base_url == "endpoint://mine"
    assert KEY not in f"{llm!r} {llm.to_dict()}"
    assert HFRouterLLM.from_dict(llm.to_dict()).base_url == "endpoint://mine"


@pytest.mark.parametrize(
    ("made", "settings", "said"),
    [
        (HFRouterLLM, {"endpoint": "mine", "base_url": "https://a.example"}, "both say where calls go"),
        (HFRouterLLM, {"endpoint": "mine", "provider": "groq"}, "has none"),
        (HFRouterEmbedding, {"endpoint": "a b"}, "is not the name of an endpoint"),
    ],
)
def test_contradictions_are_found_when_it_is_made(made: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        made(**settings)
