"""What each provider's JSON means: first replies, states, results, failures, and whatever else may come."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared_core.errors import MalformedResponse, RouterError
from shared_core.providers.dialects import DIALECTS, PLAIN, Dialect
from shared_core.types import Blob, Job, JobReport, Places, Remote

URL = "https://files.example/out.mp4"
PNG = b"\x89PNG\r\n\x1a\n0000"
BASE64 = base64.b64encode(PNG).decode()
ADDRESS = "https://queue.fal.run/fal-ai/m/requests/7"
PREDICTION = {
    "get": "https://api.replicate.com/v1/predictions/7",
    "cancel": "https://api.replicate.com/v1/predictions/7/cancel",
}
WAVES = {"get": "https://api.wavespeed.ai/api/v3/predictions/7/result"}
ALL: dict[str, Dialect] = {**DIALECTS, "nscale": PLAIN, "novita": PLAIN}


def report(phase: str, *urls: str, **more: Any) -> dict[str, Any]:
    return {"phase": phase, "outputs": tuple(map(Remote, urls)), **more}


READINGS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "fal: waiting, third in the queue": (
        "fal-ai",
        {"status": "IN_QUEUE", "queue_position": 2},
        report("queued", position=2),
    ),
    "fal: at work, with a log that counts": (
        "fal-ai",
        {"status": "IN_PROGRESS", "logs": [{"message": " 40%|####      | 4/10"}]},
        report("running", fraction=0.4, message=" 40%|####      | 4/10"),
    ),
    "fal: done, the result lies elsewhere": ("fal-ai", {"status": "COMPLETED"}, report("done")),
    "fal: what failed is called completed, beside its error": (
        "fal-ai",
        {"status": "COMPLETED", "error": "out of memory"},
        report("failed", message="out of memory"),
    ),
    "fal: cancelled": ("fal-ai", {"status": "CANCELLED"}, report("canceled")),
    "fal: a film": (
        "fal-ai",
        {"video": {"url": URL, "content_type": "video/mp4"}, "seed": 7},
        {"phase": "done", "outputs": (Remote(URL, "video/mp4"),), "seed": 7},
    ),
    "fal: a film whose result has a state too": (
        "fal-ai",
        {"status": "COMPLETED", "video": {"url": URL}},
        report("done", URL),
    ),
    "fal: two pictures": (
        "fal-ai",
        {"images": [{"url": URL}, {"url": "https://b.example/2"}]},
        report("done", URL, "https://b.example/2"),
    ),
    "fal: a picture in its own address": (
        "fal-ai",
        {"images": [{"url": f"data:image/png;base64,{BASE64}"}]},
        {"phase": "done", "outputs": (Blob(PNG, "image/png"),)},
    ),
    "fal: withheld": (
        "fal-ai",
        {"images": [{"url": URL}], "has_nsfw_concepts": [True]},
        report("done", URL, unsafe=True),
    ),
    "fal: speech": ("fal-ai", {"audio": {"url": URL}}, report("done", URL)),
    "fal: music": ("fal-ai", {"audio_file": {"url": URL}}, report("done", URL)),
    "fal: a mask": ("fal-ai", {"image": {"url": URL}}, report("done", URL)),
    "fal: a transcript": ("fal-ai", {"text": "hello"}, report("done")),
    "replicate: starting": (
        "replicate",
        {"status": "starting", "output": None},
        report("queued"),
    ),
    "replicate: at work, with a log that counts": (
        "replicate",
        {"status": "processing", "output": None, "logs": "0%|\n50%|#####\n"},
        report("running", fraction=0.5),
    ),
    "replicate: an output is a result, whatever the state says beside it": (
        "replicate",
        {"status": "processing", "output": [URL], "input": {"seed": 3}},
        report("done", URL, seed=3),
    ),
    "replicate: one address": ("replicate", {"status": "succeeded", "output": URL}, report("done", URL)),
    "replicate: an output with a url": (
        "replicate",
        {"status": "succeeded", "output": {"url": URL}},
        report("done", URL),
    ),
    "replicate: a transcript is no file": (
        "replicate",
        {"status": "succeeded", "output": {"transcription": "hello"}},
        report("done"),
    ),
    "replicate: failed": (
        "replicate",
        {"status": "failed", "output": None, "error": "CUDA error"},
        report("failed", message="CUDA error"),
    ),
    "replicate: failed with half an output": (
        "replicate",
        {"status": "failed", "output": [URL], "error": "CUDA error"},
        report("failed", message="CUDA error"),
    ),
    "replicate: withheld": (
        "replicate",
        {"status": "failed", "error": "NSFW content detected."},
        report("failed", message="NSFW content detected.", unsafe=True),
    ),
    "replicate: cancelled": ("replicate", {"status": "canceled"}, report("canceled")),
    "together: a picture in base64": (
        "together",
        {"id": "x", "data": [{"b64_json": BASE64}]},
        {"phase": "done", "outputs": (Blob(PNG, ""),)},
    ),
    "together: a picture's address": ("together", {"data": [{"url": URL}]}, report("done", URL)),
    "together: a job without a state": ("together", {"id": "7"}, report("queued")),
    "together: at work": ("together", {"id": "7", "status": "in_progress"}, report("running")),
    "together: a film": (
        "together",
        {"id": "7", "status": "completed", "outputs": {"video_url": URL}, "seed": 5},
        report("done", URL, seed=5),
    ),
    "together: failed": (
        "together",
        {"id": "7", "status": "failed", "error": {"message": "bad prompt"}},
        report("failed", message="bad prompt"),
    ),
    "together: withheld": (
        "together",
        {"id": "7", "status": "failed", "error": {"message": "no", "code": "content_policy"}},
        report("failed", message="no", unsafe=True),
    ),
    "wavespeed: waiting": ("wavespeed", {"data": {"status": "created"}}, report("queued")),
    "wavespeed: at work": ("wavespeed", {"data": {"status": "processing"}}, report("running")),
    "wavespeed: done": (
        "wavespeed",
        {"data": {"status": "completed", "outputs": [URL]}},
        report("done", URL),
    ),
    "wavespeed: failed": (
        "wavespeed",
        {"data": {"status": "failed", "error": "no"}},
        report("failed", message="no"),
    ),
    "wavespeed: withheld": (
        "wavespeed",
        {"data": {"status": "completed", "outputs": [], "has_nsfw_contents": [True]}},
        report("done", unsafe=True),
    ),
    "zai: at work": ("zai-org", {"task_status": "PROCESSING"}, report("running")),
    "zai: done": (
        "zai-org",
        {"task_status": "SUCCESS", "image_result": [{"url": URL}]},
        report("done", URL),
    ),
    "zai: failed": (
        "zai-org",
        {"task_status": "FAIL", "error": {"message": "no"}},
        report("failed", message="no"),
    ),
    "nscale: a picture": (
        "nscale",
        {"data": [{"b64_json": BASE64}], "seed": 9},
        {"phase": "done", "outputs": (Blob(PNG, ""),), "seed": 9},
    ),
    "novita: a film": ("novita", {"video": {"video_url": URL}}, report("done", URL)),
}


@pytest.mark.parametrize(("provider", "reply", "expected"), READINGS.values(), ids=READINGS)
def test_a_reply_means(provider: str, reply: Any, expected: dict[str, Any]) -> None:
    assert ALL[provider].read(reply) == JobReport(raw=reply, **expected)


NONSENSE: dict[str, tuple[str, Any]] = {
    "fal: a state that is unknown": ("fal-ai", {"status": "PONDERING"}),
    "fal: pictures that are none": ("fal-ai", {"images": [{}], "has_nsfw_concepts": [False]}),
    "fal: a picture in broken base64": ("fal-ai", {"images": [{"url": "data:image/png;base64,!!"}]}),
    "fal: a picture in no base64": ("fal-ai", {"images": [{"url": "data:image/svg+xml,<svg/>"}]}),
    "replicate: a state that is unknown": ("replicate", {"status": "pondering"}),
    "replicate: a state that is a list": ("replicate", {"status": ["starting"]}),
    "replicate: done without a result": ("replicate", {"status": "succeeded", "output": None}),
    "together: a state that is unknown": ("together", {"id": "7", "status": "pondering"}),
    "together: a state that is an object": ("together", {"id": "7", "status": {"a": 1}}),
    "together: done without a film": ("together", {"id": "7", "status": "completed"}),
    "together: no pictures": ("together", {"data": []}),
    "wavespeed: a state that is unknown": ("wavespeed", {"data": {"status": "pondering"}}),
    "wavespeed: a state that is a list": ("wavespeed", {"data": {"status": []}}),
    "wavespeed: done without a result": ("wavespeed", {"data": {"status": "completed", "outputs": []}}),
    "wavespeed: an error and no data": ("wavespeed", {"code": 400, "message": "no", "data": None}),
    "zai: a state that is unknown": ("zai-org", {"task_status": "PONDERING"}),
    "zai: a state that is a list": ("zai-org", {"task_status": ["SUCCESS"]}),
    "zai: done without a picture": ("zai-org", {"task_status": "SUCCESS", "image_result": None}),
    "nscale: no data": ("nscale", {"data": None}),
    "novita: no film": ("novita", {"video": {}}),
    **{f"{provider}: {said!r}": (provider, said) for provider in ALL for said in (None, [], "done", 7, {})},
}


@pytest.mark.parametrize(("provider", "reply"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_clear_error(provider: str, reply: Any) -> None:
    with pytest.raises(MalformedResponse) as caught:
        ALL[provider].read(reply)
    assert not caught.value.reactions


JOBS: dict[str, tuple[str, Any, Places | None]] = {
    "fal: by its response_url, whose model may be another": (
        "fal-ai",
        {"request_id": "7", "response_url": ADDRESS, "status": "IN_QUEUE"},
        Places(
            "7",
            "/fal-ai/fal-ai/m/requests/7/status?_subdomain=queue",
            "/fal-ai/fal-ai/m/requests/7?_subdomain=queue",
            "/fal-ai/fal-ai/m/requests/7/cancel?_subdomain=queue",
        ),
    ),
    "fal: a result at once is no job": ("fal-ai", {"images": [{"url": URL}]}, None),
    "replicate: by its urls": (
        "replicate",
        {"id": "7", "urls": PREDICTION},
        Places("7", "/replicate/v1/predictions/7", cancel="/replicate/v1/predictions/7/cancel"),
    ),
    "replicate: one that cannot be cancelled": (
        "replicate",
        {"id": "7", "urls": {"get": PREDICTION["get"]}},
        Places("7", "/replicate/v1/predictions/7"),
    ),
    "together: by its id": ("together", {"id": "v-7"}, Places("v-7", "/together/v2/videos/v-7")),
    "together: pictures are no job": ("together", {"id": "7", "data": []}, None),
    "wavespeed: by its urls": (
        "wavespeed",
        {"data": {"id": "7", "urls": WAVES}},
        Places("7", "/wavespeed/api/v3/predictions/7/result"),
    ),
    "zai: by its id": ("zai-org", {"id": "1-2"}, Places("1-2", "/zai-org/api/paas/v4/async-result/1-2")),
    "nscale: never": ("nscale", {"id": "7", "urls": PREDICTION}, None),
}


@pytest.mark.parametrize(("provider", "reply", "expected"), JOBS.values(), ids=JOBS)
def test_a_job_is_asked_after_at(provider: str, reply: Any, expected: Places | None) -> None:
    assert ALL[provider].places(reply) == expected


HOSTILE = {
    "dots": "https://q.example/../api/whoami-v2",
    "dots in the middle": "https://q.example/m/../../api/whoami-v2",
    "dots in disguise": "https://q.example/%2e%2e/api/whoami-v2",
    "a slash in disguise": "https://q.example/..%2fapi",
    "a backslash in disguise": "https://q.example/..%5capi",
    "a percent sign in disguise": "https://q.example/%252e%252e/api",
    "dots behind a semicolon": "https://q.example/..;/api",
    "two slashes": "https://q.example//evil.example/x",
    "a host that is a path": "//evil.example/../x",
    "a backslash": "https://q.example/\\evil.example",
    "a user": "https://q.example/@evil.example/x",
    "a fragment in disguise": "https://q.example/a%23b",
    "a blank": "https://q.example/a b",
    "unicode": "https://q.example/ａ/．．/x",
    "a dot that is none": "https://q.example/\u2024\u2024/x",
    "no path": "https://q.example",
    "no address": "7",
    "a broken address": "https://[::1/x",
    "an object": {"url": ADDRESS},
    "nothing": None,
}


@pytest.mark.parametrize("address", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed"])
def test_a_job_is_never_asked_after_elsewhere_because_the_token_goes_there(
    provider: str, address: Any
) -> None:
    reply = {
        "fal-ai": {"request_id": "7", "response_url": address or "?"},
        "replicate": {"id": "7", "urls": {"get": address or "?"}},
        "wavespeed": {"data": {"id": "7", "urls": {"get": address}}},
    }[provider]
    with pytest.raises(MalformedResponse, match="did not say where to ask after it") as caught:
        ALL[provider].places(reply)
    assert "may run and be billed" in caught.value.hint


@pytest.mark.parametrize(
    "id", ["../../v1/models", "a/b", "a?b=1", "%2e%2e", "..", "a b", "ü", "a#b", "a@b", "a\nb"]
)
@pytest.mark.parametrize("provider", ["together", "zai-org"])
def test_an_id_that_would_lead_elsewhere_is_no_job(provider: str, id: str) -> None:
    with pytest.raises(MalformedResponse, match="did not say where to ask after it"):
        ALL[provider].places({"id": id})


def test_only_the_path_of_an_address_counts() -> None:
    reply = {"id": "7", "urls": {"get": "https://evil.example:99/v1/predictions/7?token=x#y"}}
    assert ALL["replicate"].places(reply) == Places("7", "/replicate/v1/predictions/7")


PATHS = {
    "/fal-ai/m/requests/7": True,
    "/fal-ai/m/requests/7/status?_subdomain=queue": True,
    "/fal-ai/a.b/v1.5~x:y/7": True,
    "/fal-ai": False,
    "/fal-ai/": False,
    "/fal-aix/m": False,
    "fal-ai/m": False,
    "//fal-ai/m": False,
    "/fal-ai//m": False,
    "/fal-ai/.": False,
    "/fal-ai/..": False,
    "/fal-ai/...": False,
    "/fal-ai/../fal-ai/m": False,
    "/fal-ai/m/..": False,
    "/fal-ai/m/..?x=1": False,
    "/fal-ai/m?x=1?y=2": False,
    "/fal-ai/m?x=/../y": False,
    "/fal-ai/m?x=1#y": False,
    "/fal-ai/m\n": False,
    "/fal-ai/m\r\nx-evil: 1": False,
    "/fal-ai/m%2f..": False,
    "/fal-ai/m;x": False,
    "/fal-ai/m@evil.example": False,
    "@evil.example/fal-ai/m": False,
    "/fal-ai/ｍ": False,
    "": False,
}


@pytest.mark.parametrize("place", ["status", "result", "cancel"])
@pytest.mark.parametrize("path", [path for path, sound in PATHS.items() if not sound and path])
def test_a_job_that_leads_elsewhere_cannot_even_be_made(path: str, place: str) -> None:
    places = {"status": "/fal-ai/m/7", place: path}
    with pytest.raises(RouterError, match="leads away from its provider"):
        Job("fal-ai", "text-to-video", "a/b", "7", **places)


@pytest.mark.parametrize("path", [path for path, sound in PATHS.items() if sound])
def test_a_job_that_stays_below_its_provider_can(path: str) -> None:
    assert Job("fal-ai", "text-to-video", "a/b", "7", path).status == path


def test_a_job_without_a_place_to_ask_cannot_be_made() -> None:
    with pytest.raises(RouterError):
        Job("fal-ai", "text-to-video", "a/b", "7", "")


NO_JOBS = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "7",
    "too few keys": '{"provider": "fal-ai"}',
    "a status that is a number": '{"provider":"fal-ai","task":"t","model":"m","id":"7","status":7,"result":"",'
    '"cancel":"","submitted_at":0}',
    "a time that is a text": '{"provider":"fal-ai","task":"t","model":"m","id":"7","status":"/fal-ai/m","result":"",'
    '"cancel":"","submitted_at":"now"}',
    "a path elsewhere": '{"provider":"fal-ai","task":"t","model":"m","id":"7","status":"/fal-ai/../api","result":"",'
    '"cancel":"","submitted_at":0}',
    "deep nesting": "[" * 100_000,
}


@pytest.mark.parametrize("text", NO_JOBS.values(), ids=NO_JOBS)
def test_what_is_no_job_is_said_to_be_none(text: str) -> None:
    with pytest.raises(RouterError):
        Job.from_json(text)


def test_a_job_that_a_later_version_wrote_is_read() -> None:
    job = Job("fal-ai", "text-to-video", "a/b", "7", "/fal-ai/m/7", submitted_at=1.5)
    assert Job.from_json(job.to_json().replace("{", '{"priority": 1, ', 1)) == job
