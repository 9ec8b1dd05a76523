"""HFByteStore: LangChain's own suites for stores, and the keys that LocalFileStore refuses."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from langchain_core.stores import BaseStore
from langchain_tests.integration_tests.base_store import BaseStoreAsyncTests, BaseStoreSyncTests

from langchain_hfrouter import HFByteStore
from shared_core import ConfigError

pytestmark = pytest.mark.pinned_set

VALUES = (b"foo", b"\x00bar\xff", b"")


class TestHFByteStore(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, tmp_path: Path) -> Iterator[BaseStore[str, bytes]]:
        store = HFByteStore(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return VALUES


class TestHFByteStoreAsync(BaseStoreAsyncTests[bytes]):
    @pytest.fixture
    async def kv_store(self, tmp_path: Path) -> AsyncIterator[BaseStore[str, bytes]]:
        store = HFByteStore(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return VALUES


@pytest.mark.parametrize(
    "key", ["a/b", "../up", "with space", "ключ", "a:b?c", "\x00", "\ud800", ""], ids=ascii
)
def test_any_string_is_a_key_and_reaches_no_other_file(key: str, tmp_path: Path) -> None:
    store = HFByteStore(tmp_path / "inside")
    store.mset([(key, b"value")])
    assert store.mget([key]) == [b"value"]
    assert list(store.yield_keys(prefix=key)) == [key]
    store.mdelete([key])
    assert store.mget([key]) == [None]
    store.close()
    assert {path.name for path in tmp_path.rglob("*")} == {"inside", "store.sqlite"}


def test_namespaces_keep_stores_in_one_file_apart(tmp_path: Path) -> None:
    one, two = HFByteStore(tmp_path, namespace="one"), HFByteStore(tmp_path, namespace="two")
    one.mset([("key", b"1")])
    assert two.mget(["key"]) == [None]
    twin = pickle.loads(pickle.dumps(one))
    assert twin.mget(["key"]) == [b"1"]
    for store in (one, two, twin):
        store.close()


async def test_many_tasks_write_at_once(tmp_path: Path) -> None:
    store = HFByteStore(tmp_path)
    await asyncio.gather(*(store.amset([(f"key {i}", b"%d" % i)]) for i in range(50)))
    assert await store.amget([f"key {i}" for i in range(50)]) == [b"%d" % i for i in range(50)]
    assert len([key async for key in store.ayield_keys(prefix="key ")]) == 50
    store.close()


def test_a_value_that_is_not_bytes_is_refused(tmp_path: Path) -> None:
    store = HFByteStore(tmp_path)
    with pytest.raises(ConfigError, match="of type str, not bytes"):
        store.mset([("key", "text")])  # type: ignore[list-item]
    store.close()
