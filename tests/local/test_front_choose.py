"""Which engine is taken, and what is said about it. Engines stand in for the real ones: they load in no time,
and fail in every way that real ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local import choose, machine
from shared_core.local.choose import Wish, load
from shared_core.local.engines import TokenBatch
from shared_core.local.folder import Unknown, read
from shared_core.local.model import Part
from shared_core.local.shared import Shelf
from shared_core.local.weights import BadWeights

pytestmark = pytest.mark.pinned_set

CPU_ORDER = list(choose._ON_CPU)


class Engine:
    """Vectors of a text depend on its ids alone, give or take an error of its own."""

    budget = 512
    reasons: tuple[str, ...] = ()

    def __init__(
        self, backend: str, precision: str, device: str, error: float = 0.0, width: int = 384
    ) -> None:
        self.backend, self.precision, self.device = backend, precision, device
        self.error, self.width = error, width

    def run(self, batch: TokenBatch) -> np.ndarray:
        rows = []
        for text in np.split(batch.ids, np.cumsum(batch.lengths)[:-1]):
            exact = np.random.default_rng(text.sum()).normal(size=self.width)
            rows.append(exact + self.error * np.random.default_rng(text.sum() + 1).normal(size=self.width))
        return np.array(rows, np.float32)

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[np.ndarray]:
        return map(self.run, batches)


Make = Callable[[str, str], Engine]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By backend: what loading it in a precision gives. All are installed, and nothing is shared with others."""
    makers: dict[str, Any] = {
        name: (lambda precision, device, name=name: Engine(name, precision, device)) for name in CPU_ORDER
    }

    def loader(name: str) -> Callable[..., Engine]:
        def loaded(recipe: object, precision: str, device: str, threads: object) -> Engine:
            engine: Engine = makers[name](precision, device)
            return engine

        return loaded

    monkeypatch.setattr(choose, "_LOADERS", {name: loader(name) for name in CPU_ORDER})
    monkeypatch.setattr(choose, "SHELF", Shelf())
    monkeypatch.setattr(machine, "installed", lambda library: True)
    return makers


def fails(error: Exception) -> Callable[[str, str], Engine]:
    def load_it(precision: str, device: str) -> Engine:
        raise error

    return load_it


def chosen(folder: Path, **wish: Any) -> Any:
    return load(Wish(folder, **{"device": "cpu", **wish}), read(folder))


def test_auto_takes_the_first_of_its_order_in_float32_and_says_why(
    engines: dict[str, Any], minilm: Path
) -> None:
    model = chosen(minilm)
    assert (model.backend, model.precision, model.device) == (CPU_ORDER[0], "float32", "cpu")
    assert any("must be asked for" in reason for reason in model.reasons)
    assert model.embed([Part("", ["a", "b"])]).vectors.shape == (2, 384)


FAILURES = [
    ImportError("no such symbol"),
    RuntimeError("bad graph"),
    ConfigError("precision is not there"),
    ValueError("x"),
    KeyError("hidden_act"),
    OSError("library not found"),
    AttributeError("renamed"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_an_engine_that_cannot_is_left_out_and_the_reason_is_kept(
    engines: dict[str, Any], minilm: Path, error: Exception
) -> None:
    engines[CPU_ORDER[0]] = fails(error)
    model = chosen(minilm)
    assert model.backend == CPU_ORDER[1]
    assert any(f"{CPU_ORDER[0]} was left out: {type(error).__name__}" in reason for reason in model.reasons)


@pytest.mark.parametrize(
    "broken",
    [lambda p, d: Engine("x", p, d, width=5), lambda p, d: Engine("x", p, d, error=float("nan"))],
    ids=["vectors of another length", "vectors that are no numbers"],
)
def test_an_engine_that_gives_nonsense_is_left_out(
    engines: dict[str, Any], minilm: Path, broken: Callable[[str, str], Engine]
) -> None:
    engines[CPU_ORDER[0]] = broken
    assert chosen(minilm).backend == CPU_ORDER[1]


def test_damaged_weights_are_an_error_and_no_reason_to_try_another_engine(
    engines: dict[str, Any], minilm: Path
) -> None:
    engines[CPU_ORDER[0]] = fails(BadWeights("the tensor 'x' is missing"))
    with pytest.raises(BadWeights, match="'x' is missing"):
        chosen(minilm)


def test_what_was_asked_for_is_taken_or_fails(engines: dict[str, Any], minilm: Path) -> None:
    last = CPU_ORDER[-1]
    assert chosen(minilm, backend=last, precision="int8").precision == "int8"
    engines[last] = fails(RuntimeError("bad graph"))
    with pytest.raises(RuntimeError, match="bad graph"):
        chosen(minilm, backend=last, precision="bfloat16")


@pytest.mark.parametrize(("backend", "extra"), choose._EXTRAS.items())
def test_a_backend_that_is_not_installed_is_an_import_error_that_names_the_extra(
    engines: dict[str, Any], minilm: Path, monkeypatch: pytest.MonkeyPatch, backend: str, extra: str
) -> None:
    monkeypatch.setattr(machine, "installed", lambda library: False)
    with pytest.raises(ImportError, match=rf'pip install "hfrouter\[{extra}\]"'):
        chosen(minilm, backend=backend)


def test_with_nothing_installed_the_error_names_every_extra(
    engines: dict[str, Any], minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "installed", lambda library: False)
    with pytest.raises(ImportError, match=r"hfrouter\[openvino\].*hfrouter\[onnx\].*hfrouter\[local\]"):
        chosen(minilm)


def test_engines_of_the_cpu_are_not_sent_elsewhere(engines: dict[str, Any], minilm: Path) -> None:
    with pytest.raises(ConfigError, match="'onnx' runs on the CPU alone, not on 'cuda:0'"):
        chosen(minilm, backend="onnx", device="cuda:0")
    assert chosen(minilm, device="mps").backend == "torch"


def test_a_model_without_a_recipe_cannot_be_asked_of_a_graph_engine(
    engines: dict[str, Any], minilm: Path
) -> None:
    with pytest.raises(ConfigError, match=r"cannot run .*Its pooling is odd\."):
        load(Wish(minilm, backend="openvino", device="cpu"), Unknown("Its pooling is odd."))


@pytest.mark.parametrize(
    ("errors", "taken"),
    [
        ({"float16": 1e-4, "bfloat16": 1e-3}, "float16"),
        ({"float16": 0.1, "bfloat16": 1e-4}, "bfloat16"),
        ({"float16": float("nan"), "bfloat16": 0.1}, "float32"),
        ({"float16": 0.012, "bfloat16": 0.012}, "float32"),
    ],
    ids=[
        "half is as good",
        "half overflows a little, bfloat16 does not",
        "neither",
        "just inside the promise only",
    ],
)
def test_on_a_gpu_less_precision_is_taken_only_where_it_changes_nothing(
    engines: dict[str, Any], minilm: Path, errors: dict[str, float], taken: str
) -> None:
    engines["torch"] = lambda p, d: Engine("torch", p, d, errors.get(p, 0.0))
    model = chosen(minilm, device="cuda")
    assert model.precision == taken
    assert any("cosine" in reason or "left out" in reason for reason in model.reasons)


def test_a_gpu_engine_without_memory_for_a_second_copy_stays_in_float32(
    engines: dict[str, Any], minilm: Path
) -> None:
    def make(precision: str, device: str) -> Engine:
        if precision != "float32":
            raise RuntimeError("CUDA out of memory")
        return Engine("torch", precision, device)

    engines["torch"] = make
    model = chosen(minilm, device="cuda")
    assert model.precision == "float32"
    assert sum("out of memory" in reason for reason in model.reasons) == 2


def test_a_limit_of_tokens_does_not_load_the_engine_again(engines: dict[str, Any], minilm: Path) -> None:
    made: list[str] = []
    first = engines[CPU_ORDER[0]]
    engines[CPU_ORDER[0]] = lambda precision, device: made.append(precision) or first(precision, device)
    assert [chosen(minilm).max_tokens, chosen(minilm, max_tokens=32).max_tokens] == [256, 32]
    assert made == ["float32"]


@pytest.mark.parametrize(
    ("gpu", "torch_there", "words"),
    [(False, True, "no GPU"), (True, False, "needs torch"), (True, True, "cannot use")],
    ids=["no driver", "a driver and no torch", "a driver that torch cannot use"],
)
def test_without_a_usable_gpu_auto_stays_on_the_cpu_and_says_so(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, torch_there: bool, words: str
) -> None:
    monkeypatch.setattr(machine, "look", lambda: machine.Machine(2, "x86_64", "AMD", gpu=gpu))
    monkeypatch.setattr(machine, "installed", lambda library: torch_there)
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device, reasons = choose._device("auto")
    assert device == "cpu"
    assert words in reasons[0]


def test_a_usable_gpu_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(machine, "look", lambda: machine.Machine(2, "x86_64", gpu=True))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H200")
    assert choose._device("auto") == ("cuda", ["The GPU is H200."])
