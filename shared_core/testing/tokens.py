"""Counting and cutting text into tokens: a word or a punctuation mark each, with the space before it.

Simple on purpose: everyone can count along. `"Hello, world!"` has four tokens. Joined, the pieces are the
text again.
"""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")

MEDIA_TOKENS = 85
"""Tokens that an image, sound, film or document counts for, whatever its size."""

MESSAGE_TOKENS = 3
"""Tokens that the frame of one message counts for."""


def pieces(text: str) -> list[str]:
    """Cut text into tokens whose concatenation is the text.

    >>> pieces("Hello, world!")
    ['Hello', ',', ' world', '!']
    """
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Number of tokens in the text."""
    return len(pieces(text))
