"""`hedge`: the setting, calls of each kind, and that who does not ask for it pays nothing."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, Target
from shared_core.observe.events import CallEnded, CallStarted, Hedged, HedgeEnded
from shared_core.policy.hedge import Hedge
from shared_core.testing import OfflineRouter, SlowChunks, SlowHead, offline_router

HELLO = [{"role": "user", "content": "one two three"}]
ECHO = "offline/echo"
EMBED = "sentence-transformers/all-MiniLM-L6-v2"
SLOW = SlowHead(5.0)


@pytest.fixture(scope="module")
def second() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture(autouse=True)
def fresh(second: OfflineRouter) -> None:
    second.forget()


def settings(first: OfflineRouter, second: OfflineRouter, **more: Any) -> dict[str, Any]:
    others = [Target(base_url=str(second), api_key="theirs")]
    return {
        "base_url": str(first),
        "api_key": "mine",
        "timeout": 4,
        "fallback": others,
        "hedge": 0.05,
        **more,
    }


@pytest.mark.parametrize(
    "hedge",
    [-1, 0.0, float("inf"), float("nan"), "fast"],
    ids=["negative", "nothing", "endless", "nan", "text"],
)
def test_what_is_no_time_to_wait_is_refused(hedge: Any) -> None:
    if hedge == 0.0:
        assert not HFRouter(ECHO, fallback=["a/b"], hedge=hedge)._safeguards.hedge
        return
    with pytest.raises(ConfigError, match="hedge="):
        HFRouter(ECHO, fallback=["a/b"], hedge=hedge)


@pytest.mark.parametrize("more", [{}, {"routing": "latency"}, {"tiers": {"fast": ["a/b"]}}], ids=str)
def test_without_a_second_target_it_cannot_work_and_says_so(more: dict[str, Any]) -> None:
    router = HFRouter(ECHO, hedge=True, **more)  # a file may name the target
    with pytest.raises(ConfigError, match="hedge needs a second target") as caught:
        router.chat([{"role": "user", "content": "Hello!"}])
    assert "fallback=" in caught.value.hint


def test_a_tier_is_a_second_target() -> None:
    HFRouter(ECHO, hedge=True, tiers={"fast": ["a/b"]}, tier="fast")


def test_it_travels_with_a_copy() -> None:
    router = HFRouter(ECHO, fallback=["a/b"], hedge=0.5)
    for twin in (copy.deepcopy(router), pickle.loads(pickle.dumps(router))):
        hedges = [policy for policy in twin._ways.with_own if isinstance(policy, Hedge)]
        assert [hedge.after for hedge in hedges] == [0.5]


def test_who_does_not_ask_for_it_does_not_even_load_it() -> None:
    code = "from shared_core import HFRouter; HFRouter('a/b', fallback=['c/d']); import sys"
    names = "print([name for name in sys.modules if name.endswith('hedge')])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {names}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_events_of_a_call_tell_of_both_requests(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    offline_url.queue(SLOW)
    heard: list[Any] = []
    reply = HFRouter(ECHO, hooks=[heard.append], **settings(offline_url, second)).chat(HELLO)
    assert [type(event) for event in heard] == [CallStarted, Hedged, HedgeEnded, CallEnded]
    _, hedged, over, ended = heard
    assert (hedged.url, hedged.after, hedged.to_url) == (offline_url, 0.05, second)
    assert (over.won, over.url, over.lost) == ("second", second, "broken off")
    assert (ended.outcome, ended.attempts, ended.url, ended.moves) == ("answered", 2, second, 1)
    assert ended.cost == reply.meta.cost
    assert {event.id for event in heard} == {ended.id}


def test_the_gaps_of_a_stream_are_those_of_the_winner(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    offline_url.queue(SLOW)
    second.queue(SlowChunks(0.01))
    heard: list[Any] = []
    with HFRouter(ECHO, hooks=[heard.append], **settings(offline_url, second)).stream(HELLO) as stream:
        for _ in stream:
            pass
    assert stream.reply.meta.url == second
    assert heard[-1].gaps
    assert heard[-1].first_token_s == stream.reply.meta.first_token_s


def test_a_known_cost_stays_and_says_what_is_not_in_it(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    offline_url.queue(SLOW)
    prices = {ECHO: {"input": "1", "output": "2"}}
    cost = HFRouter(ECHO, **settings(offline_url, second, prices=prices)).chat(HELLO).meta.cost
    assert cost.usd
    assert "one of the two broken off" in cost.note
    assert f"as many tokens would cost ${cost.usd.normalize():f} there" in cost.note


def test_an_answer_of_the_second_is_not_remembered_as_the_firsts(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    router = HFRouter(ECHO, **settings(offline_url, second, chat_cache=True))
    offline_url.queue(SLOW)
    assert router.chat(HELLO, temperature=0).meta.url == second
    again = router.chat(HELLO, temperature=0).meta
    assert (again.url, again.cached) == (offline_url, False)
    assert router.chat(HELLO, temperature=0).meta.cached


def test_the_second_target_has_its_own_token(offline_url: OfflineRouter, second: OfflineRouter) -> None:
    offline_url.queue(SLOW)
    HFRouter(ECHO, **settings(offline_url, second)).chat(HELLO)
    assert [host.requests[0].headers["authorization"] for host in (offline_url, second)] == [
        "Bearer mine",
        "Bearer theirs",
    ]


@pytest.mark.parametrize("texts", [1, 6], ids=["one request", "six at once"])
@pytest.mark.parametrize("kind", ["threads", "httpx2", "aiohttp"])
def test_batches_of_texts_are_hedged_one_by_one(
    kind: str, texts: int, offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    words = [f"text {number}" for number in range(texts)]
    offline_url.queue(SLOW, path="/v1/embeddings")
    given = settings(offline_url, second, embedding_api="openai")

    async def in_a_loop() -> Any:
        async with AsyncHFRouter(EMBED, transport=kind, **given) as router:
            return await router.embed(words, batch_size=1)

    begun = time.monotonic()
    reply = (
        HFRouter(EMBED, **given).embed(words, batch_size=1) if kind == "threads" else asyncio.run(in_a_loop())
    )
    assert time.monotonic() - begun < 3
    alone = HFRouter(EMBED, base_url=str(second), api_key="k", embedding_api="openai").embed(words)
    assert np.allclose(reply.vectors, alone.vectors)
    assert len(second.requests) >= 2
    assert reply.meta.attempts >= texts + 1
    assert [note for note in reply.notes if note.startswith("A second request was made")]
    assert any("in place of" in note for note in reply.notes)
    assert offline_url.wait_idle(1)


def test_the_time_to_wait_is_learnt(offline_url: OfflineRouter, second: OfflineRouter) -> None:
    router = HFRouter(ECHO, **settings(offline_url, second, hedge=True))
    for _ in range(20):
        router.chat(HELLO)
    assert not second.requests
    offline_url.queue(SLOW)
    assert router.chat(HELLO).meta.url == second  # before the 10 s that are usual


def test_a_film_is_never_asked_for_twice(offline_url: OfflineRouter, second: OfflineRouter) -> None:
    router = HFRouter("offline/painter:fal-ai", **settings(offline_url, second, embedding_api="router"))
    assert router._ways is not None
    for paid in (False, True):
        stack = router._ways.around(lambda call: None, paid=paid)  # type: ignore[arg-type, return-value]
        assert not [policy for policy in stack if isinstance(policy, Hedge)]
