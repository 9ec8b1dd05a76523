"""A loaded model in use: few texts go through the merger, many in slices of their own.

A slice takes turns with others batch by batch, and small calls run beside it, so that a query never waits for
a corpus.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from shared_core.local.choose import Wish, load
from shared_core.local.merge import Merger
from shared_core.local.model import Embedded, Model, Part
from shared_core.local.shared import SHELF
from shared_core.local.source import Source

__all__ = ["Running", "start"]

_FEW_TEXTS = 32
_FEW_CHARACTERS = 64_000
"""Up to here a call may share a batch with others."""

_SLICE = 4096
"""Texts that are tokens at one time: enough to sort by length, few enough for memory."""


def start(wish: Wish, source: Source) -> Running:
    """The model, loaded if no other object of the process has done so.

    Args:
        wish: What was asked for; equal wishes share one model.
        source: Its files.

    Raises:
        ConfigError: It cannot be loaded.
        ImportError: What it needs is not installed.
    """
    return SHELF.get(wish, lambda: Running(load(wish, source.facts), SHELF.generation))


class Running:
    """One loaded model and the ways to it.

    Args:
        model: The loaded model.
        generation: Of the shelf; a forked child has another, and must load anew.
    """

    __slots__ = ("_merger", "_turn", "generation", "model")

    def __init__(self, model: Model, generation: int) -> None:
        self.model = model
        self.generation = generation
        self._merger = Merger(model)
        self._turn = threading.Lock()

    def embed(self, part: Part) -> Embedded:
        """The vectors of at least one text.

        Raises:
            RouterError: As `Model.embed`.
        """
        if _are_few(part.texts):
            return self._merger.embed(part)
        pieces = list(_slices(part))
        if self.model.device == "cpu" or len(pieces) == 1:
            return _joined([self._one(piece) for piece in pieces])
        # While a GPU computes one slice, the processor makes tokens of the next.
        with ThreadPoolExecutor(2) as pool:
            return _joined(list(pool.map(self._one, pieces)))

    def _one(self, piece: Part) -> Embedded:
        return self.model.embed((piece,), self._turn)

    async def aembed(self, part: Part) -> Embedded:
        """As `embed`, off the event loop."""
        if _are_few(part.texts):
            return await self._merger.aembed(part)
        return await asyncio.to_thread(self.embed, part)


def _are_few(texts: Sequence[str]) -> bool:
    return len(texts) == 1 or (len(texts) <= _FEW_TEXTS and sum(map(len, texts)) <= _FEW_CHARACTERS)


def _slices(part: Part) -> Iterator[Part]:
    for first in range(0, len(part.texts), _SLICE):
        places = range(len(part.texts)) if part.places is None else part.places
        piece = slice(first, first + _SLICE)
        yield part._replace(texts=part.texts[piece], places=places[piece])


def _joined(pieces: Sequence[Embedded]) -> Embedded:
    import numpy as np

    if len(pieces) == 1:
        return pieces[0]
    firsts = np.cumsum([0, *(len(piece.lengths) for piece in pieces)]).tolist()
    return Embedded(
        np.concatenate([piece.vectors for piece in pieces]),
        np.concatenate([piece.lengths for piece in pieces]),
        tuple(first + place for first, piece in zip(firsts, pieces, strict=False) for place in piece.cut),
    )
