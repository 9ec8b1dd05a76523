"""ChatHFRouter with `chat_cache`: the same messages and chunks, from memory."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

from langchain_hfrouter import ChatHFRouter
from shared_core import ChatCache


def get_weather(city: str) -> str:
    """The weather in a city."""
    return city


def model(router: Any, name: str, **settings: Any) -> ChatHFRouter:
    return ChatHFRouter(model=name, base_url=str(router), api_key="k", temperature=0, **settings)


def test_threads_and_event_loops_share_what_is_remembered(router: Any) -> None:
    llm = model(router, "offline/reasoner", chat_cache=True)
    before = len(router.requests)
    first, second = llm.invoke("What is 2 + 3?"), asyncio.run(llm.ainvoke("What is 2 + 3?"))
    assert len(router.requests) == before + 1
    assert (second.content, second.additional_kwargs) == (first.content, first.additional_kwargs)
    assert second.usage_metadata == first.usage_metadata
    assert "cached" not in first.response_metadata
    told = second.response_metadata
    assert (told["cached"], told["attempts"], told["cost"]["usd"]) == (True, 0, "0")


@pytest.mark.parametrize("streamed_first", [True, False])
def test_a_remembered_tool_call_streams_as_any_other(router: Any, streamed_first: bool) -> None:
    llm = model(router, "offline/tools", chat_cache=ChatCache()).bind_tools([get_weather])

    def streamed() -> Any:
        whole: Any = None
        for chunk in llm.stream("What is the weather in Paris?"):
            whole = chunk if whole is None else whole + chunk
        return whole

    before = len(router.requests)
    if streamed_first:
        chunks, message = streamed(), llm.invoke("What is the weather in Paris?")
    else:
        message, chunks = llm.invoke("What is the weather in Paris?"), streamed()
    assert len(router.requests) == before + 1
    assert message.tool_calls
    assert chunks.tool_calls == message.tool_calls
    assert chunks.usage_metadata == message.usage_metadata
    assert chunks.response_metadata["finish_reason"] == message.response_metadata["finish_reason"]


def test_a_pickled_model_finds_the_file_again(router: Any, tmp_path: Path) -> None:
    llm = model(router, "offline/echo", chat_cache=ChatCache(tmp_path, ttl=60))
    llm.invoke("hello")
    twin = pickle.loads(pickle.dumps(llm))
    assert twin.chat_cache.as_dict()["ttl"] == 60
    for cache in (llm.chat_cache, twin.chat_cache):
        cache.close()


def test_a_remembered_answer_is_a_message_of_its_own_in_a_conversation(router: Any) -> None:
    chat = model(router, "offline/echo", chat_cache=True)
    first, second = chat.invoke("The same question."), chat.invoke("The same question.")
    assert second.response_metadata["cached"]
    assert second.response_metadata["id"] == first.response_metadata["id"]
    assert first.id != second.id  # by which LangGraph tells messages apart
