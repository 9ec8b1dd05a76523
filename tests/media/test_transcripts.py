"""What is said in a recording: every provider's spelling of it, at once and as a job."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import HFRouter, MalformedResponse, TimedOut
from shared_core.client.jobs import Finished
from shared_core.client.transcripts import transcript_reply
from shared_core.errors import ConfigError
from shared_core.media import TranscriptChunk
from shared_core.testing import MediaQuirks, OfflineRouter
from shared_core.types import ApiKey, Call, Progress, Target, TaskRequest, Timeouts, Waits

PIECE = TranscriptChunk("Hello.", 0.0, 1.5)
SPELLINGS: dict[str, tuple[Any, str, tuple[TranscriptChunk, ...], str]] = {
    "a text": ({"text": " Hello. "}, "Hello.", (), ""),
    "silence": ({"text": ""}, "", (), ""),
    "chunks with a pair of times": (
        {"text": "Hello.", "chunks": [{"text": " Hello.", "timestamp": [0, 1.5]}]},
        "Hello.",
        (PIECE,),
        "",
    ),
    "segments with two times": (
        {"text": "Hello.", "segments": [{"text": "Hello.", "start": 0, "end": 1.5}], "language": "en"},
        "Hello.",
        (PIECE,),
        "en",
    ),
    "a chunk whose end is not known": (
        {"text": "Hello.", "chunks": [{"text": "Hello.", "timestamp": [0.0, None]}]},
        "Hello.",
        (TranscriptChunk("Hello.", 0.0, None),),
        "",
    ),
    "chunks that are none": ({"text": "Hello.", "chunks": [7, {}, {"text": 1}, None]}, "Hello.", (), ""),
    "times that are none": (
        {"text": "Hello.", "chunks": [{"text": "Hello.", "timestamp": ["0", True]}]},
        "Hello.",
        (TranscriptChunk("Hello."),),
        "",
    ),
    "a time beyond all bounds": (
        {"text": "Hello.", "chunks": [{"text": "Hello.", "timestamp": [0, 10**400]}]},
        "Hello.",
        (TranscriptChunk("Hello.", 0.0, None),),
        "",
    ),
    "fal's languages": ({"text": "Hello.", "inferred_languages": ["en", "de"]}, "Hello.", (), "en"),
    "an output that is a text": ({"output": "Hello."}, "Hello.", (), ""),
    "an output in pieces": ({"output": ["Hel", "lo."]}, "Hello.", (), ""),
    "an output that is an object": (
        {"output": {"transcription": " Hello.", "detected_language": "english"}},
        "Hello.",
        (),
        "english",
    ),
    "an output with segments": (
        {"output": {"text": "Hello.", "segments": [{"text": "Hello.", "start": 0.0, "end": 1.5}]}},
        "Hello.",
        (PIECE,),
        "",
    ),
}


def read(raw: Any) -> Any:
    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    request = TaskRequest("automatic-speech-recognition", b"", "a/b:fal-ai")
    call = Call(request, Target("https://router.huggingface.co/v1", ApiKey("")), waits, Progress(0.0))
    return transcript_reply(raw, call, Finished(raw, (), {}))


@pytest.mark.parametrize(("raw", "text", "chunks", "language"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_transcript_is_read(
    raw: Any, text: str, chunks: tuple[TranscriptChunk, ...], language: str
) -> None:
    reply = read(raw)
    assert (reply.text, reply.chunks, reply.language, reply.raw) == (text, chunks, language, raw)
    assert reply.meta.model == "a/b"


@pytest.mark.parametrize(
    "raw", [None, {}, [], 7, {"text": None}, {"output": []}, {"output": [7]}, {"chunks": []}], ids=repr
)
def test_what_holds_no_transcript_is_one_error(raw: Any) -> None:
    with pytest.raises(MalformedResponse, match="holds no transcript"):
        read(raw)


@pytest.fixture
def sound(settings: dict[str, Any]) -> bytes:
    return HFRouter(**settings).text_to_speech("hello world", model="offline/speaker:fal-ai").data


@pytest.mark.parametrize("provider", ["fal-ai", "deepinfra", "replicate", "hf-inference"])
async def test_what_was_spoken_is_heard_again(make: Any, sound: bytes, provider: str) -> None:
    reply = await make("transcribe", sound, model=f"offline/listener:{provider}", return_timestamps=True)
    assert (reply.text, reply.meta.provider) == ("hello world", provider)


async def test_a_transcript_that_takes_longer_is_waited_for(
    make: Any, sound: bytes, offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(starting=True), path="/replicate/*")
    reply = await make("transcribe", sound, model="offline/listener:replicate")
    assert reply.text == "hello world"
    assert reply.job.task == "automatic-speech-recognition"


async def test_a_transcript_can_be_submitted_and_resumed(make: Any, sound: bytes) -> None:
    job = await make("submit", "transcribe", sound, model="offline/listener:replicate")
    assert (await make("resume", job)).text == "hello world"


async def test_a_transcript_that_is_late_can_be_resumed(
    make: Any, sound: bytes, offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(starting=True, never=True), path="/replicate/*")
    with pytest.raises(TimedOut, match="it goes on at replicate") as caught:
        await make("transcribe", sound, model="offline/listener:replicate", timeout=1.0)
    offline_url.jobs[-1].quirks = MediaQuirks(polls=0)
    assert (await make("resume", caught.value.job)).text == "hello world"


@pytest.mark.parametrize("wanted", [7, "yes", object()], ids=["a number", "a text", "an object"])
async def test_who_is_to_be_told_of_progress_must_be_callable(
    make: Any, offline_url: OfflineRouter, wanted: Any
) -> None:
    with pytest.raises(ConfigError, match="neither a function nor True"):
        await make("text_to_video", "a boat", model="offline/animator:fal-ai", on_progress=wanted)
    assert not [each for each in offline_url.requests if each.method == "POST"]
