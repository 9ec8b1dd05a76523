"""From a finished task to its reply: the values that `wire.tasks` reads, with who answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from shared_core.client.exchange import meta_of
from shared_core.client.jobs import Finished
from shared_core.media.kinds import sniff
from shared_core.media.parts import Segment, Sound
from shared_core.media.reply import MediaFile
from shared_core.types import Call, ModelRef, ReplyMeta
from shared_core.types.answers import Answers, TableAnswer, TextReply
from shared_core.wire import tasks

__all__ = ["READERS", "segments", "task_meta"]

T = TypeVar("T")

Reader = Callable[[Any, Call, Finished], Any]


def task_meta(call: Call, headers: Mapping[str, str]) -> ReplyMeta:
    """Who answered a task; the model by its id on the Hub, since most replies name none."""
    meta = meta_of(call, headers, "")
    return replace(meta, model=ModelRef.parse(call.request.model).repo)


def segments(raw: Any, call: Call, done: Finished) -> Answers[Segment]:
    """Masks: files that a job has made, or base64 in the reply itself."""
    if done.files:
        items = tuple(Segment("mask", file) for file in done.files)
    else:
        items = tuple(Segment(*_named(part)) for part in tasks.read_parts(raw, "mask"))
    return Answers(items, task_meta(call, done.headers), raw)


def _sounds(raw: Any, call: Call, done: Finished) -> Answers[Sound]:
    items = tuple(Sound(*_named(part)[:2]) for part in tasks.read_parts(raw, "blob"))
    return Answers(items, task_meta(call, done.headers), raw)


def _named(part: tasks.Part) -> tuple[str, MediaFile, float | None]:
    kind = sniff(part.blob.data) or part.blob.mime_type
    return part.label, MediaFile(kind, part.blob.data), part.score


def _answers(read: Callable[[Any], tuple[T, ...]]) -> Reader:
    return lambda raw, call, done: Answers(read(raw), task_meta(call, done.headers), raw)


def _texts(*keys: str) -> Reader:
    def read(raw: Any, call: Call, done: Finished) -> TextReply:
        texts = tasks.read_texts(raw, *keys)
        return TextReply(texts[0], task_meta(call, done.headers), texts, raw)

    return read


def _table(raw: Any, call: Call, done: Finished) -> TableAnswer:
    answer, cells, coordinates, aggregator = tasks.read_table(raw)
    return TableAnswer(answer, task_meta(call, done.headers), cells, coordinates, aggregator, raw)


READERS: Mapping[str, Reader] = {
    "text-classification": _answers(tasks.read_labels),
    "zero-shot-classification": _answers(tasks.read_ranking),
    "token-classification": _answers(tasks.read_entities),
    "audio-classification": _answers(tasks.read_labels),
    "image-classification": _answers(tasks.read_labels),
    "object-detection": _answers(tasks.read_detections),
    "image-segmentation": segments,
    "zero-shot-image-classification": _answers(tasks.read_ranking),
    "image-to-text": _texts("generated_text", "image_to_text"),
    "visual-question-answering": _answers(tasks.read_answers),
    "document-question-answering": _answers(tasks.read_answers),
    "question-answering": _answers(tasks.read_answers),
    "table-question-answering": _table,
    "summarization": _texts("summary_text", "generated_text"),
    "translation": _texts("translation_text", "generated_text"),
    "fill-mask": _answers(tasks.read_fillings),
    "sentence-similarity": _answers(tasks.read_numbers),
    "audio-to-audio": _sounds,
    "tabular-classification": _answers(tasks.read_classes),
    "tabular-regression": _answers(tasks.read_numbers),
}
"""What becomes of a classic task's JSON."""
