"""The ONNX Runtime engine: a graph drawn from a recipe and its weights; no torch, no exporter.

Lives here: `load`. Not here: the graph (`onnx_ops`), running it (`onnx_session`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError
from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Engine, Precision, TokenBatch
from shared_core.local.engines.onnx_int8 import Int8Ops
from shared_core.local.engines.onnx_ops import OnnxOps
from shared_core.local.engines.onnx_session import Session
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
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
) -> Engine:
    """The model on ONNX Runtime, on the CPU.

    Args:
        recipe: The model.
        precision: "float32", or "int8": every token scaled on its own (`onnx_int8`).
        threads: Of one run; None for one a physical core.

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
        library = import_module("onnxruntime")
    except ImportError as error:
        raise ImportError('backend="onnx" needs ONNX Runtime: run `pip install "hfrouter[onnx]"`.') from error
    ops = (Int8Ops if precision == "int8" else OnnxOps)(Weights(recipe))
    pooled = vectors(ops, recipe)
    session = Session(library, ops.drawing, pooled.name, recipe.dimensions, threads)
    return _OnnxEngine(session, precision, _reasons(library.__version__, precision))


@dataclass(slots=True)
class _OnnxEngine:
    _session: Session
    precision: Precision
    reasons: tuple[str, ...]
    backend: Backend = "onnx"
    device: str = "cpu"
    budget: int = _BUDGET

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        return self._session.run(batch)

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[NDArray[np.float32]]:
        return map(self.run, batches)


def _reasons(version: str, precision: Precision) -> tuple[str, ...]:
    found = f"ONNX Runtime {version} runs a graph drawn from the weights."
    if precision == "int8":
        return found, "int8 with a scale for each token: no calibration, and batch mates do not matter."
    return (found,)
