"""HFKVStore where LlamaIndex uses such a store: documents, ingestion, embeddings, other processes."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, TextNode
from llama_index.core.storage.docstore.keyval_docstore import KVDocumentStore
from llama_index.core.storage.index_store.keyval_index_store import KVIndexStore
from llama_index.core.storage.kvstore.types import BaseKVStore

from llama_index_hfrouter import HFKVStore
from shared_core import ConfigError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HFKVStore]:
    store = HFKVStore(tmp_path)
    yield store
    store.close()


def test_what_is_put_can_be_had_listed_and_deleted(store: HFKVStore) -> None:
    store.put("a/../b", {"n": [1, 2.5, None], "t": "über \ud800"})
    store.put("b", {"n": 2}, collection="other")
    assert store.get("a/../b") == {"n": [1, 2.5, None], "t": "über \ud800"}
    assert store.get("b") is None
    assert store.get_all() == {"a/../b": {"n": [1, 2.5, None], "t": "über \ud800"}}
    assert store.get_all("other") == {"b": {"n": 2}}
    assert [store.delete("b", "other"), store.delete("b", "other")] == [True, False]
    assert store.get_all("other") == {}


async def test_the_asynchronous_half_does_the_same(store: HFKVStore) -> None:
    await asyncio.gather(*(store.aput(str(i), {"n": i}) for i in range(20)))
    await store.aput_all([("x", {"n": -1}), ("y", {"n": -2})], batch_size=100)
    assert await store.aget("7") == {"n": 7}
    assert len(await store.aget_all()) == 22
    assert [await store.adelete("x"), await store.adelete("x")] == [True, False]


def test_batches_of_any_size_are_taken_whole(store: HFKVStore) -> None:
    store.put_all([(str(i), {"n": i}) for i in range(300)], batch_size=7)
    assert len(store.get_all()) == 300
    with pytest.raises(ConfigError, match="cannot be kept"):
        store.put_all([("good", {}), ("bad", {"n": object()})])
    assert store.get("good") is None


def test_every_method_takes_what_the_base_class_takes() -> None:
    for name, base in inspect.getmembers(BaseKVStore, inspect.isfunction):
        ours = inspect.signature(getattr(HFKVStore, name)).parameters
        assert list(ours) == list(inspect.signature(base).parameters), name


def test_an_empty_store_is_a_cache_all_the_same(store: HFKVStore) -> None:
    assert bool(store)
    model = MockEmbedding(embed_dim=3, embeddings_cache=store)
    first = model.get_text_embedding_batch(["Hello", "world"])
    assert len(store.get_all("embeddings")) == 2
    assert model.get_text_embedding_batch(["world", "Hello"]) == first[::-1]
    assert len(store.get_all("embeddings")) == 2


def test_documents_and_indexes_can_be_kept_in_it(store: HFKVStore) -> None:
    documents = KVDocumentStore(store)
    documents.add_documents([TextNode(id_=str(i), text=f"passage {i}") for i in range(5)])
    again = KVDocumentStore(HFKVStore(store.path))
    node = again.get_document("3")
    assert isinstance(node, TextNode)
    assert node.text == "passage 3"
    documents.delete_document("3")
    assert "3" not in again.docs
    assert KVIndexStore(store).index_structs() == []


def test_an_ingestion_pipeline_finds_its_work_done(store: HFKVStore) -> None:
    done: list[int] = []

    class Counting(MockEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            done.append(len(texts))
            return super()._get_text_embeddings(texts)

    def run() -> list[str]:
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), Counting(embed_dim=3)], cache=IngestionCache(cache=store)
        )
        return [
            node.get_content() for node in pipeline.run(documents=[Document(text="One passage.", id_="1")])
        ]

    assert run() == run() == ["One passage."]
    assert done == [1]


def test_it_travels_into_other_processes_by_its_path(store: HFKVStore) -> None:
    store.put("key", {"text": "a secret"})
    data = pickle.dumps(store)
    assert b"a secret" not in data
    twin = pickle.loads(data)
    assert twin.get("key") == {"text": "a secret"}
    twin.close()
