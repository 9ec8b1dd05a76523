"""Answers about pictures: their colours, their patches, and the caption that the offline painter left in them."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from shared_core.testing.brains.words import Reading, telling
from shared_core.testing.studio.pictures import (
    caption_of,
    colour_shares,
    encode,
    find,
    named_colour,
    segment,
)

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["asked_about", "caption", "colours", "detected", "document_answers", "fitting", "masks"]


def colours(picture: Image, count: int = 5) -> list[dict[str, Any]]:
    """The picture's colours by their share of it."""
    return [{"label": name, "score": round(share, 6)} for name, share in colour_shares(picture)[:count]]


def detected(picture: Image, threshold: float = 0.5) -> list[dict[str, Any]]:
    """Patches that stand out from the ground, the largest first."""
    found = []
    for patch in find(picture)[:20]:
        score = round(min(0.99, 0.6 + patch.share), 6)
        if score >= threshold:
            sides = ("xmin", "ymin", "xmax", "ymax")
            box = dict(zip(sides, patch.box, strict=True))
            found.append({"score": score, "label": f"{patch.colour} shape", "box": box})
    return found


def masks(picture: Image) -> list[dict[str, Any]]:
    """The largest patches, each with a mask: white where it is."""
    return [
        {
            "score": round(min(0.99, 0.6 + patch.share), 6),
            "label": patch.colour,
            "mask": base64.b64encode(encode(patch.mask)).decode(),
        }
        for patch in segment(picture)[:5]
    ]


def fitting(picture: Image, labels: list[str]) -> list[dict[str, Any]]:
    """The labels by the share of the colours that they name, and by words of the picture's caption."""
    shares, told = dict(colour_shares(picture)), telling(caption_of(picture))
    weights = {
        label: 0.05 + shares.get(named_colour(label), 0.0) + len(telling(label) & told)
        for label in dict.fromkeys(labels)
    }
    ordered = sorted(weights.items(), key=lambda item: -item[1])
    total = sum(weights.values())
    return [{"score": round(weight / total, 6), "label": label} for label, weight in ordered]


def caption(picture: Image) -> str:
    """What is to be seen, as far as it can be told."""
    main = colour_shares(picture)[0][0]
    of = f" of {told}" if (told := caption_of(picture)) else ""
    return f"a picture{of} that is mostly {main}, {picture.width} by {picture.height} pixels"


def asked_about(picture: Image, question: str, count: int = 5) -> list[dict[str, Any]]:
    """Answers to a question about a picture."""
    shares = colour_shares(picture)
    named = named_colour(question)
    if re.match(r"how many\b", question.strip(), re.I):
        return [{"score": 0.9, "answer": str(len(find(picture)))}]
    if named and re.match(r"(?:is|are|does|do|was|can)\b", question.strip(), re.I):
        share = dict(shares).get(named, 0.0)
        yes = round(min(0.99, 0.5 + share / 2) if share > 0.05 else 0.05, 6)
        answers = [{"score": yes, "answer": "yes"}, {"score": round(1 - yes, 6), "answer": "no"}]
        return sorted(answers, key=lambda item: -float(str(item["score"])))[:count]
    return [{"score": round(share, 6), "answer": name} for name, share in shares[:count]]


def document_answers(
    picture: Image, question: str, boxes: list[Any] | None, count: int = 1
) -> list[dict[str, Any]]:
    """The word after those that the question names, in the words given or in the picture's caption.

    Raises:
        ValueError: There are no words to be read.
    """
    words = [item for item in boxes or [] if isinstance(item, str)]
    words = words or [str(item[0]) for item in boxes or [] if isinstance(item, list) and item] or []
    words = words or caption_of(picture).split()
    if not words:
        raise ValueError("Could not find any words in the document: give word_boxes")
    asked, reading = telling(question), Reading(question)
    named = [
        place
        for place, word in enumerate(words)
        if telling(word) & asked or reading.mentions(word.strip(".,:"))
    ]
    after = [place + 1 for place in named if place + 1 < len(words) and place + 1 not in named]
    places = list(dict.fromkeys([*after[::-1], *(p for p in range(len(words)) if p not in named), *named]))
    return [
        {
            "score": round(0.9 / (1 + rank), 6),
            "answer": words[place].strip(".,:"),
            "start": place,
            "end": place,
        }
        for rank, place in enumerate(places[:count])
    ]
