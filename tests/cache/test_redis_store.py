"""Named bytes on a Redis server: the same promises as in a file, on a stand-in that speaks the protocol."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from shared_core import ConfigError
from shared_core.cache import RedisStore, SqliteStore, open_store

pytestmark = pytest.mark.pinned_set

ODD_NAMES = ["", "../../etc/passwd", "ключ 🔑", "nul\x00inside", "\ud800", "%_*?[a]", "a" * 10_000]


@pytest.fixture
def client() -> Iterator[Any]:
    client = fakeredis.FakeRedis()
    yield client
    client.close()


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_string_is_a_name_and_a_collection(client: Any, name: str) -> None:
    store = RedisStore(client)
    store.put_many([(name, b"value"), (name + "!", b"other")], name)
    assert store.get_many([name], name) == [b"value"]
    assert list(store.names(collection=name)) == [name, name + "!"]
    assert list(store.items(name + "!", name)) == [(name + "!", b"other")]
    assert store.delete_many([name, "unknown"], name) == 1
    assert store.get_many([name, name + "!"], name) == [None, b"other"]
    assert store.get_many([name], "another") == [None]


def test_long_lists_come_in_order(client: Any) -> None:
    store = RedisStore(client)
    store.put_many([(f"{number:05}", b"%d" % number) for number in range(1300)])
    listing = store.items()
    assert next(listing) == ("00000", b"0")
    store.delete_many(["01200"])
    rest = list(listing)
    assert (len(rest), rest[-1]) == (1298, ("01299", b"1299"))
    assert store.get_many([f"{number:05}" for number in range(1300)])[1299] == b"1299"


def test_all_of_them_or_none(client: Any) -> None:
    store = RedisStore(client)
    with pytest.raises(ConfigError, match="not bytes"):
        store.put_many([("good", b"1"), ("bad", "text")])  # type: ignore[list-item]
    assert list(store.names()) == []
    store.put_many([])
    assert store.delete_many([]) == 0


def test_a_server_that_is_away_is_an_error_each_time_and_never_an_empty_answer() -> None:
    server = fakeredis.FakeServer()
    store = RedisStore(fakeredis.FakeRedis(server=server))
    store.put_many([("name", b"value")])
    server.connected = False
    for work in (
        lambda: store.get_many(["name"]),
        lambda: store.put_many([("name", b"new")]),
        lambda: store.delete_many(["name"]),
        lambda: list(store.names()),
        lambda: list(store.items()),
    ):
        with pytest.raises(ConfigError, match=r"The store at .* cannot be used"):
            work()
    server.connected = True
    assert store.get_many(["name"]) == [b"value"]


def url_with_password() -> str:
    return "redis://:hunter2hunter2@127.0.0.1:1/0"


def test_a_place_is_a_file_or_a_server(tmp_path: Path) -> None:
    file = open_store(tmp_path)
    assert isinstance(file, SqliteStore)
    file.close()
    server = open_store("redis://127.0.0.1:1/0")
    assert (repr(server), server.path) == ("RedisStore(127.0.0.1:1, prefix='hfrouter:store:')", None)
    twin = pickle.loads(pickle.dumps(open_store(url_with_password)))
    assert repr(twin) == repr(server)
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1 cannot be used") as caught:
        twin.get_many(["name"])
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="holds a password; it is not pickled"):
        pickle.dumps(open_store(url_with_password()))
