"""Embeddings: what any BaseEmbedding can be held against, by itself and inside LlamaIndex.

A class under test brings two fixtures: `make_embedding` (options to an object) and `batches` (the texts
of each call that reached the model so far). Parallel calls have no order, so their batches are compared sorted.
"""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import numpy as np
import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.embeddings import resolve_embed_model
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.node_parser import SemanticSplitterNodeParser, SentenceSplitter
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from llama_index.core.vector_stores import SimpleVectorStore
from pydantic import Field

TEXTS = [
    "The violin has four strings.",
    "Bread.",
    "The Rhine rises in the Swiss Alps and flows to the North Sea.",
    "Bread is baked from flour, water and salt.",
    "x",
]
CLOSE = {"rtol": 0, "atol": 2e-5}


class Limiter:
    """Lets everybody through, and remembers with how many tokens. (The base class came after 0.14.5.)"""

    def __init__(self):
        self.asked = []

    def acquire(self, num_tokens=0):
        self.asked.append(num_tokens)

    async def async_acquire(self, num_tokens=0):
        self.asked.append(num_tokens)


class CountedStore(SimpleKVStore):
    """A store that says how full it is, as dictionaries do: an empty one is falsy."""

    def __len__(self):
        return sum(map(len, self._collections_mappings.values()))


class Events(BaseEventHandler):
    """Keeps what the dispatcher was told about embeddings."""

    seen: list = Field(default_factory=list)

    def handle(self, event, **_):
        if isinstance(event, EmbeddingStartEvent | EmbeddingEndEvent):
            self.seen.append(event)

    def of(self, kind):
        return [event for event in self.seen if isinstance(event, kind)]


@pytest.fixture
def events():
    """The dispatcher's events of one test."""
    root = get_dispatcher("root")
    handler = Events()
    root.event_handlers.append(handler)
    yield handler
    root.event_handlers.remove(handler)


async def embed_all(embedding, texts, way, **options):
    """A batch call, in one of both ways."""
    if way == "sync":
        return embedding.get_text_embedding_batch(texts, **options)
    return await embedding.aget_text_embedding_batch(texts, **options)


WAYS = pytest.mark.parametrize("way", ["sync", "async"])


class VectorsSuite:
    takes_empty_texts = True

    def test_it_is_a_base_embedding_with_a_name_of_its_own(self, make_embedding):
        kind = type(make_embedding())
        assert BaseEmbedding.__name__ in [base.__name__ for base in kind.__mro__]
        assert kind.class_name() == kind.__name__

    async def test_every_way_to_a_text_s_vector_gives_the_same(self, make_embedding):
        embedding = make_embedding()
        one = embedding.get_text_embedding(TEXTS[0])
        assert type(one) is list
        assert {type(number) for number in one} == {float}
        for other in (
            await embedding.aget_text_embedding(TEXTS[0]),
            embedding.get_text_embedding_batch(TEXTS)[0],
            (await embedding.aget_text_embedding_batch(TEXTS))[0],
            embedding._get_text_embedding(TEXTS[0]),
            await embedding._aget_text_embedding(TEXTS[0]),
            embedding._get_text_embeddings(TEXTS)[0],
            (await embedding._aget_text_embeddings(TEXTS))[0],
        ):
            np.testing.assert_allclose(other, one, **CLOSE)

    async def test_every_way_to_a_query_s_vector_gives_the_same(self, make_embedding):
        embedding = make_embedding(query_instruction="query: ", text_instruction="")
        one = embedding.get_query_embedding("rivers")
        for other in (
            await embedding.aget_query_embedding("rivers"),
            embedding.get_agg_embedding_from_queries(["rivers"]),
            await embedding.aget_agg_embedding_from_queries(["rivers"]),
            embedding._get_query_embedding("rivers"),
            await embedding._aget_query_embedding("rivers"),
            embedding.get_text_embedding("query: rivers"),
        ):
            np.testing.assert_allclose(other, one, **CLOSE)
        assert not np.allclose(embedding.get_text_embedding("rivers"), one, atol=1e-3)

    @WAYS
    @pytest.mark.parametrize("size", [1, 2, 3, 2048])
    async def test_any_cut_into_batches_keeps_the_order(self, make_embedding, way, size):
        embedding = make_embedding(embed_batch_size=size)
        vectors = await embed_all(embedding, TEXTS, way)
        np.testing.assert_allclose(vectors, [embedding.get_text_embedding(text) for text in TEXTS], **CLOSE)

    @WAYS
    async def test_repeated_texts_have_a_vector_each(self, make_embedding, way):
        one, two, three = await embed_all(make_embedding(), ["a", "b", "a"], way)
        np.testing.assert_allclose(one, three, **CLOSE)
        assert not np.allclose(one, two, atol=1e-3)

    async def test_an_empty_text_has_a_vector_or_is_refused_by_name(self, make_embedding):
        embedding = make_embedding()
        if not self.takes_empty_texts:
            with pytest.raises(Exception, match="empty"):
                embedding.get_text_embedding("")
            return
        empty, full = embedding.get_text_embedding_batch(["", "a"])
        assert len(empty) == len(full)
        assert np.isfinite(empty).all()
        np.testing.assert_allclose(await embedding.aget_text_embedding(""), empty, **CLOSE)

    @WAYS
    async def test_what_is_no_text_is_an_error_and_the_next_call_works(self, make_embedding, way):
        embedding = make_embedding(embed_batch_size=1)
        with pytest.raises(Exception, match="int"):
            await embed_all(embedding, ["a", 7, "b"], way)
        assert len(await embed_all(embedding, ["a", "b"], way)) == 2

    @WAYS
    async def test_one_string_is_not_taken_for_a_list_of_letters(self, make_embedding, way):
        with pytest.raises(Exception, match="one string"):
            await embed_all(make_embedding(), "abc", way)

    def test_two_event_loops_after_one_another(self, make_embedding):
        embedding = make_embedding()
        first, second = (asyncio.run(embedding.aget_query_embedding("a")) for _ in range(2))
        np.testing.assert_allclose(first, second, **CLOSE)

    async def test_many_queries_at_one_time(self, make_embedding):
        embedding = make_embedding()
        vectors = await asyncio.gather(*(embedding.aget_query_embedding(text) for text in TEXTS * 3))
        np.testing.assert_allclose(vectors[:5], vectors[10:], **CLOSE)


class CallsSuite:
    @WAYS
    async def test_batches_are_real(self, make_embedding, batches, way):
        await embed_all(make_embedding(embed_batch_size=2), TEXTS, way)
        assert sorted(batches()) == sorted([TEXTS[:2], TEXTS[2:4], TEXTS[4:]])

    def test_one_batch_after_the_other(self, make_embedding, batches):
        make_embedding(embed_batch_size=2).get_text_embedding_batch(TEXTS)
        assert batches() == [TEXTS[:2], TEXTS[2:4], TEXTS[4:]]

    @WAYS
    async def test_nothing_costs_nothing(self, make_embedding, batches, events, way):
        assert await embed_all(make_embedding(), [], way) == []
        assert (batches(), events.seen) == ([], [])

    @WAYS
    async def test_texts_are_never_altered(self, make_embedding, batches, way):
        texts = ["a\nb", "  spaces  ", "tab\t\r\n", "\u00e9e\u0301", "a\x00b"]
        await embed_all(make_embedding(), texts, way)
        assert batches() == [texts]

    @WAYS
    @pytest.mark.parametrize("workers", [0, 1, 2, 7])
    async def test_any_number_of_workers_gives_the_same(self, make_embedding, batches, way, workers):
        vectors = await embed_all(make_embedding(num_workers=workers, embed_batch_size=2), TEXTS, way)
        assert sorted(batches()) == sorted([TEXTS[:2], TEXTS[2:4], TEXTS[4:]])
        np.testing.assert_allclose(vectors, make_embedding().get_text_embedding_batch(TEXTS), **CLOSE)

    @WAYS
    async def test_a_progress_bar_changes_nothing(self, make_embedding, capsys, way):
        vectors = await embed_all(make_embedding(embed_batch_size=2), TEXTS, way, show_progress=True)
        assert len(vectors) == 5
        assert "5/5" in capsys.readouterr().err

    @WAYS
    async def test_the_limiter_is_asked_before_each_call_with_its_tokens(self, make_embedding, batches, way):
        limiter = Limiter()
        embedding = make_embedding(rate_limiter=limiter, embed_batch_size=2)
        await embed_all(embedding, TEXTS, way)
        assert len(limiter.asked) == len(batches()) == 3
        assert all(0 < tokens < 40 for tokens in limiter.asked)
        embedding.get_query_embedding("a")
        await embedding.aget_query_embedding("a")
        await embedding.aget_text_embedding("a")
        assert len(limiter.asked) == 6

    @pytest.mark.pinned_set  # limiters came after 0.14.5
    async def test_a_batch_over_the_limiter_s_minute_does_not_wait_for_ever(self, make_embedding):
        from llama_index.core.rate_limiter import TokenBucketRateLimiter

        embedding = make_embedding(rate_limiter=TokenBucketRateLimiter(tokens_per_minute=3))
        assert len(await asyncio.wait_for(embedding.aget_text_embedding_batch(TEXTS[:1]), 5)) == 1


class StoreSuite:
    @pytest.mark.parametrize("store", [SimpleKVStore, CountedStore])
    @WAYS
    async def test_what_is_stored_is_not_embedded_again(self, make_embedding, batches, store, way):
        embedding = make_embedding(embeddings_cache=store())
        first = await embed_all(embedding, TEXTS[:2], way)
        again = await embed_all(embedding, TEXTS[:3], way)
        assert batches() == [TEXTS[:2], TEXTS[2:3]]
        assert again[:2] == first
        assert embedding.get_text_embedding(TEXTS[2]) == await embedding.aget_text_embedding(TEXTS[2])
        assert len(batches()) == 2

    async def test_a_query_is_never_served_a_text_s_vector(self, make_embedding, batches):
        embedding = make_embedding(embeddings_cache=SimpleKVStore(), query_instruction="query: ")
        for _ in range(2):
            text = embedding.get_text_embedding("same")
            query = embedding.get_query_embedding("same")
            assert await embedding.aget_query_embedding("same") == query
            assert await embedding.aget_text_embedding("same") == text
        assert len(batches()) == 2
        assert not np.allclose(text, query, atol=1e-3)

    @pytest.mark.parametrize(
        "other",
        [{"dimensions": 8}, {"text_instruction": "passage: "}, {"normalize": False}],
        ids=lambda options: next(iter(options)),
    )
    def test_other_settings_have_other_vectors(self, make_embedding, batches, other):
        store = SimpleKVStore()
        make_embedding(embeddings_cache=store).get_text_embedding("same")
        make_embedding(embeddings_cache=store, **other).get_text_embedding("same")
        assert len(batches()) == 2

    @WAYS
    async def test_only_what_is_missing_counts_for_the_limiter(self, make_embedding, way):
        limiter = Limiter()
        embedding = make_embedding(embeddings_cache=SimpleKVStore(), rate_limiter=limiter)
        for _ in range(3):
            await embed_all(embedding, TEXTS, way)
        assert len(limiter.asked) == 1

    async def test_the_caller_s_store_stays_the_caller_s(self, make_embedding):
        store = SimpleKVStore()
        embedding = make_embedding()
        embedding.embeddings_cache = store
        await embedding.aget_text_embedding("a")
        assert embedding.embeddings_cache is store
        (collection,) = store._collections_mappings
        assert embedding.model_name in collection

    def test_a_damaged_entry_is_embedded_anew(self, make_embedding, batches):
        store = SimpleKVStore()
        embedding = make_embedding(embeddings_cache=store)
        vector = embedding.get_text_embedding("a")
        (entries,) = store._collections_mappings.values()
        entries["a"] = {"something": "else"}
        np.testing.assert_allclose(embedding.get_text_embedding("a"), vector, **CLOSE)
        assert len(batches()) == 2


class EventsSuite:
    @WAYS
    async def test_each_batch_has_its_events(self, make_embedding, events, way):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        embedding = make_embedding(embed_batch_size=2, callback_manager=CallbackManager([debug]))
        vectors = await embed_all(embedding, TEXTS, way)
        assert len(events.of(EmbeddingStartEvent)) == 3
        ends = sorted(events.of(EmbeddingEndEvent), key=lambda event: TEXTS.index(event.chunks[0]))
        assert [chunk for event in ends for chunk in event.chunks] == TEXTS
        assert [vector for event in ends for vector in event.embeddings] == vectors
        assert len(debug.get_event_pairs(CBEventType.EMBEDDING)) == 3

    async def test_queries_have_events_too(self, make_embedding, events):
        embedding = make_embedding()
        embedding.get_query_embedding("a")
        await embedding.aget_query_embedding("b")
        assert [event.chunks for event in events.of(EmbeddingEndEvent)] == [["a"], ["b"]]

    def test_events_name_the_model_and_no_secret(self, make_embedding, secrets, canary, events):
        make_embedding(**secrets).get_text_embedding("a")
        (start,) = events.of(EmbeddingStartEvent)
        assert start.model_dict["model_name"] == make_embedding().model_name
        assert start.model_dict["class_name"] == type(make_embedding()).class_name()
        assert canary not in str([event.model_dump() for event in events.seen])

    @WAYS
    async def test_token_counts_are_there_where_the_event_has_a_field(
        self, make_embedding, events, monkeypatch, way
    ):
        from llama_index_hfrouter import text_embedding

        class Counting(EmbeddingEndEvent):
            token_count: int | None = None

        monkeypatch.setattr(text_embedding, "EmbeddingEndEvent", Counting)
        embedding = make_embedding(embeddings_cache=SimpleKVStore())
        for _ in range(2):
            await embed_all(embedding, ["a cat", "b"], way)
        new, stored = (event.token_count for event in events.of(Counting))
        assert new is None or new > 2
        assert stored == 0


class FormsSuite:
    def test_a_dictionary_makes_the_same_again(self, make_embedding):
        made = make_embedding(embed_batch_size=7, num_workers=2, query_instruction="q: ", dimensions=8)
        plain = made.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        for again in (type(made).from_dict(plain), type(made).from_json(made.to_json())):
            assert again.to_dict() == plain
            np.testing.assert_allclose(again.get_query_embedding("a"), made.get_query_embedding("a"), **CLOSE)

    @pytest.mark.parametrize(
        "copied",
        [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy, lambda it: it.model_copy()],
        ids=["pickle", "copy", "deepcopy", "model_copy"],
    )
    def test_copies_embed_as_the_first_one(self, make_embedding, copied, recwarn, caplog):
        made = make_embedding(dimensions=8, embeddings_cache=SimpleKVStore())
        made.get_text_embedding("a")
        again = copied(made)
        assert again.to_dict() == made.to_dict()
        assert len(again.get_text_embedding("b")) == 8
        assert (list(recwarn), caplog.records) == ([], [])

    @pytest.mark.pinned_set  # limiters came after 0.14.5
    def test_what_belongs_to_one_process_stays_behind_without_noise(self, make_embedding, caplog):
        from llama_index.core.rate_limiter import TokenBucketRateLimiter

        made = make_embedding(rate_limiter=TokenBucketRateLimiter(requests_per_minute=600))
        assert pickle.loads(pickle.dumps(made)).rate_limiter is None
        assert copy.deepcopy(made).rate_limiter is made.rate_limiter
        assert caplog.records == []

    def test_no_form_holds_a_secret(self, make_embedding, secrets, canary):
        made = make_embedding(**secrets)
        made.get_text_embedding("a")
        forms = [made.to_dict(), made.to_json(), made.to_payload(), repr(made), str(made), pickle.dumps(made)]
        assert canary not in str(forms)

    def test_a_setting_that_changes_takes_effect(self, make_embedding):
        made = make_embedding()
        whole = len(made.get_text_embedding("a"))
        made.dimensions = 8
        assert (whole > 8, len(made.get_text_embedding("a"))) == (True, 8)


class UseSuite:
    def test_an_index_finds_the_nearest(self, make_embedding):
        documents = [Document(text=text) for text in TEXTS]
        index = VectorStoreIndex.from_documents(documents, embed_model=make_embedding())
        (hit,) = index.as_retriever(similarity_top_k=1).retrieve("Where does the Rhine rise?")
        assert "Alps" in hit.text

    async def test_an_index_finds_it_asynchronously(self, make_embedding):
        nodes = [TextNode(text=text) for text in TEXTS]
        index = VectorStoreIndex(nodes, embed_model=make_embedding(), use_async=False)
        (hit,) = await index.as_retriever(similarity_top_k=1).aretrieve("baked bread, flour and salt")
        assert "flour" in hit.text

    async def test_nodes_are_given_their_vectors(self, make_embedding):
        embedding = make_embedding()
        nodes = embedding([TextNode(text="a", metadata={"title": "b"})])
        others = await embedding.acall([TextNode(text="a", metadata={"title": "b"})])
        np.testing.assert_allclose(nodes[0].embedding, others[0].embedding, **CLOSE)
        np.testing.assert_allclose(nodes[0].embedding, embedding.get_text_embedding("title: b\n\na"), **CLOSE)

    def test_a_semantic_splitter_takes_it(self, make_embedding):
        splitter = SemanticSplitterNodeParser(
            embed_model=make_embedding(), buffer_size=1, breakpoint_percentile_threshold=50
        )
        assert len(splitter.get_nodes_from_documents([Document(text=" ".join(TEXTS))])) > 1

    async def test_it_can_be_the_default_model(self, make_embedding, monkeypatch):
        embedding = make_embedding()
        monkeypatch.setattr(Settings, "_embed_model", embedding)
        assert resolve_embed_model(Settings.embed_model) is embedding
        index = VectorStoreIndex.from_documents([Document(text="a")])
        assert len(await index.as_retriever().aretrieve("a")) == 1

    def test_a_pipeline_ingests_with_it(self, make_embedding):
        store = SimpleVectorStore()
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(chunk_size=64, chunk_overlap=0), make_embedding()],
            vector_store=store,
        )
        pipeline.run(documents=[Document(text=text) for text in TEXTS])
        assert len(store.data.embedding_dict) == len(TEXTS)

    def test_a_pipeline_of_two_processes_ingests_with_it(self, make_embedding):
        embedding = make_embedding()
        pipeline = IngestionPipeline(transformations=[embedding], disable_cache=True)
        nodes = pipeline.run(documents=[Document(text=text) for text in TEXTS], num_workers=2)
        by_text = {node.text: node.embedding for node in nodes}
        np.testing.assert_allclose(
            [by_text[text] for text in TEXTS], embedding.get_text_embedding_batch(TEXTS), **CLOSE
        )
