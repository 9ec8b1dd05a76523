"""Several targets behind LlamaIndex's classes: they answer, they serialise, and they give no token away."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM
from shared_core import Target
from shared_core.errors import AllRoutesFailed, ConfigError
from shared_core.testing import OfflineRouter, Status, offline_router

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def other() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


def test_complete_and_stream_go_on_to_the_next_target(
    offline_url: OfflineRouter, other: OfflineRouter
) -> None:
    offline_url.queue(Status(429), times=2)
    llm = HFRouterLLM(model="offline/echo", base_url=offline_url, api_key="k", fallback=[str(other)])
    assert str(llm.complete("hi there")) == "hi there"
    assert [*llm.stream_complete("hi there")][-1].text == "hi there"


async def test_so_do_their_asynchronous_twins(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=1)
    llm = HFRouterLLM(model="offline/echo", base_url=offline_url, api_key="k", fallback=[str(other)])
    assert str(await llm.acomplete("hi there")) == "hi there"


def test_a_tier_stands_for_the_model(offline_url: OfflineRouter) -> None:
    llm = HFRouterLLM(base_url=offline_url, api_key="k", tiers={"fast": ["offline/echo"]}, tier="fast")
    assert (llm.model, str(llm.complete("hi"))) == ("offline/echo", "hi")


def test_when_nobody_answers_every_target_is_named(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503), times=-1)
    llm = HFRouterLLM(
        model="offline/echo", base_url=offline_url, api_key="k", max_retries=0, fallback=["offline/tools"]
    )
    with pytest.raises(AllRoutesFailed, match=r"2\. offline/tools at"):
        llm.complete("hi")


COPIES = {
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),
    "deepcopy": copy.deepcopy,
    "from_dict": lambda llm: type(llm).from_dict(llm.to_dict()),
    "from_json": lambda llm: type(llm).from_json(llm.to_json()),
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_keep_targets_and_leave_their_tokens(way: str) -> None:
    theirs = Target(model="a/c", base_url="https://h/v1", api_key="a-canary-token")
    llm = HFRouterLLM(model="a/b", api_key="", fallback=["a/d", theirs], routing="cost")
    for said in (repr(llm), llm.to_json(), str(llm.to_dict()), pickle.dumps(llm).decode("latin-1")):
        assert "canary" not in said
    twin = COPIES[way](llm)
    assert [Target.of(each).model for each in twin.fallback] == ["a/d", "a/c"]
    assert Target.of(twin.fallback[1]).key.source == "left behind"
    assert twin.routing == "cost"


def test_texts_are_embedded_at_another_host(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=-1, path="/v1/embeddings")
    embedding = HFRouterEmbedding(MINILM, base_url=offline_url, api_key="k", fallback=[str(other)])
    assert len(embedding.get_text_embedding("a")) == 384
    assert other.requests


@pytest.mark.parametrize("make", [HFRouterLLM, HFRouterEmbedding])
def test_what_cannot_work_is_told_at_once(make: type) -> None:
    with pytest.raises(ConfigError):
        make(model="a/b", fallback=["x y"])


def test_another_model_is_no_fallback_for_vectors() -> None:
    with pytest.raises(ConfigError, match="vectors of two models cannot be compared"):
        HFRouterEmbedding(MINILM, fallback=["BAAI/bge-m3"])
