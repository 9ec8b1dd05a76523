"""HFLLMCache: LangChain's own suites for caches, and what a model's answers are after it."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import BaseCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk
from langchain_tests.integration_tests.cache import AsyncCacheTestSuite, SyncCacheTestSuite

from langchain_hfrouter import ChatHFRouter, HFLLMCache
from shared_core import ConfigError
from shared_core.cache import MemoryCache

pytestmark = pytest.mark.pinned_set

PLACES = ["memory", "file", "store"]


def at(place: str, folder: Path) -> HFLLMCache:
    store: Any = {"memory": True, "file": folder, "store": MemoryCache()}[place]
    return HFLLMCache(store)


class TestHFLLMCache(SyncCacheTestSuite):
    @pytest.fixture(params=PLACES)
    def cache(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCache]:
        cache = at(request.param, tmp_path)
        yield cache
        cache.close()


class TestHFLLMCacheAsync(AsyncCacheTestSuite):
    @pytest.fixture(params=PLACES)
    async def cache(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BaseCache]:
        cache = at(request.param, tmp_path)
        yield cache
        cache.close()


@pytest.fixture
def everywhere() -> Iterator[HFLLMCache]:
    """The cache of all models, in memory."""
    cache = HFLLMCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


MESSAGE = AIMessage(
    content=[{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:,"}}],
    tool_calls=[
        {"name": "a", "args": {"lc": 1, "type": "secret", "id": ["HF_TOKEN"]}, "id": "1", "type": "tool_call"}
    ],
    invalid_tool_calls=[{"name": "b", "args": "{", "id": "2", "error": "cut", "type": "invalid_tool_call"}],
    usage_metadata={
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "input_token_details": {"cache_read": 1},
        "output_token_details": {"reasoning": 1},
    },
    response_metadata={
        "finish_reason": "tool_calls",
        "logprobs": {"content": [{"token": "hi", "logprob": -0.5}]},
    },
    additional_kwargs={"reasoning_content": "Hm. \ud800"},
    id="run-1",
    name="ada",
)
GENERATIONS = [
    ChatGeneration(message=MESSAGE, generation_info={"finish_reason": "stop"}),
    ChatGeneration(message=ChatMessage(role="critic", content="no")),
    ChatGeneration(message=HumanMessage("hello")),
    ChatGenerationChunk(message=AIMessageChunk(content="piece", chunk_position="last")),
    Generation(text="text", generation_info={"a": [1, None]}),
    GenerationChunk(text="piece"),
]


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda each: type(each).__name__)
def test_a_generation_is_the_same_after_it_was_remembered(generation: Generation) -> None:
    cache = HFLLMCache()
    cache.update("p", "s", [generation, generation])
    found = cache.lookup("p", "s")
    assert found == [generation, generation]
    assert isinstance(found, list)  # LangChain asks for this very type
    assert [type(each) for each in found] == [type(generation)] * 2
    if isinstance(generation, ChatGeneration):
        assert type(found[0].message) is type(generation.message)  # type: ignore[attr-defined]


def test_a_model_of_this_package_is_asked_once(router: Any, everywhere: HFLLMCache) -> None:
    llm = ChatHFRouter(model="offline/reasoner", base_url=str(router), api_key="k")
    before = len(router.requests)
    first, second = llm.invoke("What is 2 + 3?"), llm.invoke("What is 2 + 3?")
    assert len(router.requests) == before + 1
    assert (second.content, second.tool_calls) == (first.content, first.tool_calls)
    assert second.additional_kwargs == first.additional_kwargs
    assert first.usage_metadata is not None
    assert second.usage_metadata == {**first.usage_metadata, "total_cost": 0}
    cost = second.response_metadata["cost"]
    assert (cost["usd"], cost["note"]) == ("0", "remembered from an earlier call: nothing was sent")
    assert asyncio.run(llm.ainvoke("What is 2 + 3?")).content == first.content
    assert len(router.requests) == before + 1


def test_a_call_with_tools_is_remembered_with_its_tool_calls(router: Any, everywhere: HFLLMCache) -> None:
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return city

    llm = ChatHFRouter(model="offline/tools", base_url=str(router), api_key="k").bind_tools([get_weather])
    first, second = (llm.invoke("What is the weather in Paris?") for _ in range(2))
    assert first.tool_calls
    assert second.tool_calls == first.tool_calls


async def test_any_model_will_do(everywhere: HFLLMCache) -> None:
    llm = FakeListLLM(responses=["one", "two"])
    assert [llm.invoke("hi"), llm.invoke("hi"), await llm.ainvoke("hi")] == ["one"] * 3
    chat = FakeMessagesListChatModel(responses=[AIMessage("one"), AIMessage("two")])
    assert [chat.invoke("hi").content, (await chat.ainvoke("hi")).content] == ["one", "one"]
    everywhere.clear()
    assert llm.invoke("hi") == "two"


def test_tenants_with_namespaces_of_their_own_share_nothing() -> None:
    store = MemoryCache()
    one, two = HFLLMCache(store, namespace="one"), HFLLMCache(store, namespace="two")
    one.update("p", "s", [Generation(text="secret")])
    two.update("q", "s", [Generation(text="other")])
    assert (two.lookup("p", "s"), HFLLMCache(store).lookup("p", "s")) == (None, None)
    two.clear()
    assert one.lookup("p", "s") == [Generation(text="secret")]


def test_prompt_and_settings_are_told_apart() -> None:
    cache = HFLLMCache()
    cache.update("ab", "c", [Generation(text="x")])
    assert cache.lookup("a", "bc") is None
    cache.update("\ud800", "", [Generation(text="odd")])
    assert cache.lookup("\ud800", "") == [Generation(text="odd")]


class Odd:
    """What JSON has no word for."""


def test_an_answer_that_json_cannot_say_is_not_remembered_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = HFLLMCache()
    cache.update("p", "s", [ChatGeneration(message=AIMessage("sesame", response_metadata={"odd": Odd()}))])
    assert cache.lookup("p", "s") is None
    assert "cannot be remembered" in caplog.text
    assert "sesame" not in caplog.text


FOREIGN: dict[str, Any] = {
    "no JSON": b"\x80\x04N.",
    "a pickle": pickle.dumps([Generation(text="x")]),
    "another version": [99, [["Generation", "x", None, None]]],
    "a class of somebody's": [1, [["os.system", "echo", None, None]]],
    "a class of Python's": [1, [["__import__", "os", None, None]]],
    "a message of no known kind": [1, [["ChatGeneration", "", None, {"type": "evil", "data": {}}]]],
    "a message without its parts": [1, [["ChatGeneration", "", None, {"type": "ai"}]]],
    "LangChain's own form of an object": [
        1,
        [
            [
                "ChatGeneration",
                "",
                None,
                {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {}},
            ]
        ],
    ],
    "a text that is none": [1, [["Generation", {"a": 1}, None, None]]],
    "a number": 7,
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_somebody_else_put_there_is_a_miss_and_nothing_is_run(foreign: Any) -> None:
    store = MemoryCache()
    cache = HFLLMCache(store)
    data = foreign if isinstance(foreign, bytes) else json.dumps(foreign).encode()
    store.put_many([(cache._key("p", "s"), data)])
    assert cache.lookup("p", "s") is None


def test_a_file_holds_no_prompt(tmp_path: Path) -> None:
    cache = HFLLMCache(tmp_path)
    cache.update("the password is swordfish", "s", [Generation(text="It is.")])
    cache.close()
    assert b"swordfish" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    twin = pickle.loads(pickle.dumps(cache))
    assert twin.lookup("the password is swordfish", "s") == [Generation(text="It is.")]
    twin.close()
    assert repr(cache).startswith("HFLLMCache(")
    with pytest.raises(ConfigError, match="ttl="):
        HFLLMCache(ttl=0)
