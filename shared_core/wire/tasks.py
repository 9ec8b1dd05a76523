"""What the classic tasks answer, from JSON of any recorded shape to values.

hf-inference wraps one answer in a list, or in a list of lists, or not at all, by task, model and year; nothing
here depends on which. Masks and sounds come in base64, and leave as bytes.

Sources: the recordings (2023 to 2025), huggingface_hub's generated types (2.4.0).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from shared_core.errors import MalformedResponse
from shared_core.types.answers import Answer, Box, Detection, Entity, Filling, Label
from shared_core.types.tasks import Blob
from shared_core.wire.errors import classify_body

__all__ = [
    "Part",
    "read_answers",
    "read_classes",
    "read_detections",
    "read_entities",
    "read_fillings",
    "read_labels",
    "read_numbers",
    "read_parts",
    "read_ranking",
    "read_table",
    "read_texts",
]

T = TypeVar("T")


class Part(NamedTuple):
    """A labelled mask or sound, as the provider sends it.

    Args:
        label: Its name.
        score: None where the provider gives none.
        blob: Its bytes; the type is what the provider says, "" where it says nothing.
    """

    label: str
    score: float | None
    blob: Blob


def read_labels(raw: Any) -> tuple[Label, ...]:
    """Classes: `[{"label", "score"}]`, the same in a list, or one by itself."""
    return _each(raw, _label, "classes")


def read_ranking(raw: Any) -> tuple[Label, ...]:
    """Labels that were given, by how well they fit: as `read_labels`, or `{"labels", "scores", "sequence"}`."""
    value = _unwrapped(raw)
    alone = value[0] if isinstance(value, list) and len(value) == 1 else value
    labels, scores = _get(alone, "labels"), _get(alone, "scores")
    if not isinstance(labels, list) or not isinstance(scores, list):
        return read_labels(raw)
    if len(labels) != len(scores):
        raise _malformed("labels", alone)
    pairs = [{"label": label, "score": score} for label, score in zip(labels, scores, strict=True)]
    return _each(pairs, _label, "labels")


def read_entities(raw: Any) -> tuple[Entity, ...]:
    """Names in a text: `[{"entity_group" | "entity", "word", "score", "start", "end"}]`."""
    return _each(raw, _entity, "entities")


def read_detections(raw: Any) -> tuple[Detection, ...]:
    """Things in a picture: `[{"label", "score", "box": {"xmin", "ymin", "xmax", "ymax"}}]`."""
    return _each(raw, _detection, "things in the picture")


def read_answers(raw: Any) -> tuple[Answer, ...]:
    """Answers to a question: one, or a list."""
    return _each(raw, _answer, "answers")


def read_fillings(raw: Any) -> tuple[Filling, ...]:
    """Words for a mask: a list, or one for each mask of the text."""
    value = _checked(raw)
    lists = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    return tuple(
        filling for mask, words in enumerate(lists) for filling in _each(words, _filling(mask), "words")
    )


def read_parts(raw: Any, key: str) -> tuple[Part, ...]:
    """Masks or sounds in base64.

    Args:
        raw: `[{"label", "score", KEY: base64, "content-type"}]`.
        key: "mask" or "blob".
    """

    def part(entry: Mapping[str, Any]) -> Part | None:
        label, text = entry.get("label"), entry.get(key)
        if not isinstance(label, str | None) or not isinstance(text, str):
            return None
        declared = entry.get("content-type") or entry.get("content_type")
        blob = _decoded(text, declared if isinstance(declared, str) else "")
        return Part(label or "", _score(entry), blob)

    return _each(raw, part, "masks" if key == "mask" else "sounds")


def read_texts(raw: Any, *keys: str) -> tuple[str, ...]:
    """Texts that were made: `[{KEY: text}]`, the same in lists, or one by itself.

    Args:
        raw: The JSON.
        keys: What the text is called, in order of preference.
    """

    def text(entry: Mapping[str, Any]) -> str | None:
        return next((entry[key] for key in keys if isinstance(entry.get(key), str)), None)

    value = _checked(raw)
    if isinstance(value, list) and value and all(isinstance(each, list) for each in value):
        value = [entry for each in value for entry in each]  # several inputs, a list for each
    found = _each(value, text, "texts")
    if not found:
        raise _malformed("texts", raw)
    return found


def read_table(raw: Any) -> tuple[str, tuple[str, ...], tuple[tuple[int, int], ...], str]:
    """An answer from a table: its text, cells, coordinates and aggregator."""
    value = _unwrapped(raw)
    entry = value[0] if isinstance(value, list) and value else value
    answer = _get(entry, "answer")
    if not isinstance(answer, str):
        raise _malformed("an answer", raw)
    cells, places = _get(entry, "cells"), _get(entry, "coordinates")
    pairs = [
        (place[0], place[1])
        for place in (places if isinstance(places, list) else ())
        if isinstance(place, list) and len(place) == 2 and all(type(number) is int for number in place)
    ]
    aggregator = _get(entry, "aggregator")
    return (
        answer,
        tuple(str(cell) for cell in (cells if isinstance(cells, list) else ())),
        tuple(pairs),
        aggregator if isinstance(aggregator, str) else "",
    )


def read_numbers(raw: Any) -> tuple[float, ...]:
    """Numbers, one for each row or sentence."""
    value = _unwrapped(raw)
    numbers = value if isinstance(value, list) else [value]
    if not all(_is_number(number) for number in numbers):
        raise _malformed("numbers", raw)
    return tuple(float(number) for number in numbers)


def read_classes(raw: Any) -> tuple[str, ...]:
    """Classes, one for each row; numbers stand for themselves."""
    value = _unwrapped(raw)
    classes = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int | float) for each in classes):
        raise _malformed("classes", raw)
    return tuple(str(each) for each in classes)


# -- one entry each; None is no entry ---------------------------------------------------------------------


def _label(entry: Mapping[str, Any]) -> Label | None:
    label = entry.get("label")
    return Label(label, _score(entry)) if isinstance(label, str) else None


def _entity(entry: Mapping[str, Any]) -> Entity | None:
    label, word = entry.get("entity_group") or entry.get("entity"), entry.get("word")
    if not isinstance(label, str) or not isinstance(word, str):
        return None
    return Entity(label, word, _score(entry), _whole(entry, "start"), _whole(entry, "end"))


def _detection(entry: Mapping[str, Any]) -> Detection | None:
    label, box = entry.get("label"), entry.get("box")
    sides = [_get(box, side) for side in ("xmin", "ymin", "xmax", "ymax")]
    if not isinstance(label, str) or not all(_is_number(side) for side in sides):
        return None
    return Detection(label, Box(*sides), _score(entry))


def _answer(entry: Mapping[str, Any]) -> Answer | None:
    answer = entry.get("answer")
    if not isinstance(answer, str):
        return None
    return Answer(answer, _score(entry), _whole(entry, "start"), _whole(entry, "end"))


def _filling(mask: int) -> Callable[[Mapping[str, Any]], Filling | None]:
    def read(entry: Mapping[str, Any]) -> Filling | None:
        word, text = entry.get("token_str"), entry.get("sequence")
        if not isinstance(word, str):
            return None
        whole = text if isinstance(text, str) else ""
        return Filling(word, whole, _score(entry), _whole(entry, "token"), mask)

    return read


# -- their parts ------------------------------------------------------------------------------------------


def _each(raw: Any, read: Callable[[Mapping[str, Any]], T | None], what: str) -> tuple[T, ...]:
    value = _unwrapped(raw)
    entries = value if isinstance(value, list) else [value]
    found: list[T] = []
    for entry in entries:
        item = read(entry) if isinstance(entry, Mapping) else None
        if item is None:
            raise _malformed(what, entry)
        found.append(item)
    return tuple(found)


def _unwrapped(raw: Any) -> Any:
    """Without lists of one list around it."""
    value = _checked(raw)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return value


def _checked(raw: Any) -> Any:
    if isinstance(raw, Mapping) and raw.get("error"):
        raise classify_body(raw)
    return raw


def _decoded(text: str, declared: str) -> Blob:
    """The bytes, from bare base64 or from a `data:` address."""
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        declared = declared or head.removeprefix("data:").partition(";")[0]
    try:
        return Blob(base64.b64decode(text, validate=True), declared)
    except (binascii.Error, ValueError):
        raise MalformedResponse(
            "A file in the reply came in base64 that cannot be read.", reactions=()
        ) from None


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _score(entry: Mapping[str, Any]) -> float | None:
    score = entry.get("score")
    return float(score) if isinstance(score, int | float) and _is_number(score) else None


def _whole(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    return value if type(value) is int else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _malformed(what: str, value: Any) -> MalformedResponse:
    shown = type(value).__name__
    if isinstance(value, Mapping):
        shown = "an object with " + (", ".join(repr(str(key)[:40]) for key in list(value)[:6]) or "nothing")
    return MalformedResponse(
        f"The reply holds no {what.removeprefix('an ')} that can be read: there is {shown}.",
        hint="The model may be one for another task; its page on the Hub says which.",
        reactions=(),
    )
