"""A dedicated endpoint, by its name, under LangChain's classes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_hfrouter import ChatHFRouter, HFReranker, HFRouterEmbeddings, HFRouterLLM
from langchain_hfrouter.errors import ConfigError
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
    chat = ChatHFRouter(endpoint="mine", api_key=KEY)
    assert chat.invoke("Hello!").text == "Hello!"
    assert "".join(chunk.text for chunk in chat.stream("Hello there!")) == "Hello there!"
    answer = await chat.ainvoke("Hello!")
    assert (answer.text, answer.response_metadata["model_name"]) == ("Hello!", "offline/echo")


def test_a_model_beside_it_is_the_container_s_name(dedicated: OfflineRouter) -> None:
    ChatHFRouter(model="offline/echo", endpoint="offline/mine", api_key=KEY).invoke("Hello!")
    assert dedicated.requests[-1].json["model"] == "offline/echo"


async def test_embeddings_and_a_reranker_find_theirs() -> None:
    embeddings = HFRouterEmbeddings(endpoint="vectors", api_key=KEY)
    assert embeddings.embed_query("one") == await embeddings.aembed_query("one")
    reranker = HFReranker(endpoint="vectors", api_key=KEY, top_n=1)
    assert reranker.rerank("cats", ["A cat sat.", "Trains run."]).order[0] == 0


def test_it_is_kept_as_an_address_which_copies_and_shows_no_token() -> None:
    chat = ChatHFRouter(endpoint="mine", api_key=KEY)
    assert (chat.base_url, chat.model) == ("endpoint://mine", "endpoint://mine")
    assert pickle.loads(pickle.dumps(chat)).base_url == "endpoint://mine"
    assert KEY not in repr(chat)
    assert chat.profile is None


@pytest.mark.parametrize(
    ("made", "settings", "said"),
    [
        (ChatHFRouter, {"endpoint": "mine", "base_url": "https://a.example"}, "both say where calls go"),
        (ChatHFRouter, {"endpoint": "mine", "provider": "groq"}, "has none"),
        (HFRouterEmbeddings, {"endpoint": "a b"}, "is not the name of an endpoint"),
        (HFRouterLLM, {"endpoint": "mine", "bill_to": "acme"}, "paid for by its namespace"),
    ],
)
def test_contradictions_are_found_when_it_is_made(made: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        made(**settings)
