"""Named bytes: any string is a name, nothing is evicted, trouble is an error."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared_core import ConfigError
from shared_core.cache import SqliteStore

ODD_NAMES = [
    "",
    "../../etc/passwd",
    "a/b\\c",
    "ключ 🔑",
    "nul\x00inside",
    "\ud800",
    "%_*?",
    "a" * 10_000,
    "' OR 1=1 --",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path_factory.mktemp("shared"))
    yield store
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.sqlite")
    yield store
    store.close()


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_string_is_a_name(name: str, store: SqliteStore) -> None:
    store.put_many([(name, b"value"), (name + "!", b"other")])
    assert store.get_many([name]) == [b"value"]
    assert name in list(store.names())
    assert store.delete_many([name]) == 1
    assert store.get_many([name, name + "!"]) == [None, b"other"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=some.sets(some.text(some.characters())), prefix=some.text(some.characters(), max_size=2))
def test_a_prefix_lists_what_begins_with_it(names: set[str], prefix: str, shared: SqliteStore) -> None:
    shared.delete_many(list(shared.names()))
    shared.put_many([(name, b"") for name in names])
    assert sorted(shared.names(prefix)) == sorted(name for name in names if name.startswith(prefix))


def test_long_lists_come_in_pages_and_others_may_write_meanwhile(store: SqliteStore) -> None:
    store.put_many([(f"{number:05}", b"%d" % number) for number in range(2500)])
    listing = store.items()
    first = next(listing)
    store.put_many([("zzz", b"new")])
    store.delete_many(["02000"])
    rest = list(listing)
    assert first == ("00000", b"0")
    assert len(rest) == 2499
    assert rest[-1] == ("zzz", b"new")
    assert list(store.names("024"))[-1] == "02499"


def test_collections_are_apart(store: SqliteStore) -> None:
    store.put_many([("a", b"1")], "one")
    store.put_many([("a", b"2")], "two")
    assert store.get_many(["a"], "one") == [b"1"]
    assert store.get_many(["a"]) == [None]
    store.delete_many(["a"], "one")
    assert list(store.items(collection="two")) == [("a", b"2")]
    assert store.delete_many(["a"], "one") == 0


def test_many_names_at_once_and_repeated_ones(store: SqliteStore) -> None:
    store.put_many([(str(number), b"%d" % number) for number in range(1200)])
    asked = [str(number) for number in range(1199, -1, -1)] + ["5", "none"]
    assert store.get_many(asked) == [*(b"%d" % number for number in range(1199, -1, -1)), b"5", None]
    assert store.delete_many(["5", "5"]) == 1


def test_a_batch_is_written_whole_or_not_at_all(store: SqliteStore) -> None:
    with pytest.raises(ConfigError, match="of type str, not bytes"):
        store.put_many([("good", b"1"), ("bad", "text")])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="name is of type int"):
        store.put_many([("good", b"1"), (7, b"2")])  # type: ignore[list-item]
    assert list(store.names()) == []


def test_a_broken_store_is_an_error_and_stays_where_it_is(store: SqliteStore) -> None:
    store.close()
    store.path.write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="cannot be used: file is not a database") as failure:
        store.get_many(["a"])
    assert "Restore it from a copy" in str(failure.value)
    assert store.path.read_bytes() == b"no database" * 1000
    with pytest.raises(ConfigError, match="cannot be used"):
        SqliteStore(store.path / "below" / "a.db")


def test_a_pickle_carries_the_path_alone(store: SqliteStore) -> None:
    store.put_many([("a", b"a secret")])
    data = pickle.dumps(store)
    assert b"a secret" not in data
    twin = pickle.loads(data)
    assert twin.get_many(["a"]) == [b"a secret"]
    twin.close()
