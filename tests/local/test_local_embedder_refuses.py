"""The local embedder, and what goes wrong: arguments, calls, texts, damaged folders, code of others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
CLOSE = 2e-5  # what float32 may differ by between batches, for vectors of length 1


@pytest.fixture(scope="module")
def embedder(minilm: Path) -> LocalEmbedder:
    return LocalEmbedder(str(minilm), device="cpu")


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
