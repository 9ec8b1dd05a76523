"""The local embedder: vectors, prompts, lengths, sharing, laziness, and what goes wrong."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_core.errors import ConfigError, InputTooLong
from shared_core.local import LocalEmbedder, running
from shared_core.local.shared import Shelf

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
CLOSE = 2e-5  # what float32 may differ by between batches, for vectors of length 1


@pytest.fixture(scope="module")
def embedder(minilm: Path) -> LocalEmbedder:
    return LocalEmbedder(str(minilm), device="cpu")


@pytest.fixture
def own_shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Nothing is loaded yet, and what is loaded is forgotten."""
    shelf = Shelf()
    monkeypatch.setattr("shared_core.local.running.SHELF", shelf)
    monkeypatch.setattr("shared_core.local.embedder.SHELF", shelf)
    monkeypatch.setattr("shared_core.local.choose.SHELF", shelf)
    return shelf


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def start(*_: object) -> None:
        raise AssertionError("the model was loaded")

    with monkeypatch.context() as patched:
        patched.setattr("shared_core.local.embedder.start", start)
        yield


def python(code: str, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


# -- vectors ----------------------------------------------------------------------------------------------


def test_importing_it_loads_neither_numpy_nor_torch() -> None:
    code = "import sys; from shared_core.local import LocalEmbedder; LocalEmbedder('x/y'); "
    assert (
        python(code + "print([m for m in ('numpy', 'torch', 'huggingface_hub') if m in sys.modules])")
        == "[]\n"
    )


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


# -- sharing, threads, loops ------------------------------------------------------------------------------


def test_two_embedders_of_one_model_share_it_whatever_their_prompts_and_cuts(minilm: Path) -> None:
    one = LocalEmbedder(str(minilm), "cpu", query_prompt="x", dimensions=8, normalize=True)
    assert one._ready(False) is LocalEmbedder(str(minilm), "cpu")._ready(False)


def test_threads_that_start_together_load_once(
    tiny_model: TinyModel, own_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = running.load
    monkeypatch.setattr(running, "load", lambda *given: loads.append(given) or load(*given))
    together = threading.Barrier(6)

    def embed(_: int) -> np.ndarray:
        embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu")
        together.wait(20)
        return embedder.embed(["a"]).vectors

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(embed, range(6)))
    assert len(loads) == 1
    for vectors in found:
        np.testing.assert_allclose(vectors, found[0], atol=CLOSE)


def test_a_load_that_failed_is_tried_again(
    tiny_model: TinyModel, own_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = running.load
    failures = [ConfigError("the disk hiccuped")]

    def once_broken(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return load(*given)

    monkeypatch.setattr(running, "load", once_broken)
    embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu")
    with pytest.raises(ConfigError, match="hiccuped"):
        embedder.embed(["a"])
    assert embedder.embed(["a"]).vectors.shape == (1, 64)


def test_a_model_that_is_not_there_yet_is_found_later(tiny_model: TinyModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(str(tmp_path / "model" / "x"), device="cpu")
    with pytest.raises(ConfigError, match="no folder"):
        embedder.embed(["a"])
    shutil.copytree(tiny_model("e5"), tmp_path / "model" / "x")
    assert embedder.embed(["a"]).vectors.shape == (1, 64)


async def test_asynchronous_calls_give_the_same_vectors(embedder: LocalEmbedder) -> None:
    texts = [f"text number {i}" for i in range(40)]
    expected = embedder.embed(texts, "query").vectors
    replies = await asyncio.gather(*(embedder.aembed([text], "query") for text in texts))
    np.testing.assert_allclose(np.concatenate([reply.vectors for reply in replies]), expected, atol=CLOSE)
    np.testing.assert_allclose((await embedder.aembed(texts, "query")).vectors, expected, atol=CLOSE)
    assert {reply.usage.prompt_tokens for reply in replies if reply.usage} == {5}


async def test_one_bad_caller_of_many_gets_his_error_alone(embedder: LocalEmbedder) -> None:
    calls = [embedder.aembed([text]) for text in ("a", "\ud800", "b")]
    calls.append(embedder.aembed(["c", "bread " * 300], truncate=False))
    good, surrogate, also_good, long = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(surrogate, ConfigError)
    assert isinstance(long, InputTooLong)
    assert "Text 1" in str(long)
    assert good.vectors.shape == also_good.vectors.shape == (1, 384)


def test_event_loops_one_after_the_other_and_side_by_side(embedder: LocalEmbedder) -> None:
    async def some() -> list[tuple[int, ...]]:
        return [
            reply.vectors.shape for reply in await asyncio.gather(*(embedder.aembed(["a"]) for _ in range(8)))
        ]

    assert asyncio.run(some()) == asyncio.run(some()) == [(1, 384)] * 8
    with ThreadPoolExecutor(3) as pool:
        assert [run.result(60) for run in [pool.submit(asyncio.run, some()) for _ in range(3)]] == [
            [(1, 384)] * 8
        ] * 3


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_embeds_like_the_original_and_carries_arguments_only(minilm: Path, travel: Any) -> None:
    original = LocalEmbedder(str(minilm), "cpu", query_prompt="q: ", dimensions=16)
    before = original.embed(["x"], "query").vectors
    arrived = travel(original)
    assert repr(arrived) == repr(original)
    np.testing.assert_allclose(arrived.embed(["x"], "query").vectors, before, atol=1e-6)
    assert len(pickle.dumps(original)) < 1000


FORK = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")  # Python's own, about forking with threads
from shared_core.local import LocalEmbedder

embedder = LocalEmbedder(sys.argv[1], device="cpu", backend=sys.argv[2])
before = embedder.embed(["a cat"] * 40).vectors

def child():
    assert abs(embedder.embed(["a cat"] * 40).vectors - before).max() < 1e-4

process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(60)
print(process.exitcode, abs(embedder.embed(["a cat"]).vectors - before[0]).max() < 1e-4)
process.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_forked_child_loads_anew_and_does_not_hang(minilm: Path, backend: str) -> None:
    assert python(FORK, str(minilm), backend) == "0 True\n"


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


# -- what goes wrong --------------------------------------------------------------------------------------

MODEL = "nobody/has-this"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BAD_ARGUMENTS: dict[str, tuple[Callable[[], Any], str]] = {
    "no model": (lambda: LocalEmbedder(""), "needs a model"),
    "a model that is a path object": (lambda: LocalEmbedder(Path("x")), "needs a model"),  # type: ignore[arg-type]
    "an unknown precision": (lambda: LocalEmbedder(MODEL, precision="int4"), "precision='int4' is unknown"),  # type: ignore[arg-type]
    "an unknown backend": (lambda: LocalEmbedder(MODEL, backend="jax"), "backend='jax' is unknown"),  # type: ignore[arg-type]
    "an odd device": (lambda: LocalEmbedder(MODEL, "cuda:x"), "device='cuda:x' is no device"),
    "no dimensions": (lambda: LocalEmbedder(MODEL, dimensions=0), "dimensions=0"),
    "half a token": (lambda: LocalEmbedder(MODEL, max_tokens=1.5), "max_tokens=1.5"),  # type: ignore[arg-type]
    "no threads": (lambda: LocalEmbedder(MODEL, intra_op_threads=0), "intra_op_threads=0"),
    "true threads": (lambda: LocalEmbedder(MODEL, intra_op_threads=True), "intra_op_threads=True"),
    "a prompt that is no text": (lambda: LocalEmbedder(MODEL, query_prompt=3), "query_prompt=3"),  # type: ignore[arg-type]
    "an odd wish for length": (lambda: LocalEmbedder(MODEL, normalize="yes"), "normalize='yes'"),  # type: ignore[arg-type]
    "a cache of no kind": (lambda: LocalEmbedder(MODEL, cache=3), "cache= is of type int"),  # type: ignore[arg-type]
    "code without a commit": (lambda: LocalEmbedder(MODEL, trust_remote_code=True), "full commit"),
    "code of a branch": (
        lambda: LocalEmbedder(MODEL, trust_remote_code=True, revision="main"),
        "full commit",
    ),
    "code of half a commit": (
        lambda: LocalEmbedder(MODEL, trust_remote_code=True, revision=COMMIT[:12]),
        "full commit",
    ),
    "code of a folder": (lambda: LocalEmbedder("/tmp", trust_remote_code=True, revision=COMMIT), "Hub id"),
}


@pytest.mark.parametrize(("make", "words"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_an_argument_that_cannot_work_is_refused_at_once(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


BAD_CALLS: dict[str, tuple[Callable[[LocalEmbedder], Any], str]] = {
    "one string": (lambda it: it.embed("abc"), "one string, not a list"),
    "a number among the texts": (lambda it: it.embed(["a", 3]), "Text 1 is a int"),  # type: ignore[list-item]
    "None among the texts": (lambda it: it.embed([None]), "Text 0 is a NoneType"),  # type: ignore[list-item]
    "bytes among the texts": (lambda it: it.embed([b"a"]), "Text 0 is a bytes"),  # type: ignore[list-item]
    "an unknown kind": (lambda it: it.embed(["a"], kind="passage"), "neither 'query' nor 'document'"),  # type: ignore[arg-type]
    "a lone surrogate": (lambda it: it.embed(["a", "b\ud800"]), r"Text 1 is no valid Unicode.*character 1"),
    "a lone surrogate among many": (
        lambda it: it.embed([*["a"] * 70, "\udfff"]),
        "Text 70 is no valid Unicode",
    ),
    "more dimensions than there are": (lambda it: it.embed(["a"], dimensions=385), "have 384"),
    "no dimensions": (lambda it: it.embed(["a"], dimensions=0), "dimensions=0"),
    "an odd wish for length": (lambda it: it.embed(["a"], normalize=2), "normalize=2"),  # type: ignore[arg-type]
    "a picture for a model of texts": (lambda it: it.embed_images([b""]), "reads texts, not pictures"),
}


@pytest.mark.parametrize(("call", "words"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_call_that_cannot_work_gives_one_clear_error(
    embedder: LocalEmbedder, call: Callable[[LocalEmbedder], Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        call(embedder)
    assert embedder.embed(["a"]).vectors.shape == (1, 384), "and the next call works"


def test_a_surrogate_in_a_prompt_is_blamed_on_the_prompt(tiny_model: TinyModel) -> None:
    with pytest.raises(ConfigError, match="The prompt is no valid Unicode"):
        LocalEmbedder(str(tiny_model("e5")), "cpu", query_prompt="\ud800").embed(["a"], "query")


@pytest.mark.parametrize("text", ["", "a\0b", "\n", "x" * 1_000_000, "bread " * 170_000, "‮😀"])
def test_odd_texts_have_vectors(embedder: LocalEmbedder, text: str) -> None:
    vectors = embedder.embed(["a", text]).vectors
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=CLOSE)


def test_damaged_weights_are_named_and_no_engine_makes_up_others(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model("e5"), tmp_path / "model")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ConfigError, match=r"model\.safetensors cannot be read"):
        LocalEmbedder(str(folder), device="cpu").embed(["a"])


def test_code_of_another_repository_is_not_run_even_when_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"auto_map": {"AutoModel": "they/code--modeling.Model"}})
    )
    monkeypatch.setattr("shared_core.local.source.find", lambda *_, **__: tmp_path)
    trusting = LocalEmbedder("me/model", trust_remote_code=True, revision=COMMIT)
    with pytest.raises(ConfigError, match="another repository, 'they/code'"):
        trusting.embed(["a"])
