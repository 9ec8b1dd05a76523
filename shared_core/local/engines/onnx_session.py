"""A drawn graph as ONNX Runtime runs it.

Lives here: session settings, weights lent to it, what each run is given. Not here: the graph (`onnx_ops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared_core.local.engines import TokenBatch
from shared_core.local.engines.onnx_drawing import Drawing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Session"]


class Session:
    """Computes one value of a drawing. Threads may share it.

    Args:
        library: The module onnxruntime.
        drawing: With the inputs of `OnnxOps`.
        output: The value, float32.
        width: Numbers a row of it.
        threads: Of one run; None for one a physical core.
    """

    def __init__(self, library: Any, drawing: Drawing, output: str, width: int, threads: int | None) -> None:
        model, beside = drawing.model(output, "float32", "rows", width)
        # The session reads this memory and does not own it.
        self._lent = {name: library.OrtValue.ortvalue_from_numpy(array) for name, array in beside.items()}
        options = _options(library, threads)
        options.add_external_initializers(list(self._lent), list(self._lent.values()))
        self._session = library.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        # ONNX Runtime warns of inputs that nobody reads, and refuses them when they are given.
        self._read = frozenset(each.name for each in self._session.get_inputs())

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        """The value for these texts."""
        inputs = {name: array for name, array in _inputs(batch).items() if name in self._read}
        found: NDArray[np.float32] = self._session.run(None, inputs)[0]
        return found


def _options(library: Any, threads: int | None) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    # The graph is drawn with the operators that are to run; fusing would put the slower ones back.
    options.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Plans of memory are kept for each shape of input, and nearly every batch has one of its own.
    options.enable_mem_pattern = False
    # Inside a run threads wait for each other busily, which makes one int8 query a third faster; between
    # runs they sleep.
    options.add_session_config_entry("session.force_spinning_stop", "1")
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
