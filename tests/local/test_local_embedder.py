"""The local embedder: vectors, prompts, lengths, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_core.errors import InputTooLong
from shared_core.local import LocalEmbedder, running

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
CLOSE = 2e-5  # what float32 may differ by between batches, for vectors of length 1


@pytest.fixture(scope="module")
def embedder(minilm: Path) -> LocalEmbedder:
    return LocalEmbedder(str(minilm), device="cpu")


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def start(*_: object) -> None:
        raise AssertionError("the model was loaded")

    with monkeypatch.context() as patched:
        patched.setattr("shared_core.local.embedder.start", start)
        yield


# -- vectors ----------------------------------------------------------------------------------------------


def test_vectors_are_float32_in_the_order_of_the_texts(embedder: LocalEmbedder) -> None:
    texts = ["a cat", "a much longer sentence about the price of bread in Paris", "a kitten"]
    reply = embedder.embed(texts)
    vectors = reply.vectors
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.shape == (3, embedder.dimensions) == (3, 384)
    for row, text in zip(vectors, texts, strict=True):
        assert row == pytest.approx(embedder.embed([text]).vectors[0], abs=CLOSE)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]


def test_the_reply_says_who_computed_and_how_much_was_read(embedder: LocalEmbedder, minilm: Path) -> None:
    reply = embedder.embed(["a cat", ""])
    assert (reply.meta.model, reply.meta.provider) == (str(minilm), "local")
    assert reply.meta.latency_s > 0
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.total_tokens) == (6, 6)
    assert reply.truncated == ()


def test_no_texts_give_no_rows_of_the_right_width_and_load_nothing(minilm: Path, no_model: None) -> None:
    fresh = LocalEmbedder(str(minilm))
    assert fresh.embed([], kind="query").vectors.shape == (0, 384)
    assert fresh.embed([], dimensions=32).vectors.shape == (0, 32)
    assert LocalEmbedder(str(minilm), dimensions=64).dimensions == 64
    assert asyncio.run(fresh.aembed([])).vectors.shape == (0, 384)


def test_any_iterable_of_strings_is_read_once(embedder: LocalEmbedder) -> None:
    assert embedder.embed(text for text in ("a", "b")).vectors.shape == (2, 384)


TEXTS = st.lists(
    st.text(max_size=60) | st.sampled_from(["", "a cat", "bread " * 300, "😀" * 20, "a\0b", "\n\n"]),
    min_size=1,
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(1, 4), st.integers(1, 3))
def test_any_split_of_the_texts_gives_the_same_vectors_in_the_same_order(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, texts: list[str], piece: int, few: int
) -> None:
    embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu")
    whole = embedder.embed(texts)
    with monkeypatch.context() as patched:
        patched.setattr(running, "_SLICE", piece)
        patched.setattr(running, "_FEW_TEXTS", few)
        sliced = embedder.embed(texts)
    alone = [embedder.embed([text]) for text in texts]
    np.testing.assert_allclose(sliced.vectors, whole.vectors, atol=CLOSE)
    np.testing.assert_allclose(np.concatenate([one.vectors for one in alone]), whole.vectors, atol=CLOSE)
    assert sliced.truncated == whole.truncated == tuple(i for i, one in enumerate(alone) if one.truncated)
    assert sliced.usage == whole.usage


def test_line_ends_and_blanks_reach_the_model(tiny_model: TinyModel) -> None:
    embedder = LocalEmbedder(str(tiny_model("qwen3")), device="cpu")
    with_line_end, without, padded = embedder.embed(["a\nb", "a b", " a b "]).vectors
    assert with_line_end @ without < 0.9999
    assert padded @ without < 0.9999


# -- prompts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["e5", "bge", "qwen3", "modernbert"])
def test_queries_and_documents_get_the_prompts_that_sentence_transformers_gives(
    name: str, tiny_model: TinyModel
) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(tiny_model(name)), device="cpu")
    ours = LocalEmbedder(str(tiny_model(name)), device="cpu")
    texts = ["bread", "the price of bread in Paris"]
    np.testing.assert_allclose(ours.embed(texts, "query").vectors, theirs.encode_query(texts), atol=CLOSE)
    np.testing.assert_allclose(
        ours.embed(texts, "document").vectors, theirs.encode_document(texts), atol=CLOSE
    )


@pytest.mark.parametrize(
    "prompts",
    [
        {"prompts": {"query": "q: ", "passage": "p: "}},
        {"prompts": {"passage": "p: ", "x": "x: "}, "default_prompt_name": "x"},
        {"prompts": {"query": "q: ", "document": "d: "}, "default_prompt_name": "query"},
        {},
    ],
    ids=["a passage prompt", "a default prompt", "both", "none"],
)
def test_odd_sets_of_prompts_mean_what_they_mean_to_sentence_transformers(
    prompts: dict[str, Any], tiny_model: TinyModel, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    folder = shutil.copytree(tiny_model("e5"), tmp_path / "model")
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    theirs, ours = SentenceTransformer(str(folder), device="cpu"), LocalEmbedder(str(folder), device="cpu")
    np.testing.assert_allclose(ours.embed(["a"], "query").vectors, theirs.encode_query(["a"]), atol=CLOSE)
    np.testing.assert_allclose(ours.embed(["a"]).vectors, theirs.encode_document(["a"]), atol=CLOSE)
    left_out = [reason for reason in ours.describe().reasons if "'passage' is left out" in reason]
    assert len(left_out) == ("passage" in prompts.get("prompts", {}))


def test_prompts_can_be_chosen_and_switched_off(tiny_model: TinyModel) -> None:
    folder = str(tiny_model("e5"))
    off = LocalEmbedder(folder, query_prompt="", document_prompt="", device="cpu")
    own = LocalEmbedder(folder, query_prompt="ask: ", device="cpu")
    expected = off.embed(["ask: bread", "passage: bread", "bread"]).vectors
    np.testing.assert_allclose(own.embed(["bread"], "query").vectors[0], expected[0], atol=CLOSE)
    np.testing.assert_allclose(own.embed(["bread"]).vectors[0], expected[1], atol=CLOSE)
    np.testing.assert_allclose(off.embed(["bread"], "query").vectors[0], expected[2], atol=CLOSE)


# -- length -----------------------------------------------------------------------------------------------


def test_dimensions_are_cut_and_the_length_is_one_again(embedder: LocalEmbedder, minilm: Path) -> None:
    full = embedder.embed(["a cat"]).vectors
    cut = embedder.embed(["a cat"], dimensions=64).vectors
    np.testing.assert_allclose(cut, full[:, :64] / np.linalg.norm(full[:, :64]), atol=CLOSE)
    np.testing.assert_allclose(LocalEmbedder(str(minilm), "cpu", dimensions=64).embed(["a cat"]).vectors, cut)
    assert cut.flags.c_contiguous
    assert embedder.embed(["a cat"], dimensions=384).vectors.shape == (1, 384)


@pytest.mark.parametrize("name", ["e5", "roberta"], ids=["a model that normalises", "one that does not"])
def test_length_one_can_be_asked_for_and_refused(name: str, tiny_model: TinyModel) -> None:
    embedder = LocalEmbedder(str(tiny_model(name)), device="cpu")
    plain, unit, raw = (
        embedder.embed(["a", "bread"], normalize=wish).vectors for wish in (None, True, False)
    )
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=CLOSE)
    assert (np.abs(np.linalg.norm(raw, axis=1) - 1) > 0.01).all()
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=CLOSE)
    np.testing.assert_allclose(plain, unit if name == "e5" else raw, atol=1e-4)


def test_long_texts_are_cut_and_named(embedder: LocalEmbedder) -> None:
    reply = embedder.embed(["a", "bread " * 300, "b", "water " * 300])
    assert reply.truncated == (1, 3)
    assert embedder.embed(["a " * 254]).truncated == ()
    np.testing.assert_allclose(reply.vectors[1], embedder.embed(["bread " * 254]).vectors[0], atol=CLOSE)


def test_a_lower_limit_cuts_earlier(minilm: Path) -> None:
    short = LocalEmbedder(str(minilm), device="cpu", max_tokens=5)
    reply = short.embed(["one two three", "one two three four"])
    assert reply.truncated == (1,)
    np.testing.assert_allclose(reply.vectors[0], reply.vectors[1], atol=CLOSE)
    assert short.describe().max_tokens == 5


@pytest.mark.parametrize("count", [5, 50], ids=["few texts", "many texts"])
def test_a_text_that_must_stay_whole_is_named_by_its_position(embedder: LocalEmbedder, count: int) -> None:
    texts = ["a"] * count
    texts[count - 2] = "bread " * 300
    with pytest.raises(InputTooLong, match=rf"Text {count - 2} is longer than the 256 tokens"):
        embedder.embed(texts, truncate=False)
    assert embedder.embed(["a"] * count, truncate=False).vectors.shape == (count, 384)


# -- what it says of itself -------------------------------------------------------------------------------


def test_it_describes_what_was_picked_and_why(tiny_model: TinyModel) -> None:
    embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu", dimensions=32, intra_op_threads=1)
    found = embedder.describe()
    assert (found.precision, found.device, found.dimensions, found.pooling) == ("float32", "cpu", 32, "mean")
    assert (found.max_tokens, found.threads, found.prompts["query"]) == (200, 1, "query: ")
    assert found.reasons
    text = str(found)
    assert f"{found.backend}, float32, on cpu" in text
    assert "query prompt: 'query: '" in text
    assert all(reason in text for reason in found.reasons)


def test_a_model_that_fast_engines_do_not_know_goes_to_sentence_transformers_and_says_so(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    folder = shutil.copytree(tiny_model("e5"), tmp_path / "model")
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({**pooling, "pooling_mode": "weightedmean"}))
    ours, theirs = LocalEmbedder(str(folder), device="cpu"), SentenceTransformer(str(folder), device="cpu")
    texts = ["bread", "the price of bread " * 60, ""]
    reply = ours.embed(texts)
    np.testing.assert_allclose(reply.vectors, theirs.encode_document(texts), atol=CLOSE)
    assert reply.truncated == (1,)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 200
    assert ours.describe().reasons[-2:] == (
        "Its pooling is weightedmean.",
        "sentence-transformers itself does the work.",
    )
    raw = ours.embed(texts, normalize=False).vectors
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), reply.vectors, atol=CLOSE)
