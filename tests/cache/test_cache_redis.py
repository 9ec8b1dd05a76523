"""The cache on a Redis server: a stand-in that speaks the protocol, a server that is away, passwords."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest

from shared_core import ConfigError, HFRouter
from shared_core.cache import RedisCache, open_cache

pytestmark = pytest.mark.pinned_set

ITEMS = [(b"key %d" % number, bytes([number % 256]) * 9) for number in range(1200)]
PASSWORD = "hunter2hunter2"


def url_without_secret() -> str:
    return "redis://127.0.0.1:1/0"


def url_from_elsewhere() -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:1/0"


@pytest.fixture
def client() -> Iterator[Any]:
    client = fakeredis.FakeRedis()
    yield client
    client.close()


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_values_come_back_in_the_order_of_the_keys(client: Any) -> None:
    cache = RedisCache(client)
    cache.put_many(ITEMS)
    keys = [key for key, _ in reversed(ITEMS)]
    assert cache.get_many([*keys, b"unknown"]) == [*(value for _, value in reversed(ITEMS)), None]
    assert cache.get_many([]) == []
    cache.put_many([])
    assert all(name.startswith(b"hfrouter:key ") for name in client.scan_iter())


def test_a_prefix_keeps_two_programs_apart(client: Any) -> None:
    one, two = RedisCache(client, prefix="one:"), RedisCache(client, prefix="two:")
    one.put_many(ITEMS[:1])
    assert two.get_many([b"key 0"]) == [None]


def test_a_time_to_live_is_set_on_each_key(client: Any) -> None:
    RedisCache(client, ttl=60).put_many(ITEMS[:2])
    assert [0 < client.ttl(name) <= 60 for name in client.scan_iter()] == [True, True]
    RedisCache(client).put_many(ITEMS[:2])
    assert [client.ttl(name) for name in client.scan_iter()] == [-1, -1]


def test_a_part_of_a_second_is_a_time_to_live(client: Any) -> None:
    RedisCache(client, ttl=0.5).put_many(ITEMS[:1])
    assert [0 < client.pttl(name) <= 500 for name in client.scan_iter()] == [True]


def test_it_is_cleared_by_the_beginning_of_the_keys_whatever_bytes_these_are(client: Any) -> None:
    cache, other = RedisCache(client, prefix="a*[b]?:"), RedisCache(client, prefix="axb1:")
    cache.put_many([*ITEMS, (b"lc:\\*\n1", b"1"), (b"lc:x\n1", b"2")])
    other.put_many(ITEMS[:1])
    cache.clear(b"lc:\\*\n")
    assert cache.get_many([b"lc:\\*\n1", b"lc:x\n1"]) == [None, b"2"]
    cache.clear()
    assert cache.get_many([b"key 0", b"lc:x\n1"]) == [None, None]
    assert other.get_many([b"key 0"]) == [ITEMS[0][1]]


def test_a_client_stays_its_owners(client: Any) -> None:
    cache = open_cache(RedisCache(client))
    assert cache is not None
    cache.close()
    assert client.ping()


def test_over_a_socket_it_is_the_same() -> None:
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        cache = RedisCache(f"redis://127.0.0.1:{server.server_address[1]}/0")
        cache.put_many(ITEMS)
        assert cache.get_many([b"key 7", b"unknown"]) == [b"\x07" * 9, None]
        cache.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_dead_server_costs_one_line_in_the_log_and_a_minute_of_peace(
    dead_port: int, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cache = RedisCache(f"redis://user:{PASSWORD}@127.0.0.1:{dead_port}/0", clock=clock)
    for _ in range(3):
        assert cache.get_many([b"key 1"]) == [None]
        cache.put_many(ITEMS[:1])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "go on without it" in caplog.text
    assert PASSWORD not in caplog.text
    assert cache._server._trouble.pausing()
    clock.now += 61
    assert not cache._server._trouble.pausing()
    cache.close()


def test_a_server_that_comes_back_is_used_again(clock: Any) -> None:
    server = fakeredis.FakeServer()
    cache = RedisCache(fakeredis.FakeRedis(server=server), clock=clock)
    server.connected = False
    cache.put_many(ITEMS)
    assert cache.get_many([b"key 1"]) == [None]
    server.connected = True
    clock.now += 61
    cache.put_many(ITEMS)
    assert cache.get_many([b"key 1"]) == [b"\x01" * 9]


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PASSWORD}/x@host:6379",
        f"redis://:a/{PASSWORD}@host",
        f"http://:{PASSWORD}@host",
        "redis://host:70000000",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigError, match="The Redis URL cannot be read") as failure:
        RedisCache(url)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert PASSWORD not in str(failure.value)


def test_a_password_stands_nowhere() -> None:
    cache = RedisCache(url_from_elsewhere)
    assert PASSWORD not in repr(cache)
    data = pickle.dumps(cache)
    assert PASSWORD.encode() not in data
    assert repr(pickle.loads(data)) == repr(cache) == "RedisCache(127.0.0.1:1, prefix='hfrouter:')"
    with pytest.raises(ConfigError, match="holds a password; it is not pickled"):
        pickle.dumps(RedisCache(url_from_elsewhere()))


def test_a_password_in_the_query_of_the_url_is_a_password_too() -> None:
    cache = RedisCache(f"redis://127.0.0.1:1/0?password={PASSWORD}")
    with pytest.raises(ConfigError, match="holds a password; it is not pickled"):
        pickle.dumps(cache)
    assert str(cache._server._told(OSError(f"WRONGPASS {PASSWORD}"))) == "WRONGPASS ***"


def test_a_server_that_quotes_the_password_is_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    cache = RedisCache(f"redis://:{PASSWORD}@127.0.0.1:1/0")
    cache._server._trouble.happened(cache._server._told(OSError(f"WRONGPASS {PASSWORD}")))
    assert "WRONGPASS ***" in caplog.text


def test_a_url_without_password_travels(client: Any) -> None:
    twin = pickle.loads(pickle.dumps(RedisCache(url_without_secret(), prefix="p:", ttl=5)))
    assert repr(twin) == "RedisCache(127.0.0.1:1, prefix='p:')"
    with pytest.raises(ConfigError, match="on a Redis client, which is not pickled"):
        pickle.dumps(RedisCache(client))


def test_arguments_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigError, match="ttl=0"):
        RedisCache(url_without_secret(), ttl=0)
    with pytest.raises(ConfigError, match="decodes replies"):
        RedisCache(fakeredis.FakeRedis(decode_responses=True))


def test_clearing_leaves_limits_budgets_and_documents_on_the_same_server(client: Any) -> None:
    others = [b"{budgets}:a:trial/ada/total", b"limit:model", b"limit-users", b"closings", b"store:docs"]
    for name in others:
        client.hset(b"hfrouter:" + name, "spent", 1)
    cache = RedisCache(client)
    cache.put_many([*ITEMS, (b"chat:" + bytes(32), b"an answer")])
    cache.clear()
    assert sorted(client.keys()) == sorted(b"hfrouter:" + name for name in others)


def test_an_address_is_a_server_and_no_path(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cache = open_cache(url_from_elsewhere())
    assert isinstance(cache, RedisCache)
    cache.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["embedding_cache", "chat_cache"])
def test_a_client_is_not_pickled_with_the_password_of_its_cache(name: str) -> None:
    with pytest.raises(ConfigError, match="password"):
        pickle.dumps(HFRouter("a/b", **{name: url_from_elsewhere()}))


def test_a_local_embedder_wants_the_cache_itself_since_it_shows_its_arguments() -> None:
    from shared_core.local import LocalEmbedder

    with pytest.raises(ConfigError, match="RedisCache") as caught:
        LocalEmbedder("a/b", cache=url_from_elsewhere())
    assert PASSWORD not in str(caught.value)
