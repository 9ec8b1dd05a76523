"""hf-inference's classic tasks: what each takes from a body, and the shape of what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared_core.testing.classic import sights, sounds, tables, texts
from shared_core.testing.studio.pictures import opened
from shared_core.testing.studio.sound import heard, seconds_of

from .fields import Fields

__all__ = ["BINARY", "CLASSICS"]

BINARY = {
    "image-to-image": "image/",
    "image-segmentation": "image/",
    "image-classification": "image/",
    "object-detection": "image/",
    "zero-shot-image-classification": "image/",
    "image-to-text": "image/",
    "visual-question-answering": "image/",
    "document-question-answering": "image/",
    "automatic-speech-recognition": "audio/",
    "audio-classification": "audio/",
    "audio-to-audio": "audio/",
}
"""Tasks about a file, and what kind of file."""

Classic = Callable[[Fields, Fields, bytes, bool], Any]
"""From the body's fields, its parameters, the file, and whether the shapes of 2025 are wanted."""


def _texts(fields: Fields) -> tuple[list[str], bool]:
    """The texts, and whether one was sent by itself."""
    value = fields.values.get("inputs")
    if isinstance(value, list):
        if not value or not all(isinstance(text, str) for text in value):
            raise fields.words.wrong("inputs", "a string")
        return value, False
    return [fields.text("inputs")], True


def _labels(given: Fields) -> list[str]:
    value = given.values.get("candidate_labels")
    if value is None:
        raise given.words.missing("parameters.candidate_labels")
    if isinstance(value, str):
        value = [label.strip() for label in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise given.words.wrong("parameters.candidate_labels", "a list")
    if not value:
        raise ValueError("You must include at least one label.")
    return value


def _moods(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    count = given.whole("top_k", 1, 100) or 2
    return [texts.mood(text)[:count] for text in _texts(fields)[0]]


def _zero_shot(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    labels = _labels(given)
    template = given.text("hypothesis_template", "This example is {}.")
    if "{}" not in template:
        raise ValueError(
            "The provided hypothesis_template was not able to be formatted with the target labels."
        )
    found, alone = _texts(fields)
    several = bool(given.values.get("multi_label"))
    ranked = [texts.zero_shot(text, labels, several=several) for text in found]
    if not older:
        return ranked[0] if alone else ranked
    shaped = [
        {
            "sequence": text,
            "labels": [one["label"] for one in ranks],
            "scores": [one["score"] for one in ranks],
        }
        for text, ranks in zip(found, ranked, strict=True)
    ]
    return shaped[0] if alone else shaped


def _entities(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    strategy = given.text("aggregation_strategy", "simple")
    if strategy not in ("none", "simple", "first", "average", "max"):
        raise ValueError(f"{strategy!r} is not a valid AggregationStrategy")
    found, alone = _texts(fields)
    ignored = given.values.get("ignore_labels") or []
    tagged = [
        [one for one in texts.entities(text, grouped=strategy != "none") if _tag(one) not in ignored]
        for text in found
    ]
    return tagged[0] if alone else tagged


def _tag(entity: dict[str, Any]) -> str:
    return str(entity.get("entity_group") or entity.get("entity"))


def _summaries(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    inside = given.inner("generate_parameters")
    longest = given.whole("max_length", 1, 1e6) or inside.whole("max_length", 1, 1e6)
    return [{"summary_text": texts.summary(text, longest)} for text in _texts(fields)[0]]


def _translations(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    source = given.text("src_lang", "") or None
    target = given.text("tgt_lang", "") or None
    return [{"translation_text": texts.translated(text, source, target)} for text in _texts(fields)[0]]


def _masked(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    targets = given.values.get("targets")
    targets = [targets] if isinstance(targets, str) else targets
    count = given.whole("top_k", 1, 1000) or 5
    found, alone = _texts(fields)
    filled = [texts.masked(text, targets, count) for text in found]
    return filled[0] if alone else filled


def _answers(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del older
    inside = fields.inner("inputs") if fields.has("inputs") else fields
    question, context = inside.text("question"), inside.text("context")
    count = given.whole("top_k", 1, 100) or 1
    found = texts.question_answers(question, context, count)
    return found[0] if count == 1 else found


def _table_of(fields: Fields) -> dict[str, list[str]]:
    inside = fields.inner("inputs")
    table = inside.values.get("data") or inside.values.get("table") or fields.values.get("table")
    if table is None:
        raise fields.words.missing("inputs.table")
    return tables.checked_table(table)


def _table(fields: Fields, given: Fields, _: bytes, older: bool) -> Any:
    del given, older
    inside = fields.inner("inputs")
    asked = inside if inside.has("query") or inside.has("question") else fields
    query = asked.text("query" if asked.has("query") or not asked.has("question") else "question")
    return tables.table_answer(query, _table_of(fields))


def _see(look: Callable[[Any, Fields, Fields], Any]) -> Classic:
    """A task about a picture, which is opened first."""
    return lambda fields, given, file, _: look(opened(file), fields, given)


def _question(fields: Fields) -> str:
    inside = fields.inner("inputs") if isinstance(fields.values.get("inputs"), dict) else fields
    return inside.text("question")


def _boxes(given: Fields) -> list[Any] | None:
    value = given.values.get("word_boxes")
    if value is not None and not isinstance(value, list):
        raise given.words.wrong("parameters.word_boxes", "a list")
    return value


def _transcript(_: Fields, given: Fields, file: bytes, older: bool) -> Any:
    del older
    text = heard(file)
    if given.values.get("return_timestamps"):
        return {"text": text, "chunks": [{"text": text, "timestamp": [0.0, seconds_of(file)]}]}
    return {"text": text}


CLASSICS: dict[str, Classic] = {
    "text-classification": _moods,
    "zero-shot-classification": _zero_shot,
    "token-classification": _entities,
    "summarization": _summaries,
    "translation": _translations,
    "fill-mask": _masked,
    "question-answering": _answers,
    "table-question-answering": _table,
    "tabular-classification": lambda fields, *_: tables.classes(_table_of(fields)),
    "tabular-regression": lambda fields, *_: tables.values(_table_of(fields)),
    "image-classification": _see(
        lambda seen, _, given: sights.colours(seen, given.whole("top_k", 1, 100) or 5)
    ),
    "object-detection": _see(
        lambda seen, _, given: sights.detected(seen, given.number("threshold", 0, 1, 0.5) or 0)
    ),
    "image-segmentation": _see(lambda seen, *_: sights.masks(seen)),
    "zero-shot-image-classification": _see(lambda seen, _, given: sights.fitting(seen, _labels(given))),
    "image-to-text": _see(lambda seen, *_: [{"generated_text": sights.caption(seen)}]),
    "visual-question-answering": _see(
        lambda seen, fields, given: sights.asked_about(
            seen, _question(fields), given.whole("top_k", 1, 100) or 5
        )
    ),
    "document-question-answering": _see(
        lambda seen, fields, given: sights.document_answers(
            seen, _question(fields), _boxes(given), given.whole("top_k", 1, 100) or 1
        )
    ),
    "automatic-speech-recognition": _transcript,
    "audio-classification": lambda _, given, file, __: sounds.kinds(file, given.whole("top_k", 1, 100) or 5),
    "audio-to-audio": lambda _, __, file, ___: sounds.parts(file),
}
