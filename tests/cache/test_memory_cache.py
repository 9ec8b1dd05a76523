"""The cache in memory: bounded in bytes and in age, safe from threads."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.cache import MemoryCache

MIB = 2**20


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = MemoryCache(MIB)
    for number in range(5):
        cache.put_many([(b"%d" % number, bytes(200_000))])
    assert cache.get_many([b"0"]) == [bytes(200_000)]
    cache.put_many([(b"new", bytes(200_000))])
    assert [value is not None for value in cache.get_many([b"0", b"1", b"2", b"new"])] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("size", [0, 10, 1000, 100_000], ids=lambda size: f"{size} bytes each")
def test_it_never_takes_more_than_its_bound(size: int) -> None:
    cache = MemoryCache(MIB)
    for number in range(5000):
        cache.put_many([(b"%d" % number, bytes(size))])
    assert cache._size <= MIB
    assert cache._size == sum(len(key) + len(value) + 250 for key, (value, _) in cache._entries.items())
    assert 0 < len(cache) <= 5000


def test_one_that_is_too_large_is_not_kept_and_drops_nothing_but_its_forerunner() -> None:
    cache = MemoryCache(MIB)
    cache.put_many([(b"small", b"1"), (b"key", b"old")])
    cache.put_many([(b"key", bytes(MIB))])
    assert cache.get_many([b"small", b"key"]) == [b"1", None]


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    cache = MemoryCache(MIB)
    for value in (b"1", b"22", b"333"):
        cache.put_many([(b"key", value)])
    assert (cache.get_many([b"key"]), len(cache)) == ([b"333"], 1)
    assert cache._size == len(b"key333") + 250


def test_an_entry_is_forgotten_when_its_time_is_up(clock: Any) -> None:
    cache = MemoryCache(ttl=60, clock=clock)
    cache.put_many([(b"key", b"value")])
    clock.now = 59.9
    assert cache.get_many([b"key"]) == [b"value"]  # asking does not make it younger
    clock.now = 60.0
    assert cache.get_many([b"key"]) == [None]
    assert len(cache) == 0


def test_it_is_cleared_by_the_beginning_of_the_keys() -> None:
    cache = MemoryCache()
    cache.put_many([(b"a:1", b"1"), (b"a:2", b"2"), (b"b:1", b"3")])
    cache.clear(b"a:")
    assert cache.get_many([b"a:1", b"a:2", b"b:1"]) == [None, None, b"3"]
    cache.close()
    assert cache.get_many([b"b:1"]) == [b"3"]
    cache.clear()
    assert (len(cache), cache._size, bool(cache)) == (0, 0, True)


def test_a_copy_carries_the_arguments_and_begins_empty() -> None:
    cache = MemoryCache(2 * MIB, ttl=5)
    cache.put_many([(b"key", b"value")])
    for twin in (pickle.loads(pickle.dumps(cache)), copy.deepcopy(cache)):
        assert (twin.max_bytes, twin.ttl, len(twin)) == (2 * MIB, 5, 0)


def test_many_threads_share_it() -> None:
    cache = MemoryCache(MIB)

    def work(seed: int) -> None:
        for number in range(300):
            key = b"%d" % ((seed * 7 + number) % 50)
            cache.put_many([(key, key * 900)])
            (value,) = cache.get_many([key])
            assert value in (None, key * 900)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert cache._size == sum(len(key) + len(value) + 250 for key, (value, _) in cache._entries.items())


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_bytes": 10},
        {"max_bytes": 1e7},
        {"max_bytes": True},
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": float("inf")},
        {"ttl": "1"},
    ],
    ids=str,
)
def test_a_bound_that_cannot_be_kept_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        MemoryCache(**arguments)
