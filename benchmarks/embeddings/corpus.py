"""The texts: passages of the Python language reference, which every Python carries (`pydoc_data.topics`).

Lives here: 'mixed', its paragraphs of 5 to 256 tokens as they stand; 'even', the same words cut so that
lengths are spread evenly from 5 to 256, which makes them three times as long; 'short', sentences of 10 to 20
words. The same texts come out on every machine with the same Python; `run.py` writes them down once for all.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator

SHORTEST, LONGEST = 5, 256  # tokens, special ones included


def mixed(count: int, tokens_of: Callable[[str], int]) -> list[str]:
    """Paragraphs of 5 to 256 tokens, taken from all over the reference.

    Args:
        count: How many.
        tokens_of: The model's own count for a text.
    """
    fitting = [text for text in _paragraphs() if SHORTEST <= tokens_of(text) <= LONGEST]
    return [fitting[number * len(fitting) // count] for number in range(count)]


def even(count: int, tokens_of: Callable[[str], int]) -> list[str]:
    """Passages of evenly spread lengths: successive words of the reference, cut where the length is reached."""
    lengths = random.Random(20261120)
    words = itertools.cycle(word for paragraph in _paragraphs() for word in paragraph.split())
    return [_passage(words, lengths.randint(SHORTEST, LONGEST), tokens_of) for _ in range(count)]


def short(count: int) -> list[str]:
    """Sentences of 10 to 20 words."""
    sentences = (
        sentence for paragraph in _paragraphs() for sentence in re.split(r"(?<=[.?!])\s+", paragraph)
    )
    fitting = (sentence for sentence in sentences if 10 <= len(sentence.split()) <= 20)
    return list(itertools.islice(itertools.cycle(list(dict.fromkeys(fitting))), count))


def _paragraphs() -> list[str]:
    from pydoc_data.topics import topics

    pieces = (piece for name in sorted(topics) for piece in re.split(r"\n\s*\n", topics[name]))
    prose = (" ".join(piece.split()) for piece in pieces)
    return [
        piece
        for piece in dict.fromkeys(prose)
        if len(piece) > 40 and not piece.startswith(("**", "==", ">>>"))
    ]


def _passage(words: Iterator[str], length: int, tokens_of: Callable[[str], int]) -> str:
    passage = next(words)
    while tokens_of(passage) < length:
        longer = f"{passage} {next(words)}"
        if tokens_of(longer) > LONGEST:
            break
        passage = longer
    return passage
