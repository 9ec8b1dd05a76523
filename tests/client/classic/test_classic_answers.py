"""The classic tasks, by threads and by event loops: what each answers, and who did."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.client.classic_asking import _TASKS
from shared_core.client.task_replies import READERS
from shared_core.media import MediaFile
from shared_core.testing import MediaQuirks
from shared_core.types import Answers, Label
from tests.client.classic.conftest import PICTURE, SOUND, TABLE, Ask, model_of

CALLS: dict[str, tuple[tuple[Any, ...], Callable[[Any], Any], Any]] = {
    "text_classification": (("I love it",), lambda r: r[0].label, "POSITIVE"),
    "zero_shot_classification": (("A refund, please", ["faq", "refund"]), lambda r: r[0].label, "refund"),
    "token_classification": (
        ("I saw Ada in Paris",),
        lambda r: [(e.label, e.word, e.start, e.end) for e in r],
        [("PER", "Ada", 6, 9), ("LOC", "Paris", 13, 18)],
    ),
    "question_answering": (
        ("Who wrote it?", "Ada wrote it."),
        lambda r: (r[0].answer, r[0].start),
        ("Ada", 0),
    ),
    "table_question_answering": (
        (TABLE, "How many stars does Datasets have?"),
        lambda r: (r.answer, r.cells, r.coordinates, r.aggregator),
        ("4512", ("4512",), ((1, 1),), "NONE"),
    ),
    "summarization": (
        ("One thing. Another thing.",),
        lambda r: (r.text, r.texts),
        ("One thing.", ("One thing.",)),
    ),
    "translation": ((["Hello", "you"],), lambda r: (r.text, r.texts), ("Olleh", ("Olleh", "uoy"))),
    "fill_mask": (
        ("Paris is [MASK].",),
        lambda r: (len(r), r[0].sequence == f"Paris is {r[0].token_str}."),
        (5, True),
    ),
    "sentence_similarity": (("a cat", ["a cat", "some dogs"]), lambda r: (r[0], r[1] < 0.9), (1.0, True)),
    "tabular_classification": (({"a": [1, 2], "b": [3, 4]},), list, ["0", "1"]),
    "tabular_regression": (({"a": [1, 2], "b": [3, 4]},), list, [4.0, 6.0]),
    "image_classification": ((PICTURE,), lambda r: sum(e.score for e in r) > 0.9, True),
    "zero_shot_image_classification": (
        (PICTURE, ["frog", "car"]),
        lambda r: r[0].label,
        "frog",
    ),
    "object_detection": ((PICTURE,), lambda r: all(e.box.width > 0 for e in r), True),
    "image_to_text": ((PICTURE,), lambda r: "a green frog on a red ball" in r.text, True),
    "visual_question_answering": ((PICTURE, "Is it purple?"), lambda r: r[0].answer, "no"),
    "document_question_answering": ((PICTURE, "What is on the ball?"), lambda r: len(r), 1),
    "audio_classification": ((SOUND,), lambda r: r[0].label, "speech"),
    "audio_to_audio": (
        (SOUND,),
        lambda r: [(e.label, e.audio.mime_type, e.audio.duration is not None) for e in r],
        [("label_0", "audio/wav", True), ("label_1", "audio/wav", True)],
    ),
}


@pytest.mark.parametrize("method", CALLS)
def test_each_task_answers_with_values_and_says_who_did(ask: Ask, method: str) -> None:
    given, look, wanted = CALLS[method]
    reply = ask(method, *given, model=model_of(method))
    assert look(reply) == wanted
    assert (reply.meta.provider, reply.meta.model, reply.meta.attempts) == (
        "hf-inference",
        model_of(method),
        1,
    )
    assert reply.raw


def test_every_task_has_a_call_here_and_a_method_on_both_clients() -> None:
    methods = {task.replace("-", "_") for task in READERS}
    assert methods == CALLS.keys() | {"image_segmentation"}
    assert READERS.keys() | {"text-generation"} == _TASKS.keys()
    for method in methods:
        assert callable(getattr(HFRouter, method))
        assert asyncio.iscoroutinefunction(getattr(AsyncHFRouter, method))


def test_a_reply_of_several_answers_is_a_sequence(ask: Ask) -> None:
    reply = ask("text_classification", "I love it", model="offline/text-classification")
    assert isinstance(reply, Answers)
    assert [each.label for each in reply] == ["POSITIVE", "NEGATIVE"]
    assert (len(reply), reply[-1].label, len(reply[:1])) == (2, "NEGATIVE", 1)
    assert isinstance(reply[0], Label)
    assert reply[0] in reply
    assert (reply.provider, reply.model) == ("hf-inference", "offline/text-classification")
    assert pickle.loads(pickle.dumps(reply)) == reply


@pytest.mark.parametrize("provider", ["hf-inference", "fal-ai"])
def test_masks_are_pictures_whoever_makes_them(ask: Ask, provider: str, tmp_path: Path) -> None:
    reply = ask("image_segmentation", PICTURE, model=f"offline/segmenter:{provider}", threshold=0.5)
    assert reply.meta.provider == provider
    segment = reply[0]
    assert isinstance(segment.mask, MediaFile)
    assert (segment.mask.mime_type, segment.mask.width, segment.mask.height) == ("image/png", 64, 64)
    assert segment.mask.save(tmp_path / "mask").name == "mask.png"
    assert (segment.label == "mask") == (provider == "fal-ai")


def test_a_mask_that_lies_on_another_host_is_fetched_without_the_token(ask: Ask, host: Any) -> None:
    reply = ask("image_segmentation", PICTURE, model="offline/segmenter:fal-ai")
    assert reply[0].mask.data.startswith(b"\x89PNG")
    fetched = [one for one in host.requests if one.path.startswith("/files/")]
    assert not [one for one in fetched if "authorization" in one.headers]


def test_shapes_of_2025_are_read_like_those_of_today(ask: Ask, host: Any) -> None:
    today = ask(
        "zero_shot_classification", "refund", ["faq", "refund"], model="offline/zero-shot-classification"
    )
    host.queue(MediaQuirks(older=True), path="/hf-inference/*")
    older = ask(
        "zero_shot_classification", "refund", ["faq", "refund"], model="offline/zero-shot-classification"
    )
    assert list(older) == list(today)
    assert older.raw != today.raw
