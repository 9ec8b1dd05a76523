"""Copies and pickles of a client that was given an HTTP client of the user's own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter

MESSAGES = [{"role": "user", "content": "hi"}]

COPIES = pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)), lambda it: copy.deepcopy(copy.deepcopy(it))],
    ids=["a deep copy", "a pickle", "a copy of a copy"],
)


@COPIES
def test_says_that_the_injected_client_stayed_behind(copied: Callable[[Any], Any], offline_url: str) -> None:
    with httpx2.Client() as client:
        router = copied(HFRouter("offline/echo", base_url=offline_url, http_client=client))
        with pytest.raises(ConfigError, match="http_client was left behind"):
            router.chat(MESSAGES)
    assert not offline_url.requests


@COPIES
async def test_says_so_in_event_loops_too(copied: Callable[[Any], Any], offline_url: str) -> None:
    async with httpx2.AsyncClient() as client:
        router = copied(AsyncHFRouter("offline/echo", base_url=offline_url, http_client=client))
        with pytest.raises(ConfigError, match="http_client was left behind"):
            await router.chat(MESSAGES)


@COPIES
def test_a_client_of_our_own_is_simply_made_again(copied: Callable[[Any], Any], offline_url: str) -> None:
    assert copied(HFRouter("offline/echo", base_url=offline_url)).chat(MESSAGES).text == "hi"
