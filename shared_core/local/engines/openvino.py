"""The OpenVINO engine: a graph drawn from a recipe and its weights; no torch, no exporter.

Lives here: `load`, compiling, running. Not here: the graph (`openvino_ops`), int8 (`openvino_int8`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local import machine
from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Engine, Precision, TokenBatch
from shared_core.local.engines.openvino_int8 import Int8Ops
from shared_core.local.engines.openvino_ops import OpenVinoOps
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["load"]

_BUDGET = 2048
"""Tokens a batch, padding included."""

_STEP = 8
"""Batches are padded to a multiple of so many tokens: the plugin makes its kernels anew for every shape."""

_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"}
"""For what is not int8, too: with float32 around its products int8 is two fifths slower, and hardly nearer."""


def load(
    recipe: Recipe,
    *,
    precision: Precision,
    threads: int | None,
    calibration: Sequence[TokenBatch] = (),  # noqa: ARG001 - part of what every loader is given
) -> Engine:
    """The model on OpenVINO, on the CPU.

    Args:
        recipe: The model.
        precision: "float32", "bfloat16", or "int8" (`openvino_int8`).
        threads: Of one run; None for one a physical core.
        calibration: Not needed: scales are taken from each token.

    Raises:
        ConfigError: A precision that OpenVINO has no fast arithmetic for on CPUs, or damaged weights.
        ImportError: openvino is not installed.

    Example:
        >>> engine = load(recipe, precision="float32", threads=None)  # doctest: +SKIP
        >>> engine.run(batch).shape  # doctest: +SKIP
        (2, 384)
    """
    if precision not in _HINTS:
        raise ConfigError(
            f"OpenVINO has no fast {precision} arithmetic on CPUs.",
            hint='Take precision="float32", "bfloat16" or "int8".',
        )
    try:
        library = import_module("openvino")
    except ImportError as error:
        raise ImportError(
            'backend="openvino" needs OpenVINO: run `pip install "hfrouter[openvino]"`.'
        ) from error
    ops = (Int8Ops if precision == "int8" else OpenVinoOps)(library, Weights(recipe))
    model = library.Model([vectors(ops, recipe)], ops.inputs, recipe.architecture)
    compiled = library.Core().compile_model(model, "CPU", _settings(precision, threads))
    return _OpenVinoEngine(library, ops, compiled, precision)


def _settings(precision: Precision, threads: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # Left to itself, OpenVINO takes bfloat16 on processors that have it.
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return settings


class _OpenVinoEngine:
    """The compiled graph, and requests to run it with: one for each thread that runs at the same time."""

    backend: Backend = "openvino"
    device = "cpu"
    budget = _BUDGET

    def __init__(self, library: Any, ops: OpenVinoOps, compiled: Any, precision: Precision) -> None:
        self._tensor = library.Tensor
        self._ops = ops  # its arrays are the graph's constants
        self._compiled = compiled
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self.precision = precision
        self.reasons = _reasons(library.__version__.partition("-")[0], precision)

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        import numpy as np

        lengths = batch.lengths
        longest = int(lengths.max()) + -int(lengths.max()) % _STEP
        ids = np.zeros((len(lengths), longest), np.int32)
        ids[np.arange(longest) < lengths[:, None]] = batch.ids
        with self._request() as request:
            request.set_input_tensor(0, self._tensor(ids, shared_memory=True))
            request.set_input_tensor(1, self._tensor(np.ascontiguousarray(lengths), shared_memory=True))
            request.infer()
            found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        return found

    @contextmanager
    def _request(self) -> Iterator[Any]:
        with self._lock:
            request = self._idle.pop() if self._idle else self._compiled.create_infer_request()
        yield request
        # Not after a failure: what is left of a request then is unknown.
        with self._lock:
            self._idle.append(request)


def _reasons(version: str, precision: Precision) -> tuple[str, ...]:
    found = f"OpenVINO {version} runs a graph drawn from the weights."
    if precision == "int8":
        return found, "int8 with a scale for each token: no calibration, and batch mates do not matter."
    if precision == "bfloat16" and not _BFLOAT16 & machine.look().abilities:
        return found, "This processor has no bfloat16 arithmetic: float32 is as fast."
    return (found,)
