"""Weights as bytes, with a scale for each output of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["quantise_rows"]

_LARGEST = 127  # both signs alike


def quantise_rows(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Each row by its own largest number.

    Args:
        weight: Shape (out, in).

    Returns:
        The rows as int8 of -127 to 127, and the scale of each, (out,): their product is near `weight`.

    Example:
        >>> import numpy as np
        >>> quantise_rows(np.array([[1, -0.5], [0, 254]], np.float32))[0].tolist()
        [[127, -64], [0, 127]]
    """
    import numpy as np

    largest = np.maximum(weight.max(axis=1), -weight.min(axis=1))
    scales = np.maximum(largest, np.float32(1e-30)) / np.float32(_LARGEST)
    scaled = weight * (1 / scales)[:, None]
    return np.rint(scaled, out=scaled).astype(np.int8), scales
