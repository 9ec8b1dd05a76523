"""Several targets behind LangChain's classes: they answer, they serialise, and they give no token away."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.load import dumps

from langchain_hfrouter import ChatHFRouter, HFRouterEmbeddings
from langchain_hfrouter.errors import AllRoutesFailed, ConfigError
from shared_core import Target
from shared_core.testing import Cut, OfflineRouter, Status, offline_router

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
CANARY = "hf_canary0123456789abcdefghij"


@pytest.fixture(scope="module")
def other() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


def test_invoke_and_stream_go_on_to_the_next_target(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=2)
    model = ChatHFRouter(model="offline/echo", base_url=offline_url, api_key="k", fallback=[str(other)])
    assert model.invoke("hi there").text == "hi there"
    assert "".join(chunk.text for chunk in model.stream("hi there")) == "hi there"


async def test_so_do_their_asynchronous_twins(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=2)
    model = ChatHFRouter(model="offline/echo", base_url=offline_url, api_key="k", fallback=[str(other)])
    assert (await model.ainvoke("hi there")).text == "hi there"
    assert "".join([chunk.text async for chunk in model.astream("hi there")]) == "hi there"


def test_a_cut_answer_is_continued(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Cut(2, chunks=True, how="reset"))
    model = ChatHFRouter(
        model="offline/echo",
        base_url=offline_url,
        api_key="k",
        fallback=[str(other)],
        continue_elsewhere=True,
    )
    assert "Go on exactly" in "".join(chunk.text for chunk in model.stream("one two three four"))


def test_a_tier_stands_for_the_model(offline_url: OfflineRouter) -> None:
    model = ChatHFRouter(base_url=offline_url, api_key="k", tiers={"fast": ["offline/echo"]}, tier="fast")
    assert model.model == "offline/echo"
    assert model.invoke("hi").response_metadata["model_name"] == "offline/echo"


def test_when_nobody_answers_langchain_gets_its_own_kind_of_error(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503), times=-1)
    model = ChatHFRouter(
        model="offline/echo", base_url=offline_url, api_key="k", max_retries=0, fallback=["offline/tools"]
    )
    with pytest.raises(AllRoutesFailed, match="2 of 2 were asked"):
        model.invoke("hi")


def many(**settings: Any) -> ChatHFRouter:
    theirs = Target(
        model="a/c", base_url="https://h/v1", api_key=CANARY, headers={"X-Api-Key": "canary-header"}
    )
    return ChatHFRouter(
        model="a/b",
        api_key="",
        fallback=["a/d:groq", theirs],
        tiers={"fast": [theirs]},
        routing="cost",
        **settings,
    )


SAID = {
    "repr": repr,
    "dumps": dumps,
    "model_dump_json": lambda model: model.model_dump_json(exclude={"profile"}),
    "model_dump": lambda model: str(model.model_dump()),
    "pickle": lambda model: pickle.dumps(model).decode("latin-1"),
    "deep copy": lambda model: str(pickle.dumps(vars(copy.deepcopy(model)))),
    "cache key": lambda model: model._get_llm_string(),
    "traces": lambda model: str(model._get_invocation_params()),
}


@pytest.mark.parametrize("way", SAID)
def test_a_targets_token_shows_nowhere(way: str) -> None:
    said = SAID[way](many())
    assert "canary" not in said
    assert "a/d:groq" in said


def test_a_model_built_from_what_was_written_has_the_same_targets_without_their_tokens() -> None:
    written = json.loads(dumps(many()))
    assert written["type"] == "constructor"
    again = ChatHFRouter(**{**written["kwargs"], "api_key": ""})
    assert [Target.of(each).model for each in again.fallback or ()] == ["a/d:groq", "a/c"]
    assert again.fallback
    assert Target.of(again.fallback[1]).key.source == "left behind"
    assert again.routing == "cost"


@pytest.mark.parametrize(
    "settings",
    [{"fallback": ["x y"]}, {"routing": "cheap"}, {"tier": "none", "tiers": {"fast": ["org/name"]}}],
    ids=str,
)
def test_what_cannot_work_is_told_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ChatHFRouter(model="a/b", **settings)


def test_texts_are_embedded_at_another_host(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=-1, path="/v1/embeddings")
    embeddings = HFRouterEmbeddings(MINILM, base_url=offline_url, api_key="k", fallback=[str(other)])
    assert len(embeddings.embed_documents(["a", "b"])[0]) == 384
    assert embeddings.embed(["a"]).meta.url == other
    assert "127.0.0.1" in embeddings.model_dump_json()


def test_another_model_is_no_fallback_for_vectors() -> None:
    with pytest.raises(ConfigError, match="vectors of two models cannot be compared"):
        HFRouterEmbeddings(MINILM, fallback=["BAAI/bge-m3"])
    HFRouterEmbeddings(MINILM, fallback=[f"{MINILM}:hf-inference"])
