"""`offline/extractive`: answers with the sentence of the given context that is nearest to the question.

Nearness is the cosine of MiniLM sentence vectors where they are to be had, and the share of common words
otherwise; the reply's `system_fingerprint` says which.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from shared_core.testing.call import Answer, ChatCall

from .vectors import Vectors, Words
from .words import telling

_ASKED = re.compile(
    r"(?is)(?:^|\n)\s*(?:question|query|user question)\s*:\s*"
    r"(.+?)\s*(?:\n\s*(?:answer|helpful answer)\s*:.*)?$"
)
_FENCED = re.compile(r"(?s)-{5,}\n(.*?)\n-{5,}")
_CONTEXT = re.compile(r"(?is)(?:context|documents?|sources?)[^\n:]*:\s*\n?(.*)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[*_`#]*[^\sa-z])|\n+")
_HEADING = re.compile(r"#{1,6} ")


class Extractive:
    """The model; vectors are asked for with the first question that has a context."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def __call__(self, call: ChatCall) -> Answer:
        """The nearest sentence; says so when there is no context to take one from."""
        question, sentences = read(call)
        if not sentences:
            return Answer("There is no context to answer from.", fingerprint="fp_offline_none")
        brain = self._vectors.brain()
        if isinstance(brain, Words):
            scores = [_overlap(question, sentence) for sentence in sentences]
        else:
            vectors = brain.vectors([question, *sentences]).tolist()
            scores = [_cosine(vectors[0], vector) for vector in vectors[1:]]
        best = max(range(len(sentences)), key=scores.__getitem__)
        return Answer(sentences[best], fingerprint=f"fp_offline_{brain.name}")


def read(call: ChatCall) -> tuple[str, list[str]]:
    """The question, and the sentences of the context that the prompt carries."""
    text = call.question.text.strip()
    asked = _ASKED.search(text)
    question = asked[1].strip() if asked else text
    before = text[: asked.start()] if asked else ""
    sources = [message.text for message in call.since_question if message.role == "tool"]
    sources += [
        _context(message.text) for message in call.messages if message.role in ("system", "developer")
    ]
    sources.append(_context(before))
    if not any(sources) and "\n" in text:
        # No marks at all: the last line, or the first with a question mark, asks about the others.
        lines = [line for line in text.splitlines() if line.strip()]
        question = next((line for line in lines if line.rstrip().endswith("?")), lines[-1])
        sources = ["\n".join(line for line in lines if line is not question)]
    return question, [sentence for source in sources for sentence in sentences(source)]


def _context(text: str) -> str:
    """The part of a prompt that is context: between dashes, or after `Context:`; nothing where neither is."""
    fenced = _FENCED.search(text)
    if fenced:
        return fenced[1]
    marked = _CONTEXT.search(text)
    return marked[1] if marked else ""


def sentences(text: str) -> list[str]:
    """A text cut into sentences; headings of Markdown, and lines without a word, are left out."""
    cut = (part.strip() for part in _SENTENCE.split(text))
    return [part for part in cut if telling(part) and not _HEADING.match(part)]


def _overlap(question: str, sentence: str) -> float:
    asked, told = telling(question), telling(sentence)
    return len(asked & told) / math.sqrt(len(told) + 1)


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(left, right, strict=True))
    size = math.sqrt(sum(a * a for a in left) * sum(b * b for b in right))
    return dot / size if size else 0.0
