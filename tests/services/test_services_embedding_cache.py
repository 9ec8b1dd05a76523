"""The embedding cache on a real Redis server that dies and comes back."""

from __future__ import annotations

from typing import Any

from shared_core.cache import RedisCache


def test_a_server_that_dies_costs_the_memory_and_nothing_else(redis_server: Any) -> None:
    now = [0.0]
    cache = RedisCache(redis_server.url, clock=lambda: now[0])
    cache.put_many([(b"a", b"1"), (b"b", b"2")])
    assert cache.get_many([b"a", b"c", b"b"]) == [b"1", None, b"2"]
    redis_server.kill()
    assert cache.get_many([b"a"]) == [None]
    cache.put_many([(b"c", b"3")])
    redis_server.start()
    now[0] += 61  # it is left alone for a minute
    assert cache.get_many([b"a"]) == [None]
    cache.put_many([(b"c", b"3")])
    assert cache.get_many([b"c"]) == [b"3"]
    cache.close()


def test_a_server_that_hangs_is_waited_for_once(redis_server: Any) -> None:
    cache = RedisCache(redis_server.url, timeout=0.2)
    redis_server.freeze()
    try:
        assert cache.get_many([b"a"]) == [None]
        assert cache._server.is_away
    finally:
        redis_server.thaw()
    cache.close()
