"""The torch engine on the CPU, whole: MiniLM against sentence-transformers, odd batches, threads, bad arguments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import models
import numpy as np
import pytest
import torch
from numpy_ops import numpy_vectors
from references import cosines, reference
from transformers import AutoModel

from shared_core.errors import ConfigError
from shared_core.local import machine
from shared_core.local.engines import Engine, TokenBatch, torch_linear
from shared_core.local.engines import torch as torch_engine
from shared_core.local.folder import read
from shared_core.local.recipe import Recipe

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
TEXTS = (*models.TEXTS, "What is a list?", "A tuple is a list that nobody changes.", "!" * 700)


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[[str], Path]) -> Recipe:
    recipe = read(tiny_model("e5"))
    assert isinstance(recipe, Recipe)
    return recipe


@pytest.fixture(scope="module")
def engine(tiny: Recipe) -> Engine:
    return torch_engine.load(tiny, precision="float32", device="cpu", threads=None)


def batch_of(*lengths: int, seed: int = 0) -> TokenBatch:
    ids = np.random.default_rng(seed).integers(0, 40, sum(lengths)).astype(np.int32)
    return TokenBatch(ids, np.array(lengths, np.int32))


@pytest.mark.parametrize(("precision", "lowest"), [("float32", 0.999995), ("bfloat16", 0.9999)])
def test_minilm_has_the_vectors_of_sentence_transformers(precision: str, lowest: float, minilm: Path) -> None:
    expected = reference(minilm, TEXTS)
    ours = torch_engine.load(expected.recipe, precision=precision, device="cpu", threads=None)
    found = ours.run(expected.batch)
    assert found.dtype == np.float32
    assert cosines(found, expected.vectors).min() > lowest
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("lengths", [(1,), (models.ROOM,), (1, models.ROOM, 1), (2, 3, 4, 5), (7,) * 9])
def test_odd_batches(lengths: tuple[int, ...], tiny: Recipe, engine: Engine) -> None:
    batch = batch_of(*lengths)
    np.testing.assert_allclose(engine.run(batch), numpy_vectors(tiny, batch), atol=2e-5)


def test_a_minilm_text_may_fill_all_places(minilm: Path) -> None:
    recipe = read(minilm)
    assert isinstance(recipe, Recipe)
    ours = torch_engine.load(recipe, precision="float32", device="cpu", threads=None)
    batch = batch_of(512, 1)
    plain = AutoModel.from_pretrained(minilm).eval()
    with torch.inference_mode():
        texts = [torch.from_numpy(ids).long()[None] for ids in np.split(batch.ids, [512])]
        expected = torch.cat([plain(ids).last_hidden_state.mean(dim=1) for ids in texts])
    assert cosines(ours.run(batch), expected.numpy()).min() > 0.999995


def test_a_thousand_texts_come_back_in_their_order(engine: Engine) -> None:
    lengths = np.random.default_rng(1).integers(1, 12, 1000)
    batch = batch_of(*lengths.tolist())
    together = engine.run(batch)
    ends = np.cumsum(batch.lengths)
    for place in range(0, 1000, 83):
        alone = TokenBatch(
            batch.ids[ends[place] - lengths[place] : ends[place]], batch.lengths[place : place + 1]
        )
        np.testing.assert_allclose(together[place], engine.run(alone)[0], atol=1e-5)


def test_threads_may_share_an_engine(engine: Engine) -> None:
    batches = [batch_of(*range(1, 20), seed=seed) for seed in range(16)]
    expected = [engine.run(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for ours, theirs in zip(pool.map(engine.run, batches), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_batch_is_left_as_it_was_and_may_be_read_only(engine: Engine) -> None:
    batch = batch_of(3, 9, 4)
    before = TokenBatch(batch.ids.copy(), batch.lengths.copy())
    batch.ids.flags.writeable = batch.lengths.flags.writeable = False
    vectors = engine.run(batch)
    np.testing.assert_array_equal(batch.ids, before.ids)
    np.testing.assert_array_equal(batch.lengths, before.lengths)
    vectors[0] = 0  # the caller's own


@pytest.fixture
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def test_torchs_threads_stay_as_they_were_unless_asked_for(tiny: Recipe, threads: int) -> None:
    engine = torch_engine.load(tiny, precision="float32", device="cpu", threads=None)
    engine.run(batch_of(5))
    assert torch.get_num_threads() == threads
    engine = torch_engine.load(tiny, precision="float32", device="cpu", threads=1)
    assert torch.get_num_threads() == 1
    assert any("1 threads, in the whole process" in reason for reason in engine.reasons)


REFUSED = {
    "int8": ({"precision": "int8"}, "change with the"),
    "float16 on a CPU": ({"precision": "float16"}, "slow on CPUs"),
    "no threads": ({"threads": 0}, "threads=0"),
    "a device of nobody's": ({"device": "toaster"}, "'toaster' is no device"),
    "a device of torch's that is not carried": ({"device": "meta"}, "not on 'meta'"),
}


@pytest.mark.parametrize(("changed", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_it_cannot_do_is_refused(changed: dict[str, object], words: str, tiny: Recipe) -> None:
    arguments = {"precision": "float32", "device": "cpu", "threads": None} | changed
    with pytest.raises(ConfigError, match=words):
        torch_engine.load(tiny, **arguments)


def test_a_gpu_that_torch_does_not_see_is_refused(tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="sees no CUDA device"):
        torch_engine.load(tiny, precision="float32", device="cuda", threads=None)


def test_weights_of_another_size_are_one_clear_error(tiny: Recipe) -> None:
    wrong = replace(tiny, config={**tiny.config, "hidden_size": 32})
    with pytest.raises(ConfigError, match=r"do not fit its config\.json"):
        torch_engine.load(wrong, precision="float32", device="cpu", threads=None)


def test_a_missing_layer_is_named(tiny: Recipe) -> None:
    wrong = replace(tiny, config={**tiny.config, "num_hidden_layers": 9})
    with pytest.raises(ConfigError, match=r"encoder\.layer\.3"):
        torch_engine.load(wrong, precision="float32", device="cpu", threads=None)


def test_bfloat16_on_a_processor_without_it_says_that_it_is_slow(
    tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "look", lambda: machine.Machine(2, "x86_64"))
    engine = torch_engine.load(tiny, precision="bfloat16", device="cpu", threads=None)
    assert any("bfloat16 is slow here" in reason for reason in engine.reasons)


class Renamed:
    """A torch whose private products have gone."""

    def __init__(self, *_: object) -> None:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")


class Wrong(torch_linear.PlainLinear):
    """A torch whose private products mean something else now."""

    def __call__(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        return super().__call__(x, added) + 1


@pytest.mark.parametrize(("product", "words"), [(Renamed, "cannot be called"), (Wrong, "other numbers")])
def test_without_oneDNNs_products_torchs_own_do_the_work(
    product: type, words: str, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_linear, "OneDnnLinear", product)
    engine = torch_engine.load(tiny, precision="float32", device="cpu", threads=None)
    assert any(words in reason for reason in engine.reasons)
    batch = batch_of(5, 3)
    np.testing.assert_allclose(engine.run(batch), numpy_vectors(tiny, batch), atol=2e-5)


def test_nothing_but_torch_and_safetensors_is_imported(minilm: Path) -> None:
    program = f"""
import sys
from pathlib import Path
for name in ("transformers", "sentence_transformers", "huggingface_hub", "pydantic", "httpx2"):
    sys.modules[name] = None
from shared_core.local.engines import torch as engine
from shared_core.local.folder import read
engine.load(read(Path({str(minilm)!r})), precision="float32", device="cpu", threads=None)
heavy = {{"torch._dynamo", "torch._inductor", "onnxruntime", "openvino", "scipy"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
