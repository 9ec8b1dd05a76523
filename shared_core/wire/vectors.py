"""Lists and base64 to float32 arrays, with every oddity found and named. Pure arithmetic; numpy is loaded here."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared_core.errors import MalformedResponse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LARGEST", "averaged", "cut_to", "nesting", "of_base64", "of_numbers", "unit"]

LARGEST = 3.4028e38
"""What float32 can hold; a comparison with it also finds NaN."""

Place = Callable[[int], int]
"""From a position in the reply to the text's position in the caller's list."""

_UNIT_TOLERANCE = 1e-4
"""How far from 1 the length of a vector may be and still count as 1: what bfloat16 hosts send is 3e-3 off, what
float32 hosts send 1e-7."""


def nesting(value: Any) -> int:
    """How many lists stand inside one another, along the first elements."""
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def of_numbers(rows: list[Any], place: Place) -> NDArray[np.float32]:
    """One vector a row, from lists of numbers.

    Raises:
        MalformedResponse: A row is empty, of another length than the first, or holds something else than finite
            numbers.
    """
    import numpy as np

    try:
        # numpy finds the type itself: asked for floats, it would take "1.5" and null for numbers.
        raw = np.array(rows)
    except ValueError:
        raise _odd(rows, place) from None
    if raw.ndim != 2 or raw.shape[1] == 0 or raw.dtype.kind not in "fiu":
        raise _odd(rows, place)
    return _finite(raw, place)


def of_base64(rows: Sequence[str], place: Place) -> NDArray[np.float32]:
    """One vector a row, from base64 of little-endian float32.

    Raises:
        MalformedResponse: As for `of_numbers`.
    """
    import numpy as np

    pieces: list[bytes] = []
    for position, row in enumerate(rows):
        try:
            piece = binascii.a2b_base64(row, strict_mode=True)
        except (binascii.Error, ValueError):
            raise MalformedResponse(f"The vector of text {place(position)} is no base64.") from None
        if not piece or len(piece) % 4 or (pieces and len(piece) != len(pieces[0])):
            raise MalformedResponse(
                f"The vector of text {place(position)} has {len(piece)} bytes"
                + (f", that of text {place(0)} has {len(pieces[0])}." if pieces else ": no float32 numbers.")
            )
        pieces.append(piece)
    return _finite(np.frombuffer(b"".join(pieces), dtype="<f4").reshape(len(pieces), -1), place)


def averaged(rows: list[Any], place: Place) -> NDArray[np.float32]:
    """One vector a row, from a list of token vectors a row: their mean.

    Raises:
        MalformedResponse: As for `of_numbers`, of any token's vector.
    """
    import numpy as np

    means = []
    for position, tokens in enumerate(rows):
        here = place(position)
        if not isinstance(tokens, list) or not tokens:
            raise MalformedResponse(f"The reply holds no token vectors for text {here}.")
        means.append(of_numbers(tokens, lambda _, here=here: here).mean(axis=0, dtype=np.float64))  # type: ignore[misc]
    widths = {len(mean) for mean in means}
    if len(widths) > 1:
        raise _odd([mean.tolist() for mean in means], place)
    return np.array(means, dtype=np.float32)


def cut_to(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first numbers of each vector; those that had length 1 get it again."""
    import numpy as np

    had_unit = np.abs(_lengths(vectors) - 1) <= 10 * _UNIT_TOLERANCE
    short = np.ascontiguousarray(vectors[:, :dimensions])
    return np.where(had_unit[:, None], unit(short), short)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors scaled to length 1. Those that have it stay as they are to the bit; zeros stay zeros."""
    import numpy as np

    lengths = _lengths(vectors)
    lengths[(np.abs(lengths - 1) <= _UNIT_TOLERANCE) | (lengths == 0)] = 1
    return (vectors / lengths[:, None]).astype(np.float32)


def _lengths(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    import numpy as np

    wide = vectors.astype(np.float64)
    lengths: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    return lengths


def _finite(raw: NDArray[Any], place: Place) -> NDArray[np.float32]:
    import numpy as np

    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is found below
        vectors = raw.astype(np.float32)
    if not np.isfinite(vectors).all():
        position = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise MalformedResponse(f"The vector of text {place(position)} holds NaN or infinity.")
    return vectors


def _odd(rows: list[Any], place: Place) -> MalformedResponse:
    """The error for the first row that is no vector like the first one."""
    for position, row in enumerate(rows):
        here = place(position)
        if not isinstance(row, list):
            return MalformedResponse(f"The vector of text {here} is a JSON {type(row).__name__}.")
        for number in row:
            if type(number) not in (int, float) or not abs(number) <= LARGEST:
                return MalformedResponse(
                    f"The vector of text {here} holds {str(number)[:40]!r}, which is no number."
                )
        if not row or len(row) != len(rows[0]):
            return MalformedResponse(
                f"The vector of text {here} has {len(row)} numbers"
                + (f", that of text {place(0)} has {len(rows[0])}." if position else ".")
            )
    return MalformedResponse("The reply holds numbers that are no floating-point numbers.")
