"""Answers about texts: moods, names, summaries, toy translations, masked words, and the right spot in a context."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from shared_core.testing.brains.words import COMMON, telling

__all__ = [
    "LANGUAGES",
    "entities",
    "masked",
    "mood",
    "question_answers",
    "sentences",
    "summary",
    "translated",
    "zero_shot",
]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_GOOD = _words("""amazing beautiful best brilliant delicious excellent fantastic fine friendly fun glad good great happy
    helpful like liked love loved lovely nice perfect pleased superb thanks wonderful""")
_BAD = _words("""angry annoying awful bad boring broken cold disappointed disgusting dreadful fail failed hate hated
    horrible late poor rude sad slow terrible ugly useless worse worst wrong""")
_NOT = _words("not no never hardly isn't wasn't don't didn't doesn't won't can't")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NAME = re.compile(r"[A-Z][\w'’-]*(?:\s+(?:of\s+|the\s+|de\s+|van\s+)?[A-Z][\w'’-]*)*")
_SENTENCE = re.compile(r"[^.!?]*[.!?]+(?=\s|$)|[^.!?]+$", re.DOTALL)
_MASKS = ("[MASK]", "<mask>")
_GUESSES = ("world", "time", "people", "day", "way", "life", "house", "city", "water", "music")
_ORGANISATION = re.compile(r"(?:Inc|Corp|GmbH|Ltd|University|Company|Institute|Bank|Face|AG|SE)\.?$")

LANGUAGES = _words("""ar cs da de el en es fi fr he hi hu it ja ko nl no pl pt ro ru sv tr uk vi zh""")
"""Languages that the offline translator claims to know, by the first letters of their codes."""


def mood(text: str) -> list[dict[str, Any]]:
    """POSITIVE and NEGATIVE with their scores, the higher first, by words that tell a mood."""
    good, bad, turned = 0, 0, False
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if word in _NOT:
            turned = True
            continue
        found_good, found_bad = word in _GOOD, word in _BAD
        if found_good or found_bad:
            good, bad = good + (found_good != turned), bad + (found_bad != turned)
            turned = False
    share = (good + 0.501) / (good + bad + 1)
    return _ranked({"POSITIVE": share, "NEGATIVE": 1 - share})


def _ranked(scores: dict[str, float]) -> list[dict[str, Any]]:
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return [{"label": label, "score": round(score, 6)} for label, score in ordered]


def zero_shot(text: str, labels: list[str], *, several: bool) -> list[dict[str, Any]]:
    """The labels by how many words they share with the text; `several` scores each by itself."""
    told = telling(text)
    weights = {
        label: 1.0 + 4 * len(telling(label) & told) + _tie(text, label) / 10
        for label in dict.fromkeys(labels)
    }
    if several:
        return _ranked({label: weight / (weight + 2) for label, weight in weights.items()})
    return _ranked({label: weight / sum(weights.values()) for label, weight in weights.items()})


def _tie(*words: str) -> float:
    """A number below 1 that the words draw, so that scores seldom tie."""
    return hashlib.sha256("\x00".join(words).encode("utf-8", "replace")).digest()[0] / 256


def entities(text: str, *, grouped: bool = True) -> list[dict[str, Any]]:
    """Runs of capitalised words as persons, places and organisations."""
    found: list[dict[str, Any]] = []
    for match in _NAME.finditer(text):
        start, words = match.start(), match[0]
        first = words.split()[0]
        opens = not text[:start].strip() or text[:start].rstrip()[-1:] in ".!?"
        if first.lower() in COMMON or (opens and " " not in words and first.lower() in _VERBS):
            cut = re.match(r"\S+\s*", words)
            start += cut.end() if cut else 0
            words = words[cut.end() :] if cut else ""
        if not words:
            continue
        kind = _kind(text[:start], words)
        score = round(0.9 + _tie(words) / 11, 6)
        if grouped:
            span = {"word": words, "start": start, "end": start + len(words)}
            found.append({"entity_group": kind, "score": score, **span})
            continue
        for number, part in enumerate(re.finditer(r"\S+", words)):
            at = start + part.start()
            label = f"{'I' if number else 'B'}-{kind}"
            span = {"word": part[0], "start": at, "end": at + len(part[0])}
            found.append({"entity": label, "score": score, "index": len(text[:at].split()) + 1, **span})
    return found


_VERBS = _words("hello hi dear please call tell meet yesterday today tomorrow when")


def _kind(before: str, words: str) -> str:
    if _ORGANISATION.search(words) or (words.isupper() and len(words) > 1):
        return "ORG"
    last = before.split()[-1].lower() if before.split() else ""
    return "LOC" if last in ("in", "from", "to", "near", "at", "of", "through") else "PER"


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [part.strip() for part in _SENTENCE.findall(text) if part.strip()]


def summary(text: str, longest: int | None = None) -> str:
    """The first sentence, cut to so many words."""
    first = next(iter(sentences(text)), text.strip())
    words = first.split()
    return " ".join(words[:longest]) if longest is not None else first


def translated(text: str, source: str | None, target: str | None) -> str:
    """Every word backwards, with its capitals where they were: doing it again gives the text back.

    Raises:
        ValueError: A language that is not known.
    """
    for code in (source, target):
        if code is not None and re.split(r"[_-]", code)[0].lower() not in LANGUAGES:
            raise ValueError(f"The language {code!r} is not supported by this model.")
    if source is not None and source == target:
        return text
    return re.sub(r"[^\W\d_]+", lambda match: _backwards(match[0]), text)


def _backwards(word: str) -> str:
    turned = word.lower()[::-1]
    if len(turned) != len(word):
        return word[::-1]
    return "".join(b.upper() if a.isupper() else b for a, b in zip(word, turned, strict=True))


def masked(text: str, targets: list[str] | None, count: int) -> Any:
    """Words for the mask, the likeliest first; a list for each mask where there are several.

    Raises:
        ValueError: There is no mask.
    """
    mask = next((mask for mask in _MASKS if mask in text), None)
    if mask is None:
        raise ValueError(f"No mask_token ({_MASKS[0]}) found on the input")
    own = [word for word in _WORD.findall(text.lower()) if word not in COMMON and word != "mask"]
    choices = list(dict.fromkeys(targets or [*_GUESSES, *own]))
    filled = []
    for place in range(text.count(mask)):
        ranked = sorted(choices, key=lambda word: -_tie(text, word, str(place)))[:count]
        total = sum(2.0**-rank for rank in range(len(choices))) + 1
        filled.append(
            [
                {
                    "score": round(2.0**-rank / total, 6),
                    "token": int.from_bytes(hashlib.sha256(word.encode()).digest()[:2], "big"),
                    "token_str": word,
                    "sequence": _replaced(text, mask, place, word),
                }
                for rank, word in enumerate(ranked)
            ]
        )
    return filled[0] if len(filled) == 1 else filled


def _replaced(text: str, mask: str, place: int, word: str) -> str:
    parts = text.split(mask)
    return mask.join(parts[: place + 1]) + word + mask.join(parts[place + 1 :])


def question_answers(question: str, context: str, count: int = 1) -> list[dict[str, Any]]:
    """Spans of the context: what the likeliest sentences tell beyond the question."""
    asked = telling(question)
    ranked = sorted(sentences(context), key=lambda one: -len(telling(one) & asked))
    answers: list[dict[str, Any]] = []
    for sentence in ranked:
        for span in _spans(question, sentence):
            start = context.find(span, context.find(sentence))
            if start < 0 or any(item["start"] == start for item in answers):
                continue
            score = round(0.95 / (1 + len(answers)) - _tie(question, span) / 50, 6)
            answers.append({"score": score, "start": start, "end": start + len(span), "answer": span})
    return answers[:count]


def _spans(question: str, sentence: str) -> list[str]:
    """Numbers first where a number is asked for, then names, then the last words."""
    lowered = question.lower()
    numbers = re.findall(r"\d[\d.,]*\d|\d", sentence)
    names = [item["word"] for item in entities(sentence) if item["word"].lower() not in lowered]
    rest = [word for word in sentence.rstrip(".!?").split() if telling(word) - telling(question)]
    first, second = (numbers, names) if re.match(r"(?:how|when|what year)\b", lowered) else (names, numbers)
    return [*first, *second, *rest[-1:]] or [sentence]
