"""Our rate limiter in LlamaIndex's models."""

from __future__ import annotations

import asyncio
import importlib
import pickle
import time
from typing import Any

import pytest
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM

from llama_index_hfrouter import HFRateLimiter
from shared_core import Limit, LimitReached, errors

ONE_A_DAY = Limit(requests=1, per="day")


def at_its_pace(limiter: HFRateLimiter) -> Any:
    interface = importlib.import_module("llama_index.core.rate_limiter")
    assert isinstance(limiter, interface.BaseRateLimiter)
    return limiter


@pytest.mark.pinned_set  # limiters came after 0.14.5
def test_any_llm_of_llama_index_takes_it() -> None:
    limiter = at_its_pace(HFRateLimiter(Limit(requests=100, per="second", burst=0)))
    llm = MockLLM()
    llm.rate_limiter = limiter
    started = time.monotonic()
    for _ in range(4):
        assert llm.complete("x").text
        assert list(llm.stream_complete("x"))

    async def tasks() -> None:
        await asyncio.gather(*(llm.acomplete("x") for _ in range(3)))

    asyncio.run(tasks())
    assert time.monotonic() - started >= 0.1


@pytest.mark.pinned_set  # limiters came after 0.14.5
def test_any_embedding_of_llama_index_takes_it() -> None:
    limiter = at_its_pace(HFRateLimiter(Limit(requests=100, per="second", burst=0)))
    embedding = MockEmbedding(4, rate_limiter=limiter, embed_batch_size=2)
    started = time.monotonic()
    assert len(embedding.get_text_embedding_batch(["x"] * 10)) == 10
    assert time.monotonic() - started >= 0.04


@pytest.mark.pinned_set
def test_openai_like_models_take_it(offline_url: Any) -> None:
    openai_like = importlib.import_module("llama_index.llms.openai_like")
    limiter = at_its_pace(HFRateLimiter(Limit(requests=50, per="second", burst=0)))
    llm = openai_like.OpenAILike(
        model="offline/echo", api_base=str(offline_url), api_key="k", is_chat_model=True, rate_limiter=limiter
    )
    started = time.monotonic()
    assert [llm.complete("a b").text for _ in range(3)] == ["a b"] * 3
    llm._get_client().close()  # it leaves its connection to the garbage collector
    assert time.monotonic() - started >= 0.04


async def test_tokens_count_where_they_are_told() -> None:
    limiter = HFRateLimiter(Limit(tokens=100, per="day", burst=100), timeout=1)
    limiter.acquire(60)
    await limiter.async_acquire(40)
    with pytest.raises(LimitReached, match="100 tokens per day"):
        limiter.acquire(10)
    with pytest.raises(LimitReached):
        await limiter.async_acquire(10)


def test_it_travels_and_shows_its_limits() -> None:
    limiter = HFRateLimiter(ONE_A_DAY, timeout=0.1)
    copied = pickle.loads(pickle.dumps(limiter))
    limiter.acquire()
    with pytest.raises(LimitReached):
        copied.acquire()
    assert repr(copied) == "HFRateLimiter(1 request per day)"


def test_settings_that_cannot_work_are_said_at_once() -> None:
    with pytest.raises(errors.ConfigError):
        HFRateLimiter([])
