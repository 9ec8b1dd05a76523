"""Every route of media, played from cassettes: results at once, jobs in a queue, files, transcripts.

Always the offline router's: results of live ones lie on file hosts whose addresses end within the hour. What must
come out is read naively from the cassette itself.
"""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

import pytest

from shared_core.providers import MAPPINGS
from shared_core.testing import MediaQuirks, OfflineRouter

pytestmark = pytest.mark.usefixtures("connections_go_offline", "every_exchange_is_played")

STYLES = ("sync", "async")
ROUTER = "https://router.huggingface.co"
HUB = "https://huggingface.co"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP8z0AaYGIY1TCqYdhqAABALgEfFO4+AgAAAABJRU5ErkJggg=="
)
WAV = (
    b"RIFF\xb4\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x90\0\0\0"
    + bytes(144)
)

# The method, its input, the model, the path that is asked first, and how many questions about a job follow.
DRAW = ("text_to_image", "a boat", {"width": 32, "height": 32, "seed": 7})
EDIT = ("image_to_image", PNG, {"prompt": "in blue"})
SHOOT = ("text_to_video", "a boat", {"num_frames": 1})
ANIMATE = ("image_to_video", PNG, {"prompt": "it moves", "num_frames": 1})
SPEAK = ("text_to_speech", "Hi.", {})
HEAR = ("transcribe", WAV, {})
CASES: dict[str, tuple[tuple[str, Any, dict[str, Any]], str, int]] = {
    "image_fal_ai": (DRAW, "/fal-ai/fal-ai/offline/painter", 0),
    "image_replicate": (DRAW, "/replicate/v1/models/offline/painter/predictions", 0),
    "image_replicate_late": (DRAW, "/replicate/v1/models/offline/painter/predictions", 2),
    "image_wavespeed": (DRAW, "/wavespeed/api/v3/wavespeed-ai/offline-painter", 2),
    "image_together": (DRAW, "/together/v1/images/generations", 0),
    "image_nscale": (("text_to_image", "a boat", {"seed": 7}), "/nscale/v1/images/generations", 0),
    "image_zai_org": (DRAW, "/zai-org/api/paas/v4/async/images/generations", 2),
    "image_hf_inference": (DRAW, "/hf-inference/models/offline/painter", 0),
    "edit_fal_ai": (EDIT, "/fal-ai/fal-ai/offline/editor?_subdomain=queue", 3),
    "edit_replicate": (EDIT, "/replicate/v1/models/offline/editor/predictions", 0),
    "edit_wavespeed": (EDIT, "/wavespeed/api/v3/wavespeed-ai/offline-editor", 2),
    "edit_together": (EDIT, "/together/v1/images/generations", 0),
    "edit_hf_inference": (EDIT, "/hf-inference/models/offline/editor", 0),
    "video_fal_ai": (SHOOT, "/fal-ai/fal-ai/offline/animator/text-to-video?_subdomain=queue", 3),
    "video_replicate": (SHOOT, "/replicate/v1/models/offline/animator/predictions", 0),
    "video_wavespeed": (SHOOT, "/wavespeed/api/v3/wavespeed-ai/offline-animator/t2v", 2),
    "video_together": (SHOOT, "/together/v2/videos", 2),
    "video_novita": (SHOOT, "/novita/v3/hf/offline-animator-t2v", 0),
    "animate_fal_ai": (ANIMATE, "/fal-ai/fal-ai/offline/filmer/image-to-video?_subdomain=queue", 3),
    "animate_wavespeed": (ANIMATE, "/wavespeed/api/v3/wavespeed-ai/offline-filmer/i2v", 2),
    "animate_together": (ANIMATE, "/together/v2/videos", 2),
    "speech_fal_ai": (SPEAK, "/fal-ai/fal-ai/offline/speaker", 0),
    "speech_deepinfra": (SPEAK, "/deepinfra/v1/openai/audio/speech", 0),
    "speech_together": (
        ("text_to_speech", "Hi.", {"voice": "tara", "extra_body": {"response_format": "wav"}}),
        "/together/v1/audio/speech",
        0,
    ),
    "speech_replicate": (SPEAK, "/replicate/v1/predictions", 0),
    "speech_hf_inference": (SPEAK, "/hf-inference/models/offline/speaker", 0),
    "music_fal_ai": (("text_to_audio", "a drum", {"duration": 0.25}), "/fal-ai/fal-ai/offline/musician", 0),
    "transcript_fal_ai": (HEAR, "/fal-ai/fal-ai/offline-listener", 0),
    "transcript_deepinfra": (HEAR, "/deepinfra/v1/openai/audio/transcriptions", 0),
    "transcript_replicate": (HEAR, "/replicate/v1/models/offline/listener/predictions", 0),
    "transcript_hf_inference": (HEAR, "/hf-inference/models/offline/listener", 0),
}
MODELS = {
    "image": "painter",
    "edit": "editor",
    "video": "animator",
    "animate": "filmer",
    "speech": "speaker",
    "music": "musician",
    "transcript": "listener",
}


@pytest.fixture
def default_cassette_name(case: str) -> str:
    return f"{case}.media"


@pytest.fixture
def faults() -> list[Any]:
    """None on the path of chat; what is scripted for a job stands in `a_job_takes_two_questions`."""
    return []


@pytest.fixture
def live() -> bool:
    return False


@pytest.fixture(autouse=True)
def a_job_takes_two_questions(
    case: str, offline_url: OfflineRouter, connections_go_offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its result comes in its own address: a second origin is no matter of cassettes."""
    quirks = MediaQuirks(polls=1, as_data_url=True, starting=case.endswith("_late"))
    offline_url.queue(quirks, path="/*/*", times=-1)
    monkeypatch.setattr("shared_core.client.jobs._LONGEST_WAIT", 0.0)
    # huggingface_hub draws the boundary of a form by lot.
    monkeypatch.setattr("uuid.uuid4", lambda: uuid.UUID(int=7))
    MAPPINGS.clear()


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES)
async def test_a_route_gives_what_was_recorded(case: str, style: str, api_key: str, vcr: Any) -> None:
    (method, given, options), path, questions = CASES[case]
    reply = await ask(style, method, given, {**options, "model": model_of(case)}, api_key)
    lookup, first, *rest = vcr.requests
    model = model_of(case).partition(":")[0]
    assert lookup.uri == f"{HUB}/api/models/{model}?expand=inferenceProviderMapping"
    assert (first.method, first.uri) == ("POST", ROUTER + path)
    assert [each.method for each in rest] == ["GET"] * questions
    assert all(each.uri.startswith(ROUTER + "/" + path.split("/")[1] + "/") for each in rest)
    assert (reply.job is not None) == (bool(questions) or "replicate" in case)
    said = vcr.responses[-1]["body"]["string"]
    if method == "transcribe":
        assert reply.text == re.search(rb'"(?:text|transcription)": ?"\s*([^"]*?)\s*"', said)[1].decode()
        return
    assert reply.data == recorded_file(said)
    assert reply.mime_type.partition("/")[0] == {"i": "image", "e": "image", "v": "video", "a": "video"}.get(
        case[0], "audio"
    )


def recorded_file(body: bytes) -> bytes:
    """The file in a reply: itself, or the last in base64 in its JSON; replicate repeats what it was given before."""
    if not body.startswith(b"{"):
        return body
    return base64.b64decode(re.findall(rb'(?:;base64,|"b64_json": ?")([A-Za-z0-9+/=]+)', body)[-1])


def model_of(case: str) -> str:
    kind, _, provider = case.removesuffix("_late").partition("_")
    return f"offline/{MODELS[kind]}:{provider.replace('_', '-')}"


async def ask(style: str, method: str, given: Any, options: dict[str, Any], api_key: str) -> Any:
    from shared_core import AsyncHFRouter, HFRouter

    settings: dict[str, Any] = {"api_key": api_key, "max_retries": 0}
    if style == "sync":
        return getattr(HFRouter(**settings), method)(given, **options)
    return await getattr(AsyncHFRouter(**settings), method)(given, **options)
