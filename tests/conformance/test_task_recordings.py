"""Every recording of a task other than chat and embeddings comes out right, by threads and by an event loop.

Recordings with `via_router: yes` pin our request too, where the recorded one is complete. The others come from
older addresses and from providers' own hosts: they prove how replies are read, and nothing about addresses.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared_core import errors

from .conftest import ABSENT, FOLDER, TASKS
from .stage import PLAYED_BY, PNG, ROUTER, WAV, Stage

KINDS = ["threads", "event loop"]

Ask = Callable[[Any], tuple[str, tuple[Any, ...], dict[str, Any]]]
"""From the recorded body to a method of ours, its arguments and options."""


def _medium(asked: Any, stand_in: bytes) -> bytes:
    """The recorded file, or one in its place where none was stored."""
    return asked if isinstance(asked, bytes) else stand_in


def _of_data_url(asked: Any) -> bytes:
    url = (asked or {}).get("audio_url", "")
    return base64.b64decode(url.partition(",")[2]) if url else WAV


def _hears(asked: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return "transcribe", (asked if isinstance(asked, bytes) else _of_data_url(asked),), {}


def _inputs(method: str, *names: str) -> Ask:
    """Of a body with a text in `inputs`, and parameters by our names."""
    return lambda asked: (
        method,
        (asked["inputs"], *(asked["parameters"][name] for name in names)),
        {key: value for key, value in (asked.get("parameters") or {}).items() if key not in names},
    )


def _writes(asked: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    prompt = asked.get("prompt") or asked["inputs"]
    prompt = prompt if isinstance(prompt, str) else prompt["text"]
    if "prompt" in asked:
        return "text_generation", (prompt,), {"max_new_tokens": asked["max_tokens"], "temperature": 0}
    # What we send without being asked is left out, so that the recorded request can be compared.
    bare = {"details": None} if asked.get("stream") else {"return_full_text": None}
    options = {**(asked.get("parameters") or {}), **bare}
    return ("stream_text" if asked.get("stream") else "text_generation"), (prompt,), options


def _draws(asked: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    prompt = asked.get("prompt") or asked.get("inputs") or asked["input"]["prompt"]
    size = {side: asked[side] for side in ("width", "height") if side in asked}
    return "text_to_image", (prompt,), size


def _sums_up(asked: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    # The older interface took the model's own parameters beside the pipeline's.
    own = asked.get("parameters")
    return "summarization", (asked["inputs"],), {"generate_parameters": own} if own else {}


ASKED: Mapping[str, Ask] = {
    "audio-classification": lambda asked: ("audio_classification", (_medium(asked, WAV),), {}),
    "audio-to-audio": lambda asked: ("audio_to_audio", (_medium(asked, WAV),), {}),
    "automatic-speech-recognition": _hears,
    "conversational-legacy": _writes,
    "document-question-answering": lambda asked: ("document_question_answering", (PNG, "Which?"), {}),
    "fill-mask": _inputs("fill_mask"),
    "hub-model-info": lambda asked: ("embed", (["a text"],), {}),
    "image-classification": lambda asked: ("image_classification", (PNG,), {}),
    "image-to-text": lambda asked: ("image_to_text", (PNG,), {}),
    "object-detection": lambda asked: ("object_detection", (PNG,), {}),
    "sentence-similarity": lambda asked: (
        "sentence_similarity",
        (asked["source_sentence"], asked["sentences"]),
        {},
    ),
    "summarization": _sums_up,
    "table-question-answering": lambda asked: (
        "table_question_answering",
        (asked["table"], asked["query"]),
        {},
    ),
    "tabular-regression": lambda asked: ("tabular_regression", (asked["inputs"]["data"],), {}),
    "text-generation": _writes,
    "text-to-image": _draws,
    "text-to-speech": lambda asked: ("text_to_speech", (asked.get("inputs") or asked["input"]["text"],), {}),
    "token-classification": _inputs("token_classification"),
    "translation": _inputs("translation"),
    "zero-shot-classification": lambda asked: (
        "zero_shot_classification",
        (
            asked["inputs"] if isinstance(asked["inputs"], str) else asked["inputs"][0],
            asked["parameters"]["candidate_labels"],
        ),
        {key: value for key, value in asked["parameters"].items() if key != "candidate_labels"},
    ),
    "zero-shot-image-classification": lambda asked: (
        "zero_shot_image_classification",
        (PNG, ["animal", "toy", "car"]),
        {},
    ),
}


def _fields(*names: str, **ours: str) -> Callable[[Any, Any], None]:
    """Each entry of a list has these fields with these values."""

    def look(reply: Any, said: Any) -> None:
        entries = said if isinstance(said, list) else [said]
        assert len(reply) == len(entries) > 0
        for item, entry in zip(reply, entries, strict=True):
            for name in names:
                assert getattr(item, ours.get(name, name)) == entry[name]

    return look


def _scores(reply: Any, said: Any) -> None:
    said = said[0] if isinstance(said, list) else said
    pairs = list(zip(said["labels"], said["scores"], strict=True))
    assert [(each.label, each.score) for each in reply] == pairs


def _boxes(reply: Any, said: Any) -> None:
    _fields("label", "score")(reply, said)
    for found, entry in zip(reply, said, strict=True):
        assert {side: getattr(found.box, side) for side in entry["box"]} == entry["box"]


def _sounds(reply: Any, said: Any) -> None:
    assert [each.label for each in reply] == ["label_0", "label_1"]
    for sound, entry in zip(reply, said, strict=True):
        assert sound.audio.data == base64.b64decode(entry["blob"])
        assert (sound.audio.mime_type, entry["content-type"]) == ("audio/flac", "audio/flac")
        assert sound.audio.duration is None  # written as a stream: its head does not say


def _transcribed(reply: Any, said: Any) -> None:
    assert reply.text == said["text"].strip()
    pieces = [(each.text, each.start, each.end) for each in reply.chunks]
    assert pieces == [(each["text"].strip(), *each["timestamp"]) for each in said.get("chunks", [])]
    assert reply.language == next(iter(said.get("inferred_languages", [])), "")


def _texts(name: str) -> Callable[[Any, Any], None]:
    def look(reply: Any, said: Any) -> None:
        assert reply.texts == tuple(entry[name] for entry in said)
        assert reply.text == reply.texts[0]

    return look


def _looked_up(reply: Any, said: Any) -> None:
    assert (reply.answer, reply.aggregator) == (said["answer"], said["aggregator"])
    assert [list(place) for place in reply.coordinates] == said["coordinates"]
    assert list(reply.cells) == said["cells"]


def _written(reply: Any, said: Any) -> None:
    entry = said[0] if isinstance(said, list) else said
    choice = entry.get("choices", [entry])[0]
    assert reply.text == (choice.get("text") or choice["generated_text"])
    assert reply.finish_reason == choice.get("finish_reason")
    usage = entry.get("usage")
    assert (reply.usage and reply.usage.raw) == usage


def _numbers(reply: Any, said: Any) -> None:
    assert list(reply) == said


LOOK: Mapping[str, Callable[[Any, Any], None]] = {
    "audio-classification": _fields("label", "score"),
    "audio-to-audio": _sounds,
    "automatic-speech-recognition": _transcribed,
    "conversational-legacy": _written,
    "document-question-answering": _fields("answer", "score", "start", "end"),
    "fill-mask": _fields("token_str", "sequence", "score", "token"),
    "image-classification": _fields("label", "score"),
    "image-to-text": _texts("generated_text"),
    "object-detection": _boxes,
    "sentence-similarity": _numbers,
    "summarization": _texts("summary_text"),
    "table-question-answering": _looked_up,
    "tabular-regression": _numbers,
    "text-generation": _written,
    "token-classification": _fields("entity_group", "word", "score", "start", "end", entity_group="label"),
    "translation": _texts("translation_text"),
    "zero-shot-classification": _scores,
    "zero-shot-image-classification": _fields("label", "score"),
}
"""A naive reading of the recorded JSON, by task."""

ERRORS: Mapping[str, tuple[type[errors.RouterError], str]] = {
    "hf-inference_does-not-exist-123_404_2025-02": (
        errors.ModelNotServed,
        "does-not-exist-123 does not exist",
    ),
    "hf-inference_this-model-does-not-exist-123_404_2023-04": (errors.ModelNotServed, "does not exist"),
    "hf-inference_llama-3-2-3b_error-in-stream_stream_2025-01": (errors.InputTooLong, "must be <= 4096"),
    "hub_distilbert-base-nli-mean-tokens_2023-05": (errors.ModelNotServed, "does not serve"),
    "fal-ai_flux-lora_validation_422_2025-04": (errors.BadRequest, "str type expected"),
    "replicate_flux-schnell_422_2025-01": (errors.BadRequest, "provider is not allowed"),
    "replicate_sdxl-lightning-4step_422_2025-01": (errors.BadRequest, "model is not allowed"),
    "replicate_v-5599ed30_422_2025-01": (errors.BadRequest, "provider is not allowed"),
    "together_missing-model_400_2025-01": (errors.BadRequest, "Invalid request"),
}
"""What each recorded failure must become. The Hub's old entry names no provider, which is one for whoever asks."""

MOVED = {
    "table-question-answering": "query and table stood beside `inputs`; huggingface_hub puts them into it since 0.30",
}
"""Tasks whose body has another form today: it is compared with huggingface_hub's (tests/contract) instead."""


def asked_like(stage: Stage) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return ASKED[stage.recording.scenario["task"]](stage.asked)


def sent_like_recorded(stage: Stage) -> None:
    """Our request is the recorded one, less what a library adds without meaning (empty parameters, nulls)."""
    ((method, url, headers, body),) = stage.requests
    recorded = stage.recording
    assert headers["authorization"] == "Bearer hf_canary"
    if recorded.scenario["via_router"] != "yes" or recorded.scenario["provider"] in PLAYED_BY:
        return
    assert (method, url) == ("POST", recorded.url)
    if stage.task in MOVED:
        assert headers["content-type"] == "application/json"
        return
    if not isinstance(stage.asked, dict):
        assert body == _medium(stage.asked, PNG)
        assert headers["content-type"] == ("audio/flac" if stage.asked else "image/png")
        return
    assert headers["content-type"] == "application/json"
    wanted = {name: value for name, value in stage.asked.items() if value not in (None, {})}
    if stage.provider == "hf-inference":
        wanted.pop("model", None)  # huggingface.js writes it into the body too
    assert {name: value for name, value in json.loads(body).items() if value != {}} == wanted


def who_answered(stage: Stage, reply: Any) -> None:
    assert reply.meta.provider == stage.provider
    named = {name.lower(): value for name, value in stage.recording.headers.items()}
    assert reply.meta.request_id == named.get("x-request-id")
    assert reply.meta.attempts == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recorded_answer_comes_out_right(kind: str, task_answered: Any) -> None:
    stage = Stage(task_answered)
    reply = await stage.ask(kind, *asked_like(stage))
    said = json.loads(task_answered.body)
    LOOK[task_answered.scenario["task"]](reply, said)
    assert reply.raw == (said[0] if stage.task == "text-generation" and isinstance(said, list) else said)
    who_answered(stage, reply)
    named = said.get("model") if isinstance(said, dict) else None
    assert reply.meta.model == (named or stage.model)
    sent_like_recorded(stage)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recorded_picture_or_sound_is_there_whole(kind: str, task_made: Any) -> None:
    stage = Stage(task_made)
    reply = await stage.ask(kind, *asked_like(stage))
    who_answered(stage, reply)
    sent_like_recorded(stage)
    (file,) = reply.files
    if "base64" in task_made.scenario["interactions"][-1]["response"]:
        assert file.data == task_made.body
        declared = {name.lower(): value for name, value in task_made.headers.items()}["content-type"]
        assert (file.mime_type, reply.raw, stage.fetched) == (declared, {}, [])
        return
    said = json.loads(task_made.body)
    assert reply.raw == said
    found = said.get("images") or said.get("data") or [said.get("output")]
    found = found[0][0] if isinstance(found[0], list) else found[0]
    url = found if isinstance(found, str) else found.get("url")
    if url and not url.startswith("data:"):
        assert stage.fetched == [url]
        assert file.data == (WAV if stage.task == "text-to-speech" else PNG)
    else:
        assert file.data == base64.b64decode(found["b64_json"] if url is None else url.partition(",")[2])
        assert stage.fetched == []
    assert reply.seed == said.get("seed")
    assert (reply.job is not None) == ("urls" in said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", [1, 7, 1021])
async def test_a_recorded_text_comes_out_the_same_however_it_is_cut(
    piece: int, kind: str, task_streamed: Any
) -> None:
    stage = Stage(task_streamed, piece)
    deltas, reply = await stage.ask(kind, *asked_like(stage))
    events = [json.loads(line[5:]) for line in task_streamed.body.decode().split("\n\n") if line]
    pieces = [event["token"]["text"] for event in events if not event["token"]["special"]]
    assert [delta.text for delta in deltas if delta.text] == pieces
    assert stage.asked["inputs"] + reply.text == events[-1]["generated_text"]
    assert (reply.finish_reason, reply.usage) == (None, None)  # `details` was not asked for then
    who_answered(stage, reply)
    ((_, _, _, body),) = stage.requests
    assert json.loads(body) == stage.asked


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recorded_failure_is_told_as_what_it_is(kind: str, task_failed: Any) -> None:
    stage = Stage(task_failed)
    wanted, words = ERRORS[str(task_failed)]
    with pytest.raises(errors.RouterError) as caught:
        await stage.ask(kind, *asked_like(stage))
    assert type(caught.value) is wanted
    assert words in caught.value.message
    assert caught.value.hint
    assert "canary" not in str(caught.value)
    if task_failed.status != 200:
        assert (caught.value.status, caught.value.provider) == (task_failed.status, stage.provider)
    assert len(stage.requests) == 1
    if stage.requests[0][1].startswith(ROUTER):
        sent_like_recorded(stage)


def test_the_files_are_those_of_the_index() -> None:
    if not TASKS:
        pytest.skip(ABSENT)
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row["path"] for row in csv.DictReader(file) if row["task"] not in ("chat", "feature-extraction")
        ]
    assert sorted(str(item.path.relative_to(FOLDER)) for item in TASKS) == sorted(rows)
    assert {str(item) for item in TASKS if item.fails} == ERRORS.keys()
