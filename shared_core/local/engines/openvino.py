"""The OpenVINO engine: a graph drawn from a recipe and its weights; no torch, no exporter.

Lives here: `load`, compiling, running. Not here: the graph (`openvino_ops`), int8 (`openvino_int8`), how tokens
are laid out for it (`openvino_layout`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local import machine
from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Engine, Precision, TokenBatch
from shared_core.local.engines.openvino_drawing import Drawing
from shared_core.local.engines.openvino_int8 import Int8Ops
from shared_core.local.engines.openvino_layout import arranged
from shared_core.local.engines.openvino_ops import OpenVinoOps
from shared_core.local.machine import Machine
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["load"]

_BUDGET = 2048
"""Tokens a batch, padding included."""

_OFFERED: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def load(
    recipe: Recipe,
    *,
    precision: Precision,
    threads: int | None,
) -> Engine:
    """The model on OpenVINO, on the CPU.

    Args:
        recipe: The model.
        precision: "float32", "bfloat16", or "int8" (`openvino_int8`).
        threads: Of one run; None for one a physical core, as far as this process may use them.

    Raises:
        ConfigError: A precision that OpenVINO has no fast arithmetic for on CPUs, or damaged weights.
        ImportError: openvino is not installed.

    Example:
        >>> engine = load(recipe, precision="float32", threads=None)  # doctest: +SKIP
        >>> engine.run(batch).shape  # doctest: +SKIP
        (2, 384)
    """
    if precision not in _OFFERED:
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
    here = machine.look()
    ops = (Int8Ops if precision == "int8" else OpenVinoOps)(library, Weights(recipe))
    model = library.Model([vectors(ops, recipe)], list(ops.drawing.inputs.values()), recipe.architecture)
    compiled = library.Core().compile_model(model, "CPU", _settings(precision, threads, here))
    reasons = (
        f"OpenVINO {library.__version__.partition('-')[0]} runs a graph drawn from the weights.",
        *_reasons(precision, here, _products(compiled)),
    )
    return _OpenVinoEngine(library.Tensor, ops.drawing, compiled, precision, reasons)


def _settings(precision: Precision, threads: int | None, here: Machine) -> dict[str, Any]:
    # Left to itself, OpenVINO takes bfloat16 where it can. Told to, it takes it anywhere: emulated with AVX-512
    # alone it is 20 times slower than float32. Around int8 products it is two fifths faster, and hardly farther.
    half = precision != "float32" and _BFLOAT16 & here.abilities
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    if threads is None and here.cores < (os.cpu_count() or here.cores):
        threads = here.cores  # OpenVINO does not see a container's share of time
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return settings


def _products(compiled: Any) -> list[str]:
    """The arithmetic of each matrix product with weights, as the plugin decided: "f32", "bf16", "i8" or "u8"."""
    told = (node.get_rt_info() for node in compiled.get_runtime_model().get_ops())
    return [
        each["runtimePrecision"].astype(str)
        for each in told
        if each["layerType"].astype(str) == "FullyConnected"
    ]


def _reasons(precision: Precision, here: Machine, products: Sequence[str]) -> tuple[str, ...]:
    if precision == "int8":
        small = sum(each in ("i8", "u8") for each in products)
        slow = (
            ()
            if _INT8 & here.abilities
            else ("This processor lacks VNNI: int8 may be no faster than float32.",)
        )
        return (
            f"{small} of {len(products)} products with weights run in int8.",
            "int8 with a scale for each token: no calibration, and batch mates do not matter.",
            *slow,
        )
    if precision == "bfloat16" and not _BFLOAT16 & here.abilities:
        return ("This processor has no bfloat16 arithmetic: float32 is computed, which is faster here.",)
    return ()


class _OpenVinoEngine:
    """The compiled graph, and a request to run it with.

    One is enough: the graph is compiled for a single stream, so that requests would only wait for each other,
    each with memory of its own.
    """

    backend: Backend = "openvino"
    device = "cpu"
    budget = _BUDGET

    def __init__(
        self, tensor: Any, drawing: Drawing, compiled: Any, precision: Precision, reasons: tuple[str, ...]
    ) -> None:
        self._tensor = tensor
        self._drawing = drawing  # lends the graph its constants
        self._compiled = compiled
        self._request: Any = None
        self._lock = threading.Lock()
        self.precision = precision
        self.reasons = reasons

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        inputs = arranged(batch)
        with self._lock:
            request, self._request = self._request or self._compiled.create_infer_request(), None
            for place, array in enumerate(inputs):
                # Tensors read the arrays and do not own them: `inputs` lives until the run is over.
                request.set_input_tensor(place, self._tensor(array, shared_memory=True))
            request.infer()
            found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
            self._request = request  # not after a failure: what is left of a request then is unknown
        return found

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[NDArray[np.float32]]:
        """See `Engine.run_each`."""
        return map(self.run, batches)
