"""Our rate limiter in the models of others, and what a limit of ours looks like to LangChain."""

from __future__ import annotations

import asyncio
import importlib
import pickle
import time
from typing import Any

import pytest
from langchain_core import exceptions as lc
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_hfrouter import HFRateLimiter
from langchain_hfrouter.errors import ConfigError, LimitReached, as_langchain
from shared_core import Limit, errors

ONE_A_DAY = Limit(requests=1, per="day")


def model(limiter: HFRateLimiter) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(["yes"] * 100), rate_limiter=limiter)


def test_any_model_of_langchain_takes_it() -> None:
    limiter = HFRateLimiter(Limit(requests=100, per="second", burst=0))
    assert isinstance(limiter, BaseRateLimiter)
    started = time.monotonic()
    model(limiter).batch(["x"] * 8)
    list(model(limiter).stream("x"))
    asyncio.run(model(limiter).abatch(["x"] * 8))
    assert time.monotonic() - started >= 0.16


@pytest.mark.pinned_set
def test_langchains_openai_model_takes_it(offline_url: Any) -> None:
    openai = importlib.import_module("langchain_openai")
    limiter = HFRateLimiter(Limit(requests=50, per="second", burst=0))
    chat = openai.ChatOpenAI(model="offline/echo", base_url=offline_url, api_key="k", rate_limiter=limiter)
    started = time.monotonic()
    assert [reply.content for reply in chat.batch(["a b"] * 4)] == ["a b"] * 4
    assert time.monotonic() - started >= 0.06


async def test_without_blocking_it_says_whether_there_is_room() -> None:
    limiter = HFRateLimiter({"requests": 1, "per": "day"})
    assert await limiter.aacquire(blocking=False)
    assert not limiter.acquire(blocking=False)
    assert not await limiter.aacquire(blocking=False)


async def test_a_turn_that_comes_too_late_is_an_error_of_both_kinds() -> None:
    limiter = HFRateLimiter(ONE_A_DAY, timeout=1)
    limiter.acquire()
    with pytest.raises(LimitReached) as raised:
        limiter.acquire()
    with pytest.raises(LimitReached):
        await limiter.aacquire()
    assert isinstance(raised.value, errors.LimitReached)
    assert isinstance(raised.value, getattr(lc, "ModelRateLimitError", lc.LangChainException))
    assert not raised.value.is_retryable


def test_a_limit_of_a_model_of_ours_is_not_retried_by_langchain() -> None:
    error = as_langchain(errors.LimitReached("x", retry_after=3.0))
    assert (type(error), error.retry_after) == (LimitReached, 3.0)
    assert not error.is_retryable  # type: ignore[attr-defined]


def test_it_travels_and_shows_its_limits() -> None:
    limiter = HFRateLimiter(ONE_A_DAY)
    copied = pickle.loads(pickle.dumps(limiter))
    assert limiter.acquire(blocking=False)
    assert not copied.acquire(blocking=False)
    assert repr(copied) == "HFRateLimiter(1 request per day)"


def test_settings_that_cannot_work_are_langchains_error_too() -> None:
    with pytest.raises(ConfigError):
        HFRateLimiter([])
