"""The offline models, one file each: what a request makes them say.

They are honest stand-ins: no model of language is behind them, only words, schemas and (for one of them)
sentence vectors. Each is a pure function from a checked request to an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared_core.testing.call import Answer, ChatCall

from .echo import echo
from .extractive import Extractive
from .instance import instance
from .reasoner import reasoner
from .tools import tools
from .vectors import Embedder, Vectors

_PURE: dict[str, Callable[[ChatCall], Answer]] = {
    "offline/echo": echo,
    "offline/json": instance,
    "offline/reasoner": reasoner,
    "offline/tools": tools,
}


class Brains:
    """All models, behind one door."""

    def __init__(self, embedder: Embedder | str) -> None:
        self.vectors = Vectors(embedder)
        self._extractive = Extractive(self.vectors)

    async def answer(self, call: ChatCall) -> Answer:
        """The answer of the model that was asked for."""
        pure = _PURE.get(call.model)
        if pure is not None:
            return pure(call)
        # Loading and running MiniLM would hold up every other connection.
        return await asyncio.to_thread(self._extractive, call)
