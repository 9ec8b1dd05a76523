"""Answers on a real Redis server that dies, hangs and comes back; in a file that processes share; after a fork."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.outputs import Generation

from langchain_hfrouter import HFByteStore, HFLLMCache
from llama_index_hfrouter import HFKVStore
from shared_core import ChatCache, ConfigError, HFRouter
from shared_core.cache import MemoryCache, RedisCache
from shared_core.policy.stores.flights import FLIGHTS, Flights
from shared_core.testing import OfflineRouter, SlowHead

HELLO = [{"role": "user", "content": "one two three"}]


def client(url: str, cache: Any, **settings: Any) -> HFRouter:
    settings = {"api_key": "k", "timeout": 20, "chat_cache": cache, **settings}
    return HFRouter("offline/echo", base_url=str(url), **settings)


def test_programs_share_answers_on_a_server(redis_server: Any, offline_url: OfflineRouter) -> None:
    one, two = (client(offline_url, ChatCache(redis_server.url, ttl=60)) for _ in range(2))
    assert [router.chat(HELLO, temperature=0).meta.cached for router in (one, two)] == [False, True]
    other = client(offline_url, redis_server.url, api_key="another")
    assert not other.chat(HELLO, temperature=0).meta.cached
    store: Any = one._safeguards.arguments["chat_cache"]
    found = store._place.store._server.client.keys("*")
    assert len(found) == 2
    assert all(name.startswith(b"hfrouter:chat:") for name in found)
    # Those of one client carry a time, and those of the other none.
    assert sorted(store._place.store._server.client.ttl(name) > 0 for name in found) == [False, True]
    store.clear()
    assert not two.chat(HELLO, temperature=0).meta.cached


def test_a_server_that_dies_makes_calls_slower_and_never_wrong(
    redis_server: Any, offline_url: OfflineRouter
) -> None:
    now = [0.0]
    router = client(offline_url, ChatCache(RedisCache(redis_server.url, clock=lambda: now[0])))
    assert [router.chat(HELLO, temperature=0).meta.cached for _ in range(2)] == [False, True]
    redis_server.kill()
    assert [router.chat(HELLO, temperature=0).text for _ in range(3)] == ["one two three"] * 3
    redis_server.start()
    now[0] += 61  # it is left alone for a minute
    assert [router.chat(HELLO, temperature=0).meta.cached for _ in range(2)] == [False, True]


def test_a_server_that_hangs_is_waited_for_once(redis_server: Any, offline_url: OfflineRouter) -> None:
    router = client(offline_url, redis_server.url)
    router.chat(HELLO, temperature=0)
    redis_server.freeze()
    try:
        begun = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda _: router.chat(HELLO, temperature=0), range(8)))
        assert time.monotonic() - begun < 15
        assert {reply.text for reply in replies} == {"one two three"}
    finally:
        redis_server.thaw()


def test_a_server_that_dies_between_looking_up_and_remembering_costs_nothing(
    redis_server: Any, offline_url: OfflineRouter
) -> None:
    router = client(offline_url, redis_server.url)
    offline_url.queue(SlowHead(0.3))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(router.chat, HELLO, temperature=0)
        while not offline_url.in_flight:
            time.sleep(0.002)
        redis_server.kill()
        assert answer.result().text == "one two three"


def test_langchain_shares_answers_on_a_server(redis_server: Any) -> None:
    one, two = HFLLMCache(redis_server.url), HFLLMCache(redis_server.url, namespace="other")
    one.update("p", "s", [Generation(text="x")])
    two.update("p", "s", [Generation(text="y")])
    assert HFLLMCache(redis_server.url).lookup("p", "s") == [Generation(text="x")]
    one.clear()
    assert (one.lookup("p", "s"), two.lookup("p", "s")) == (None, [Generation(text="y")])
    redis_server.kill()
    assert two.lookup("p", "s") is None
    for cache in (one, two):
        cache.close()


PROGRAM = """
import sys
from shared_core import ChatCache, HFRouter
router = HFRouter("offline/echo", base_url=sys.argv[1], api_key="k", chat_cache=ChatCache(sys.argv[2], ttl=600))
for number in range(60):
    text = f"question {number % 12}"
    assert router.chat([{"role": "user", "content": text}], temperature=0).text == text
"""


def test_processes_share_a_file(offline_url: OfflineRouter, tmp_path: Path) -> None:
    programs = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", PROGRAM, str(offline_url), str(tmp_path)])
        for _ in range(4)
    ]
    assert [program.wait(60) for program in programs] == [0] * 4
    assert 12 <= len(offline_url.requests) <= 48  # no flight spans processes


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_waits_for_nobody_who_stayed_behind(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    memory = MemoryCache()
    routers = [client(offline_url, cache) for cache in (ChatCache(memory), ChatCache(tmp_path))]
    for router in routers:
        router.chat([{"role": "user", "content": "known"}], temperature=0)
    flight, leads = FLIGHTS.join(b"of the parent")
    assert leads
    with memory._lock:  # as another thread might, at the moment of the fork
        child = os.fork()
        if child == 0:
            fine = FLIGHTS.join(b"of the parent")[1]
            for router in routers:
                fine &= router.chat(HELLO, temperature=0).text == "one two three"
                fine &= router.chat(HELLO, temperature=0).meta.cached
            os._exit(0 if fine else 1)
    done = threading.Timer(30, os.kill, (child, 9))
    done.start()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    done.cancel()
    FLIGHTS.land(b"of the parent", flight)
    known = [{"role": "user", "content": "known"}]
    assert [router.chat(known, temperature=0).meta.cached for router in routers] == [True, True]
    for router in routers:
        router._safeguards.arguments["chat_cache"].close()  # type: ignore[union-attr]
    assert len(Flights()) == len(FLIGHTS) == 0


def test_the_frameworks_stores_are_shared_on_a_server_and_say_when_it_is_gone(redis_server: Any) -> None:
    documents, sources = HFKVStore(redis_server.url), HFByteStore(redis_server.url, namespace="bytes")
    documents.put_all([(str(number), {"n": number}) for number in range(600)])
    sources.mset([("a/b", b"1"), ("a/c", b"2"), ("d", b"3")])
    twin = pickle.loads(pickle.dumps(documents))
    assert (len(twin.get_all()), twin.get("7"), twin.delete("7"), twin.delete("7")) == (
        600,
        {"n": 7},
        True,
        False,
    )
    assert list(sources.yield_keys(prefix="a/")) == ["a/b", "a/c"]
    assert documents.path is None
    redis_server.kill()
    for work in (lambda: documents.get("8"), lambda: sources.mget(["d"])):
        with pytest.raises(ConfigError, match="cannot be used"):
            work()
    for store in (documents, sources, twin):
        store.close()
