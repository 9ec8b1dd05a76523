"""`offline/writer`: goes on with a text in its own words, drawn by its hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from shared_core.testing.tokens import pieces

__all__ = ["Written", "write"]

_NATURAL = 24
"""Words after which the writer is done by itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """A continuation: its tokens, and why it ended: `length`, `stop` (a stop text) or `end`."""

    tokens: tuple[str, ...]
    reason: str

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.tokens)


def write(prompt: str, limit: int, stops: tuple[str, ...] = (), seed: int | None = None) -> Written:
    """Go on for at most `limit` tokens, and not beyond a stop text."""
    words = re.findall(r"[^\W\d_]+", prompt) or ["and", "so", "on"]
    drawn = hashlib.shake_128(f"{seed}\x00{prompt}".encode("utf-8", "replace")).digest(2 * _NATURAL)
    chosen = [words[byte % len(words)].lower() for byte in drawn[:_NATURAL]]
    for place in range(8, _NATURAL + 1, 8):
        chosen[place - 1] += "."
        if place < _NATURAL:
            chosen[place] = chosen[place].capitalize()
    lead = "" if not prompt or prompt[-1].isspace() else " "
    text, reason = lead + " ".join(chosen), "end"
    for stop in stops:
        at = text.find(stop)
        if at >= 0:
            text, reason = text[:at], "stop"
    tokens = pieces(text)
    if len(tokens) > limit:
        tokens, reason = tokens[:limit], "length"
    return Written(tuple(tokens), reason)
