"""Vectors as JSON, quickly: a reply is mostly numbers, and thousands of texts are asked for in tests.

Numbers are written as float32, with nine digits at most, as Rust and numpy servers write them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .quirks import EmbedQuirks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["bare_body", "openai_body"]


class _Written(dict[float, str]):
    """The spelling of numbers; vectors of words have few different ones."""

    def __missing__(self, number: float) -> str:
        text = f"{number:.9g}"
        if text.lstrip("-").isdigit():
            text += ".0"
        self[number] = text
        return text


def _array(vector: NDArray[np.float32], written: _Written) -> str:
    return "[" + ",".join(map(written.__getitem__, vector.tolist())) + "]"


def _arrays(vectors: Sequence[NDArray[np.float32]], quirks: EmbedQuirks) -> list[str]:
    """Each vector as JSON, with what the quirks make of numbers and their number."""
    written = _Written()
    arrays = [_array(vector, written) for vector in vectors]
    if quirks.ragged:
        arrays[-1] = _array(vectors[-1][:-1], written)
    if quirks.nan:
        arrays[-1] = f"[{quirks.nan},{arrays[-1][1:].partition(',')[2] or ']'}"
    return arrays


def _of_count(items: list[str], count_off: int) -> list[str]:
    return items[:count_off] if count_off < 0 else items + items[-1:] * count_off


def bare_body(
    vectors: Sequence[NDArray[np.float32]], alone: bool, tokens: bool, quirks: EmbedQuirks
) -> bytes:
    """A bare array: TEI and hf-inference.

    Args:
        vectors: One a text, of shape (dimensions,); or with `tokens` of shape (tokens, dimensions).
        alone: Whether the reply to one text is its vector alone, 1-D.
        tokens: Whether there is a vector a token.
        quirks: What to do otherwise.
    """
    if tokens:
        written = _Written()
        items = ["[" + ",".join(_array(row, written) for row in rows) + "]" for rows in vectors]
        if quirks.tokens == "nested":
            items = [f"[{item}]" for item in items]
    else:
        items = _arrays(vectors, quirks)
    items = _of_count(items[::-1] if quirks.reverse else items, quirks.count_off)
    squeezed = len(items) == 1 and not tokens and (alone or quirks.flat)
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
        rows = vectors.astype("<f4")
        arrays = [f'"{base64.b64encode(row.tobytes()).decode()}"' for row in rows]
    else:
        arrays = _arrays(list(vectors), quirks)
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
