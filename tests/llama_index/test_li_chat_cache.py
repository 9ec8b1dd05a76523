"""HFRouterLLM with `chat_cache`: the same answers, from memory; and settings that are written down and read again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llama_index_hfrouter import HFRouterLLM
from shared_core import ChatCache


def model(url: str, name: str = "offline/reasoner", **settings: Any) -> HFRouterLLM:
    return HFRouterLLM(model=name, base_url=str(url), api_key="k", temperature=0.0, **settings)


def test_threads_and_event_loops_share_what_is_remembered(offline_url: Any) -> None:
    llm = model(offline_url, chat_cache=True)
    first, second = llm.complete("What is 2 + 3?"), asyncio.run(llm.acomplete("What is 2 + 3?"))
    streamed = list(llm.stream_complete("What is 2 + 3?"))[-1]
    assert len(offline_url.requests) == 1
    assert first.text == second.text == streamed.text


def test_settings_that_are_read_again_mean_the_same_place(offline_url: Any, tmp_path: Path) -> None:
    llm = model(offline_url, chat_cache=ChatCache(tmp_path, ttl=60))
    llm.complete("What is 2 + 3?")
    again = HFRouterLLM.from_dict({**llm.to_dict(), "api_key": "k"})
    assert again.chat_cache == {"store": str(tmp_path), "ttl": 60, "any_temperature": False}
    again.complete("What is 2 + 3?")
    assert len(offline_url.requests) == 1
    llm.chat_cache.close()
