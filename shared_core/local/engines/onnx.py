"""The ONNX Runtime engine: a graph drawn from a recipe and its weights; no torch, no exporter.

Lives here: session settings, what each run is given. Not here: the graph (`onnx_ops`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Engine, Precision, TokenBatch
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

__all__ = ["load"]

_BUDGET = 1024
"""Tokens a batch: what lies between two products then mostly stays in the processor's caches. MiniLM took
6 % longer with 2,048 and 18 % longer with 4,096."""


def load(
    recipe: Recipe,
    *,
    precision: Precision,
    threads: int | None,
    calibration: Sequence[TokenBatch] = (),  # noqa: ARG001 - part of what every loader is given
) -> Engine:
    """The model on ONNX Runtime, on the CPU.

    Args:
        recipe: The model.
        precision: "float32", or "int8": every token scaled on its own (`onnx_int8`).
        threads: Of one run; None for one a physical core.
        calibration: Not needed: scales are taken from each token.

    Raises:
        ConfigError: A precision that ONNX Runtime has no fast arithmetic for, or damaged weights.
        ImportError: onnxruntime is not installed.

    Example:
        >>> engine = load(recipe, precision="float32", threads=None)  # doctest: +SKIP
        >>> engine.run(batch).shape  # doctest: +SKIP
        (2, 384)
    """
    if precision not in ("float32", "int8"):
        raise ConfigError(
            f'ONNX Runtime has no fast {precision} arithmetic on CPUs: backend="onnx" would only be slower with it.',
            hint='Take precision="float32" or "int8", or backend="openvino" or "torch" for bfloat16.',
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError('backend="onnx" needs ONNX Runtime: run `pip install "hfrouter[onnx]"`.') from error
    return _OnnxEngine(onnxruntime, recipe, precision, threads)


class _OnnxEngine:
    backend: Backend = "onnx"
    device = "cpu"
    budget = _BUDGET

    def __init__(self, library: Any, recipe: Recipe, precision: Precision, threads: int | None) -> None:
        from shared_core.local.engines.onnx_int8 import Int8Ops
        from shared_core.local.engines.onnx_ops import OnnxOps

        self.precision = precision
        ops = (Int8Ops if precision == "int8" else OnnxOps)(Weights(recipe))
        pooled = vectors(ops, recipe)
        model, beside = ops.drawing.model(pooled.name, "float32", "texts", recipe.dimensions)
        # The session reads this memory and does not own it.
        self._lent = {name: library.OrtValue.ortvalue_from_numpy(array) for name, array in beside.items()}
        options = _options(library, threads)
        options.add_external_initializers(list(self._lent), list(self._lent.values()))
        self._session: onnxruntime.InferenceSession = library.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self.reasons = _reasons(library.__version__, precision)

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._session.run(None, _inputs(batch))[0]
        return found


def _options(library: Any, threads: int | None) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    # The graph is drawn with the operators that are to run; fusing would put the slower ones back.
    options.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Plans of memory are kept for each shape of input, and nearly every batch has one of its own.
    options.enable_mem_pattern = False
    # Idle threads would burn their cores for others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights that stay as long as the session are kept out of the arena, which grows in powers of two.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # Processors without VNNI sum pairs of u8 times s8 products in 16 bits, which overflow; this avoids it.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3  # errors; warnings here are of no use to who embeds texts
    return options


def _inputs(batch: TokenBatch) -> dict[str, NDArray[Any]]:
    """Where each token lies in its text and in the rectangle, as `OnnxOps.drawing` asks."""
    import numpy as np

    lengths = batch.lengths
    longest = int(lengths.max())
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(batch.ids)) - np.repeat(starts, lengths)
    rows = np.repeat(np.arange(len(lengths)) * longest, lengths)
    grid = starts[:, None] + np.minimum(np.arange(longest), lengths[:, None] - 1)
    return {
        "ids": batch.ids,
        "lengths": lengths,
        "places": places,
        "grid": grid.astype(np.int32),
        "cells": (rows + places).astype(np.int32),
        "even": np.array(longest == int(lengths.min())),
    }


def _reasons(version: str, precision: Precision) -> tuple[str, ...]:
    found = f"ONNX Runtime {version} runs a graph drawn from the weights."
    if precision == "int8":
        return found, "int8 with a scale for each token: no calibration, and batch mates do not matter."
    return (found,)
