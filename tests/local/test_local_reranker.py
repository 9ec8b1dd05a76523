"""The local reranker: scores, order, sharing, the event loop, and what goes wrong."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
from sentence_transformers import CrossEncoder

from shared_core.errors import ConfigError
from shared_core.local import LocalReranker

pytestmark = pytest.mark.pinned_set

QUERY = "where does the kitten sleep?"
DOCUMENTS = [
    "bread",
    "A cat sat on the mat; a kitten slept under the table.",
    "",
    "Größe 東京 😀",
    "price " * 300,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.write_cross_encoder(tmp_path_factory.mktemp("reranker"))


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    plain = CrossEncoder(str(folder), device="cpu")
    return plain.predict([(QUERY, document) for document in DOCUMENTS], show_progress_bar=False)


def test_importing_it_loads_neither_numpy_nor_torch() -> None:
    code = (
        "import sys; from shared_core.local import LocalReranker; "
        "print([m for m in ('numpy', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_scores_are_those_of_sentence_transformers_in_the_order_of_the_documents(
    folder: Path, expected: np.ndarray
) -> None:
    reply = LocalReranker(str(folder), device="cpu").rerank(QUERY, DOCUMENTS)
    assert (reply.scores.dtype, reply.scores.shape) == (np.float32, (len(DOCUMENTS),))
    np.testing.assert_allclose(reply.scores, expected, atol=1e-6)
    assert np.ptp(reply.scores) > 0.05, "the tiny model tells the documents apart"
    assert reply.order.dtype == np.int64
    assert (np.diff(reply.scores[reply.order]) <= 0).all()
    assert sorted(reply.order.tolist()) == list(range(len(DOCUMENTS)))
    assert (reply.meta.model, reply.meta.provider) == (str(folder), "local")


def test_the_tokens_of_all_pairs_are_counted_after_the_cut(folder: Path) -> None:
    reply = LocalReranker(str(folder), device="cpu").rerank("bread", ["bread", "price " * 300])
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == 5 + models.ROOM


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_any_batch_size_gives_the_same_scores(folder: Path, expected: np.ndarray, batch_size: int) -> None:
    reply = LocalReranker(str(folder), device="cpu").rerank(QUERY, DOCUMENTS, batch_size=batch_size)
    np.testing.assert_allclose(reply.scores, expected, atol=1e-6)


def test_top_n_shortens_the_order_and_not_the_scores(folder: Path) -> None:
    reranker = LocalReranker(str(folder), device="cpu")
    everything, best = reranker.rerank(QUERY, DOCUMENTS), reranker.rerank(QUERY, DOCUMENTS, top_n=2)
    assert best.order.tolist() == everything.order.tolist()[:2]
    assert len(best.scores) == len(DOCUMENTS)
    assert len(reranker.rerank(QUERY, DOCUMENTS, top_n=100).order) == len(DOCUMENTS)


def test_documents_of_the_same_score_keep_their_order(folder: Path) -> None:
    reply = LocalReranker(str(folder), device="cpu").rerank(QUERY, ["bread"] * 40)
    assert reply.order.tolist() == list(range(40))


def test_no_documents_need_no_model() -> None:
    reply = LocalReranker("nobody/has-this").rerank(QUERY, [])
    assert (reply.scores.shape, reply.order.shape, reply.usage) == ((0,), (0,), None)
    assert (reply.scores.dtype, reply.order.dtype) == (np.float32, np.int64)
    assert len(asyncio.run(LocalReranker("nobody/has-this").arerank(QUERY, []))) == 0


def test_the_model_says_what_follows_its_last_layer(
    folder: Path, expected: np.ndarray, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    raw = LocalReranker(str(tmp_path), device="cpu").rerank(QUERY, DOCUMENTS).scores
    np.testing.assert_allclose(1 / (1 + np.exp(-raw)), expected, atol=1e-6)


def test_max_tokens_cuts_sooner_than_the_model_and_never_later(folder: Path, expected: np.ndarray) -> None:
    short = LocalReranker(str(folder), device="cpu", max_tokens=16).rerank(QUERY, DOCUMENTS)
    assert short.usage is not None
    assert short.usage.prompt_tokens <= 16 * len(DOCUMENTS)
    assert abs(short.scores[4] - expected[4]) > 1e-3
    wide = LocalReranker(str(folder), device="cpu", max_tokens=10_000).rerank(QUERY, DOCUMENTS)
    np.testing.assert_allclose(wide.scores, expected, atol=1e-6)


def test_two_rerankers_of_one_model_share_it_and_other_limits_do_not(folder: Path) -> None:
    one = LocalReranker(str(folder), device="cpu")
    assert one._engine() is LocalReranker(str(folder), device="cpu")._engine()
    assert one._engine() is not LocalReranker(str(folder), device="cpu", max_tokens=16)._engine()


@pytest.mark.parametrize("travel", [copy.deepcopy, copy.copy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_reranks_like_the_original(
    folder: Path, expected: np.ndarray, travel: Callable[[LocalReranker], LocalReranker]
) -> None:
    original = LocalReranker(str(folder), device="cpu")
    original.rerank(QUERY, DOCUMENTS)
    arrived = travel(original)
    assert repr(arrived) == repr(original)
    np.testing.assert_allclose(arrived.rerank(QUERY, DOCUMENTS).scores, expected, atol=1e-6)


def test_threads_share_one_object(folder: Path, expected: np.ndarray) -> None:
    reranker = LocalReranker(str(folder), device="cpu")
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(reranker.rerank(QUERY, DOCUMENTS).scores))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for scores in found:
        np.testing.assert_allclose(scores, expected, atol=1e-6)


FORKED = """
import os, signal, sys
from shared_core.local.rerank import LocalReranker
reranker = LocalReranker(sys.argv[1], device="cpu")
documents = ["bread", "a kitten slept"] * 40
before = reranker.rerank("kitten", documents).scores
child = os.fork()
if child == 0:
    signal.alarm(60)  # what hangs is killed
    os._exit(0 if abs(reranker.rerank("kitten", documents).scores - before).max() < 1e-6 else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_reranks_too(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, str(folder)], capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


def test_event_loops_one_after_another_get_the_same_scores(folder: Path, expected: np.ndarray) -> None:
    reranker = LocalReranker(str(folder), device="cpu")

    async def several() -> list[Any]:
        return await asyncio.gather(*(reranker.arerank(QUERY, DOCUMENTS, top_n=1) for _ in range(5)))

    for reply in [*asyncio.run(several()), *asyncio.run(several())]:
        np.testing.assert_allclose(reply.scores, expected, atol=1e-6)
        assert len(reply.order) == 1


async def test_the_event_loop_goes_on_while_the_model_works(folder: Path) -> None:
    reranker = LocalReranker(str(folder), device="cpu")
    engine = reranker._engine()
    with engine._lock:  # the model is busy with somebody else
        waiting = asyncio.create_task(reranker.arerank(QUERY, DOCUMENTS))
        await asyncio.sleep(0)
        assert not waiting.done()
        cancelled = asyncio.create_task(reranker.arerank(QUERY, DOCUMENTS))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    assert len(await waiting) == len(DOCUMENTS)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda it: it.rerank(QUERY, ["a", 3]), "Document 1 to rerank is a int"),
        (lambda it: it.rerank(QUERY, ["a", None]), "Document 1 to rerank is a NoneType"),
        (lambda it: it.rerank(None, ["a"]), "The query to rerank is a NoneType"),
        (lambda it: it.rerank(QUERY, "one string"), "are one string"),
        (lambda it: it.rerank(QUERY, ["a", "b\ud800"]), "Document 1 is no valid Unicode.*character 1"),
        (lambda it: it.rerank("\ud800", ["a"]), "The query is no valid Unicode"),
        (lambda it: it.rerank(QUERY, ["a"], top_n=0), "top_n=0"),
        (lambda it: it.rerank(QUERY, ["a"], top_n=True), "top_n=True"),
        (lambda it: it.rerank(QUERY, ["a"], batch_size=0), "batch_size=0"),
        (lambda it: asyncio.run(it.arerank(QUERY, ["a", 3])), "Document 1 to rerank is a int"),
        (lambda it: LocalReranker(""), "needs a model"),
        (lambda it: LocalReranker(it.model, max_tokens=0), "max_tokens=0"),
        (lambda it: LocalReranker("nobody/has-this", trust_remote_code=True), "revision=None can change"),
        (
            lambda it: LocalReranker("nobody/has-this", revision="main", trust_remote_code=True),
            "revision='main' can change",
        ),
        (lambda it: LocalReranker(it.model + "/absent").rerank(QUERY, ["a"]), "no folder"),
        (lambda it: LocalReranker(it.model, device="cuda:77").rerank(QUERY, ["a"]), "cannot be loaded"),
    ],
    ids=[
        "a number among the documents",
        "nothing among the documents",
        "no query",
        "a string in place of a list",
        "a lone surrogate in a document",
        "a lone surrogate as query",
        "none of the best",
        "a truth value for a count",
        "batches of nothing",
        "a number, asynchronously",
        "no model",
        "no room",
        "code of no commit",
        "code of a branch",
        "a folder that does not exist",
        "a device that is not there",
    ],
)
def test_bad_input_gives_one_clear_error(
    folder: Path, call: Callable[[LocalReranker], Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        call(LocalReranker(str(folder), device="cpu"))


def test_a_model_with_several_labels_is_no_reranker(tmp_path: Path) -> None:
    classifier = models.write_cross_encoder(tmp_path, labels=3)
    with pytest.raises(ConfigError, match="gives 3 numbers for a pair"):
        LocalReranker(str(classifier), device="cpu").rerank(QUERY, ["a"])


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name.replace("model.safetensors", "pytorch_model.bin")).write_bytes(
            file.read_bytes()
        )
    with pytest.raises(ConfigError, match="is a pickle"):
        LocalReranker(str(tmp_path), device="cpu").rerank(QUERY, ["a"])


@pytest.mark.parametrize("damaged", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_a_clear_error_and_the_next_try_starts_anew(
    folder: Path, tmp_path: Path, damaged: str
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / damaged).read_bytes()
    (tmp_path / damaged).write_bytes(whole[: len(whole) // 2])
    reranker = LocalReranker(str(tmp_path), device="cpu")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        reranker.rerank(QUERY, ["a"])
    (tmp_path / damaged).write_bytes(whole)
    assert len(reranker.rerank(QUERY, ["a"])) == 1


def test_without_the_extra_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[local\]"'):
        LocalReranker("nobody/has-this").rerank(QUERY, ["a"])
