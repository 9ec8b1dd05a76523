"""Vectors as JSON, quickly: a reply is mostly numbers, and thousands of texts are asked for in tests.

Numbers are written as float32, with nine digits at most, as Rust and numpy servers write them.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING

from .quirks import EmbedQuirks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["bare_body", "openai_body"]


class _Written(dict[float, str]):
    """The spelling of numbers; vectors of words have few different ones."""

    def __init__(self, not_a_number: str = "NaN") -> None:
        super().__init__()
        self._not_a_number = not_a_number or "NaN"

    def __missing__(self, number: float) -> str:
        if math.isnan(number):
            return self._not_a_number
        text = f"{number:.9g}"
        if text.lstrip("-").isdigit():
            text += ".0"
        self[number] = text
        return text


def _array(vector: NDArray[np.float32], written: _Written) -> str:
    return "[" + ",".join(map(written.__getitem__, vector.tolist())) + "]"


def _spoilt(vectors: NDArray[np.float32], quirks: EmbedQuirks) -> list[NDArray[np.float32]]:
    """The vectors one by one, the last with what the quirks make of it."""
    import numpy as np

    *kept, last = vectors
    if quirks.nan:
        last = last.copy()
        last[0] = np.nan
    return [*kept, last[:-1] if quirks.ragged else last]


def _of_count(items: list[str], count_off: int) -> list[str]:
    return items[:count_off] if count_off < 0 else items + items[-1:] * count_off


def bare_body(
    vectors: NDArray[np.float32] | list[NDArray[np.float32]],
    *,
    alone: bool = False,
    quirks: EmbedQuirks,
) -> bytes:
    """A bare array: TEI and hf-inference.

    Args:
        vectors: float32 of shape (texts, dimensions); or, in a list, one of shape (tokens, dimensions) a text.
        alone: Whether the reply to one text is its vector alone, 1-D.
        quirks: What to do otherwise.
    """
    written = _Written(quirks.nan)
    if isinstance(vectors, list):
        items = ["[" + ",".join(_array(row, written) for row in rows) + "]" for rows in vectors]
        if quirks.tokens == "nested":
            items = [f"[{item}]" for item in items]
    else:
        items = [_array(row, written) for row in _spoilt(vectors, quirks)]
    items = _of_count(items[::-1] if quirks.reverse else items, quirks.count_off)
    squeezed = len(items) == 1 and not isinstance(vectors, list) and (alone or quirks.flat)
    body = items[0] if squeezed else "[" + ",".join(items) + "]"
    return f"{{{json.dumps(quirks.wrapped)}:{body}}}".encode() if quirks.wrapped else body.encode()


def openai_body(
    vectors: NDArray[np.float32], packed: bool, model: str, tokens: int, quirks: EmbedQuirks
) -> bytes:
    """OpenAI's object: `data` with an `embedding` for each text, `usage`.

    Args:
        vectors: float32, shape (texts, dimensions).
        packed: Whether vectors are base64 of little-endian float32.
        model: Name that the reply says.
        tokens: Tokens read.
        quirks: What to do otherwise.
    """
    if packed:
        rows = _spoilt(vectors.astype("<f4"), quirks)
        arrays = [f'"{base64.b64encode(row.tobytes()).decode()}"' for row in rows]
    else:
        written = _Written(quirks.nan)
        arrays = [_array(row, written) for row in _spoilt(vectors, quirks)]
    items = [
        f'{{"object":"embedding","embedding":{array}' + (f',"index":{index}}}' if quirks.index else "}")
        for index, array in enumerate(_of_count(arrays, quirks.count_off))
    ]
    if quirks.reverse:
        items.reverse()
    rest = {"model": model} | (
        {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}} if quirks.usage else {}
    )
    return f'{{"object":"list","data":[{",".join(items)}],{json.dumps(rest)[1:]}'.encode()
