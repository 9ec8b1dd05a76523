"""Engines: a recipe and its weights, ready to turn tokens into vectors. One file (or a few) for each.

Lives here: what every engine is asked and answers. Not here: texts and tokenizers, which engine to take.
An engine's library is imported inside `load`, never at module level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Backend", "Engine", "Precision", "TokenBatch"]

Backend = Literal["torch", "onnx", "openvino"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Texts as tokens, packed: one after another without padding.

    Args:
        ids: int32, the ids of all texts, special tokens included.
        lengths: int32, tokens of each text, each at least 1; they sum to len(ids).
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]


class Engine(Protocol):
    """One loaded model. Threads may share it; `run` may be called by several at once.

    Attributes:
        backend: Whose arithmetic it is.
        precision: Of that arithmetic.
        device: Such as "cpu" or "cuda:0".
        budget: Tokens, padding included, that a batch should hold at most for best speed; a single text may
            be longer.
        reasons: What was found and decided at load, a sentence each; `describe()` shows them.
    """

    backend: Backend
    precision: Precision
    device: str
    budget: int
    reasons: tuple[str, ...]

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Vectors of shape (texts, dimensions), as the recipe says. They do not depend on batch mates beyond
        rounding."""

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[NDArray[np.float32]]:
        """As `run`, batch by batch, in order. A GPU computes the next one while the last one's vectors come back."""
