"""A loaded model in use: many texts in slices, few beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local import running
from shared_core.local.model import Embedded, Part
from shared_core.local.running import Running

PATIENCE = 20  # seconds


class Model:
    """Its vector of a text is its length. It can be held while it computes."""

    max_tokens, normalised, reasons = 10, True, ()

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.sizes: list[int] = []
        self.read = threading.Semaphore(0)
        self.computes = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def embed(self, parts: Sequence[Part], turn: Any = None) -> Embedded:
        texts = [(part.place(i), text) for part in parts for i, text in enumerate(part.texts)]
        self.sizes.append(len(texts))
        self.read.release()
        with nullcontext() if turn is None else turn:
            self.computes.release()
            assert len(texts) == 1 or self.gate.wait(PATIENCE)
            for place, text in texts:
                if text == "poison":
                    raise ConfigError(f"Text {place} is poison.")
            lengths = np.array([len(text) for _, text in texts], np.int32)
            return Embedded(
                lengths[:, None].astype(np.float32), lengths, tuple(np.flatnonzero(lengths > 9).tolist())
            )


@pytest.fixture(autouse=True)
def slices_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_SLICE", 4)
    monkeypatch.setattr(running, "_FEW_TEXTS", 3)


each_device = pytest.mark.parametrize("device", ["cpu", "cuda"])


@each_device
def test_slices_come_back_in_order_with_the_callers_positions(device: str) -> None:
    texts = ["x" * length for length in range(1, 12)]
    model = Model(device)
    found = Running(model, 0).embed(Part("", texts))  # type: ignore[arg-type]
    assert found.vectors[:, 0].tolist() == found.lengths.tolist() == list(range(1, 12))
    assert found.cut == (9, 10)
    assert sorted(model.sizes) == [3, 4, 4]


@each_device
def test_an_error_in_a_later_slice_names_the_callers_position(device: str) -> None:
    texts = ["a"] * 9 + ["poison"] + ["a"] * 9
    with pytest.raises(ConfigError, match="Text 9 is poison"):
        Running(Model(device), 0).embed(Part("", texts))  # type: ignore[arg-type]
    places = tuple(range(100, 119))
    with pytest.raises(ConfigError, match="Text 109 is poison"):
        Running(Model(device), 0).embed(Part("", texts, places))  # type: ignore[arg-type]


def test_a_query_does_not_wait_for_a_corpus() -> None:
    model = Model()
    model.gate.clear()
    used = Running(model, 0)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as pool:
        corpus = pool.submit(used.embed, Part("", ["a"] * 20))
        assert model.computes.acquire(timeout=PATIENCE)
        assert used.embed(Part("", ["query"])).lengths.tolist() == [5]
        assert asyncio.run(used.aembed(Part("", ["question"]))).lengths.tolist() == [8]
        assert not corpus.done()
        model.gate.set()
        assert len(corpus.result(PATIENCE).lengths) == 20


def test_a_gpus_next_slice_becomes_tokens_while_it_computes_one() -> None:
    model = Model("cuda:0")
    model.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        corpus = pool.submit(Running(model, 0).embed, Part("", ["a"] * 20))  # type: ignore[arg-type]
        assert model.read.acquire(timeout=PATIENCE)
        assert model.read.acquire(timeout=PATIENCE), "the second slice waits for the first"
        assert model.computes.acquire(timeout=PATIENCE)
        assert not model.computes.acquire(blocking=False), "two slices compute at once"
        model.gate.set()
        assert len(corpus.result(PATIENCE).lengths) == 20
