"""The ONNX Runtime engine as a whole: precisions, threads, batch mates, what it needs and what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy_ops import numpy_vectors

from shared_core.errors import ConfigError
from shared_core.local.engines import Precision, TokenBatch, onnx_blocks
from shared_core.local.engines.onnx import load
from shared_core.local.folder import read
from shared_core.local.recipe import Recipe

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]


def recipe_of(folder: Path) -> Recipe:
    recipe = read(folder)
    assert isinstance(recipe, Recipe)
    return recipe


def texts(*lengths: int) -> TokenBatch:
    ids = np.random.default_rng(3).integers(5, 60, sum(lengths), dtype=np.int32)
    return TokenBatch(ids, np.array(lengths, np.int32))


def one_by_one(batch: TokenBatch) -> list[TokenBatch]:
    ends = np.cumsum(batch.lengths)[:-1]
    return [TokenBatch(ids, np.array([len(ids)], np.int32)) for ids in np.split(batch.ids, ends)]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_refused_with_a_way_out(tiny_model: TinyModel, precision: Precision) -> None:
    with pytest.raises(ConfigError, match=f"no fast {precision}") as caught:
        load(recipe_of(tiny_model("bge")), precision=precision, threads=None)
    assert "openvino" in str(caught.value.hint)


def test_without_onnxruntime_the_extra_is_named(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"hfrouter\[onnx\]"):
        load(recipe_of(tiny_model("bge")), precision="float32", threads=None)


@pytest.mark.parametrize("name", ["mpnet", "modernbert", "qwen3", "mistral"])
def test_texts_that_are_long_have_the_vectors_that_they_would_have_in_one_go(
    name: str, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, batch = recipe_of(tiny_model(name)), texts(3, 150, 20, 1, 64)
    whole = load(recipe, precision="float32", threads=None).run(batch)
    monkeypatch.setattr(onnx_blocks, "LONG", 100)
    monkeypatch.setattr(onnx_blocks, "BLOCK", 40)
    in_blocks = load(recipe, precision="float32", threads=None)
    np.testing.assert_allclose(in_blocks.run(batch), whole, atol=1e-4 * np.abs(whole).max())
    short = one_by_one(batch)[2]
    np.testing.assert_allclose(in_blocks.run(short), whole[2:3], atol=1e-4 * np.abs(whole).max())


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("name", ["bge", "mpnet", "modernbert", "qwen3", "bert with dense layers"])
def test_batch_mates_do_not_matter(name: str, precision: Precision, tiny_model: TinyModel) -> None:
    """int8 rounds: a sum that differs in its last bit may fall on the other side of a half, for one number."""
    engine = load(recipe_of(tiny_model(name)), precision=precision, threads=None)
    batch = texts(3, 150, 20, 1, 64)
    together = engine.run(batch)
    alone = np.concatenate([engine.run(text) for text in one_by_one(batch)])
    lengths = np.linalg.norm(together, axis=1) * np.linalg.norm(alone, axis=1)
    cosines = (together * alone).sum(axis=1) / lengths
    assert cosines.min() > (0.999 if precision == "int8" else 0.999999)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(tiny_model: TinyModel, threads: int) -> None:
    recipe, batch = recipe_of(tiny_model("e5")), texts(40, 7, 90)
    found = load(recipe, precision="float32", threads=threads).run(batch)
    np.testing.assert_allclose(found, numpy_vectors(recipe, batch), rtol=1e-3, atol=1e-5)


def test_threads_may_share_an_engine(tiny_model: TinyModel) -> None:
    engine = load(recipe_of(tiny_model("mpnet")), precision="float32", threads=1)
    batches = [texts(*lengths) for lengths in ([4, 9], [30], [1, 1, 1], [12, 80, 3])] * 10
    expected = [engine.run(batch) for batch in batches]
    with ThreadPoolExecutor(6) as pool:
        for found, before in zip(pool.map(engine.run, batches), expected, strict=True):
            np.testing.assert_allclose(found, before, rtol=1e-4, atol=1e-5)


def test_vectors_are_left_as_long_as_they_are_when_the_recipe_says_so(tiny_model: TinyModel) -> None:
    recipe = recipe_of(tiny_model("e5"))
    raw = load(replace(recipe, normalise=False), precision="float32", threads=1).run(texts(8, 3))
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert abs(lengths - 1).min() > 0.01
    normed = load(recipe, precision="float32", threads=1).run(texts(8, 3))
    np.testing.assert_allclose(raw / lengths, normed, rtol=1e-4, atol=1e-6)


def test_weights_live_as_long_as_their_engine(tiny_model: TinyModel) -> None:
    """The session reads memory that it does not own: run it after everything else was let go of."""
    engine = load(recipe_of(tiny_model("e5")), precision="int8", threads=1)
    before = engine.run(texts(5, 40))
    rubbish = [np.full(200_000, np.nan, np.float32) for _ in range(40)]
    np.testing.assert_array_equal(engine.run(texts(5, 40)), before)
    assert len(rubbish) == 40


def test_a_missing_tensor_is_named(tiny_model: TinyModel) -> None:
    recipe = recipe_of(tiny_model("bge"))
    deeper = replace(recipe, config={**recipe.config, "num_hidden_layers": 9})
    with pytest.raises(ConfigError, match=r"encoder\.layer\.\d"):
        load(deeper, precision="float32", threads=1)


def test_the_engine_says_what_it_is(tiny_model: TinyModel) -> None:
    engine = load(recipe_of(tiny_model("bge")), precision="int8", threads=None)
    assert (engine.backend, engine.precision, engine.device) == ("onnx", "int8", "cpu")
    assert engine.budget > 0
    assert any("ONNX Runtime" in reason for reason in engine.reasons)


def test_torch_and_the_onnx_package_are_not_needed(tiny_model: TinyModel) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "sys.modules.update(dict.fromkeys(('torch', 'transformers', 'sentence_transformers', 'onnx')))\n"
        "from shared_core.local import LocalEmbedder\n"
        f"reply = LocalEmbedder({str(tiny_model('bge'))!r}, backend='onnx').embed(['a cat'])\n"
        "print(reply.vectors.shape)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 64)"
    assert done.stderr == ""
