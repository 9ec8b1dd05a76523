"""What the offline router's media routes refuse, in each provider's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import MediaQuirks, OfflineRouter
from shared_core.testing.tasks import endpoint

Http = Callable[..., httpx2.Response]

FAL = "/fal-ai/fal-ai/offline"
HF = "/hf-inference/models/offline"
REPLICATE = "/replicate/v1/models/offline"
TOGETHER = "/together/v1/images/generations"
NSCALE = "/nscale/v1/images/generations"
ZAI = "/zai-org/api/paas/v4/async/images/generations"
BROKEN = "data:image/png;base64,iVBORw0KGgo="


def refused(http: Http, path: str, **how: Any) -> tuple[int, Any]:
    reply = http("POST", path, **how)
    return reply.status_code, reply.json()


@pytest.mark.parametrize(
    ("model", "body", "place", "kind"),
    [
        ("painter", {}, ["body", "prompt"], "value_error.missing"),
        ("painter", {"prompt": 7}, ["body", "prompt"], "type_error.str"),
        ("painter", {"prompt": " "}, ["body", "prompt"], "value_error"),
        ("painter", {"prompt": "a", "num_images": 9}, ["body", "num_images"], "value_error"),
        (
            "painter",
            {"prompt": "a", "image_size": {"width": "x"}},
            ["body", "image_size", "width"],
            "type_error.int",
        ),
        ("painter", {"prompt": "a", "image_size": "huge"}, ["body", "image_size"], "value_error"),
        ("painter", {"prompt": "a", "output_format": "bmp"}, ["body", "output_format"], "value_error"),
        ("painter", {"prompt": "a", "loras": [{"path": {}}]}, ["body", "loras", 0, "path"], "type_error.str"),
        ("editor", {"prompt": "a"}, ["body", "image_url"], "value_error.missing"),
        ("editor", {"prompt": "a", "image_url": BROKEN}, ["body", "image_url"], "value_error"),
        (
            "editor",
            {"prompt": "a", "image_url": "http://example.com/a.png"},
            ["body", "image_url"],
            "value_error",
        ),
        ("speaker", {}, ["body", "text"], "value_error.missing"),
        ("musician", {}, ["body", "prompt"], "value_error.missing"),
    ],
)
def test_fal_says_which_field_is_wrong(
    http: Http, router: OfflineRouter, model: str, body: dict[str, Any], place: list[Any], kind: str
) -> None:
    status, told = refused(http, f"{FAL}/{model}", json=body)
    assert status == 422
    (detail,) = told["detail"]
    assert (detail["loc"], detail["type"]) == (place, kind)
    assert not router.jobs


def test_fal_has_recorded_words_for_a_data_url_that_is_none(http: Http) -> None:
    asked = {"prompt": "a", "image_url": "data:image/png,xx"}
    assert refused(http, f"{FAL}/editor", json=asked) == (400, {"detail": "Unsupported data URL"})


@pytest.mark.parametrize(
    ("body", "kind", "detail"),
    [
        ({"input": {"prompt": "a"}, "provider": "x"}, "additional_property_not_allowed",
         "- Additional property provider is not allowed\n"),
        ({}, "required", "- input is required\n"),
        ({"input": {}}, "required", "- input: prompt is required\n"),
        ({"input": {"prompt": 3}}, "invalid_type", "- input.prompt: Invalid type. Expected: string\n"),
    ],
)  # fmt: skip
def test_replicate_answers_with_problem_json(
    http: Http, body: dict[str, Any], kind: str, detail: str
) -> None:
    reply = http("POST", f"{REPLICATE}/painter/predictions", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    told = reply.json()
    assert [*told] == ["detail", "status", "title", "invalid_fields"]
    assert (told["title"], told["detail"]) == ("Input validation failed", detail)
    assert told["invalid_fields"][0]["type"] == kind


def test_replicate_does_not_know_every_version(http: Http) -> None:
    status, told = refused(
        http, "/replicate/v1/predictions", json={"input": {"prompt": "a"}, "version": "0" * 64}
    )
    assert (status, told["title"]) == (422, "Invalid version or not permitted")


def test_together_leaves_it_at_invalid_request(http: Http) -> None:
    status, told = refused(http, TOGETHER, json={"inputs": "", "prompt": "a", "response_format": "base64"})
    assert (status, [*told]) == (400, ["id", "error"])
    wanted = {"message": "Invalid request", "type": "invalid_request_error", "param": "model", "code": None}
    assert told["error"] == wanted


def test_together_takes_no_null_for_a_prompt(http: Http) -> None:
    asked = {"model": "offline/editor", "prompt": None, "reference_images": [BROKEN]}
    assert refused(http, TOGETHER, json=asked)[0] == 400


def test_together_wants_a_voice(http: Http) -> None:
    asked = {"model": "offline/speaker", "input": "hello"}
    status, told = refused(http, "/together/v1/audio/speech", json=asked)
    assert (status, told["error"]["param"]) == (400, "voice")
    assert refused(http, "/together/v1/audio/speech", json=asked | {"voice": "nobody"})[0] == 400
    assert http("POST", "/deepinfra/v1/openai/audio/speech", json=asked).status_code == 200


def test_together_takes_small_first_frames_only(http: Http) -> None:
    large = "data:image/png;base64," + "A" * 70_000
    asked = {"model": "offline/filmer", "frame_images": [{"input_image": large, "frame": "first"}]}
    status, told = refused(http, "/together/v2/videos", json=asked)
    assert (status, told["error"]["param"]) == (400, "frame_images")


@pytest.mark.parametrize("unknown", ["width", "cfg_scale", "num_inference_steps"])
def test_nscale_does_not_know_what_the_adapters_leave_out(http: Http, unknown: str) -> None:
    status, told = refused(http, NSCALE, json={"model": "offline/painter", "prompt": "a", unknown: 8})
    assert (status, told["error"]["param"]) == (400, unknown)


def test_deepinfra_wants_a_form_with_a_file_and_a_model(http: Http) -> None:
    path = "/deepinfra/v1/openai/audio/transcriptions"
    assert refused(http, path, json={"model": "offline/listener"})[0] == 400
    sound = {"file": ("a.wav", b"RIFF", "audio/wav")}
    assert refused(http, path, files=sound)[1]["error"]["param"] == "model"
    alone = {"model": (None, "offline/listener")}
    assert refused(http, path, files=alone)[1]["error"]["param"] == "file"
    assert refused(http, path, files={"file": ("a.wav", b""), **alone})[0] == 400


UNKNOWN = {
    f"{FAL}/nobody": ({"prompt": "a"}, 404),
    f"{REPLICATE}/nobody/predictions": ({"input": {"prompt": "a"}}, 404),
    "/wavespeed/api/v3/wavespeed-ai/nobody": ({"prompt": "a"}, 404),
    TOGETHER: ({"model": "nobody/nothing", "prompt": "a"}, 404),
    NSCALE: ({"model": "nobody/nothing", "prompt": "a"}, 404),
    ZAI: ({"model": "nobody", "prompt": "a"}, 400),
    "/novita/v3/hf/nobody": ({"prompt": "a"}, 404),
    "/deepinfra/v1/openai/completions": ({"model": "nobody/nothing", "prompt": "a"}, 404),
    f"{HF}/nobody": ({"inputs": "a"}, 404),
}


@pytest.mark.parametrize(("path", "asked"), UNKNOWN.items())
def test_a_model_that_is_not_served_is_refused(
    http: Http, path: str, asked: tuple[dict[str, Any], int]
) -> None:
    assert refused(http, path, json=asked[0])[0] == asked[1]


def test_a_model_of_another_provider_is_refused(http: Http) -> None:
    told = refused(http, f"{HF}/musician", json={"inputs": "a"})
    assert told == (400, {"error": "Model not supported by provider hf-inference"})
    assert refused(http, "/together/v2/videos", json={"model": "offline/painter", "prompt": "a"})[0] == 404


def test_hf_inference_names_an_unknown_model_as_recorded(http: Http) -> None:
    name = "this-model/does-not-exist-123"
    told = refused(http, f"/hf-inference/models/{name}", json={"inputs": "[MASK] world!"})
    assert told == (404, {"error": f"Model {name} does not exist"})


@pytest.mark.parametrize(
    "path", [f"{FAL}/painter", f"{REPLICATE}/painter/predictions", TOGETHER, NSCALE, ZAI, f"{HF}/painter"]
)
@pytest.mark.parametrize("raw", [b"{", b"[1]", b""])
def test_a_body_that_is_no_object_is_refused_everywhere(http: Http, path: str, raw: bytes) -> None:
    reply = http("POST", path, content=raw, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert "json" in reply.headers["content-type"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {},
            "Failed to deserialize the JSON body into the target type: missing field `inputs` at line 1 column 2",
        ),
        ({"inputs": 3}, "invalid type: integer"),
    ],
)
def test_tgi_refuses_a_shape_in_plain_text(http: Http, body: dict[str, Any], text: str) -> None:
    reply = http("POST", f"{HF}/writer", json=body)
    assert reply.status_code == 422
    assert reply.headers["content-type"].startswith("text/plain")
    assert text in reply.text


TOO_LONG = {"inputs": "a story", "parameters": {"max_new_tokens": 10000}}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"inputs": ""}, "`inputs` cannot be empty"),
        ({"inputs": "a", "parameters": {"max_new_tokens": 0}}, "`max_new_tokens` must be strictly positive"),
        ({"inputs": "a", "parameters": {"temperature": 0}}, "`temperature` must be strictly positive"),
        (TOO_LONG, "must be <= 4096. Given: 2 `inputs` tokens and 10000 `max_new_tokens`"),
    ],
)
def test_tgi_refuses_a_value_with_its_error_type(http: Http, body: dict[str, Any], text: str) -> None:
    status, told = refused(http, f"{HF}/writer", json=body)
    assert (status, told["error_type"]) == (422, "validation")
    assert text in told["error"]


def test_tgi_refuses_inside_the_stream_when_it_streams(http: Http) -> None:
    reply = http("POST", f"{HF}/writer", json=TOO_LONG | {"stream": True})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
    assert reply.text.startswith('data:{"error": "Input validation error: ')


def test_tgi_that_fails_while_it_streams_says_so_after_some_tokens(http: Http, router: OfflineRouter) -> None:
    router.queue(MediaQuirks(fails="the GPU fell over"), path="/hf-inference/*")
    text = http("POST", f"{HF}/writer", json={"inputs": "a b c", "stream": True}).text
    assert text.count('"token"') == 10
    assert "the GPU fell over" in text


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": ""},
        {"prompt": ["a"]},
        {"prompt": "a", "temperature": 9},
        {"prompt": "a", "max_tokens": 0},
        {"prompt": "a", "max_tokens": 5000},
        {"prompt": "a", "stop": list("abcde")},
    ],
)
def test_openai_like_completions_refuse_with_400(http: Http, body: dict[str, Any]) -> None:
    status, told = refused(http, "/deepinfra/v1/openai/completions", json={"model": "offline/writer", **body})
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{FAL}/painter", {"prompt": "a"}, 500),
        (TOGETHER, {"model": "offline/painter", "prompt": "a"}, 500),
        (NSCALE, {"model": "offline/painter", "prompt": "a"}, 500),
        ("/novita/v3/hf/offline-animator-t2v", {"prompt": "a"}, 500),
        ("/deepinfra/v1/openai/audio/speech", {"model": "offline/speaker", "input": "a"}, 500),
        ("/together/v1/completions", {"model": "offline/Writer-Turbo", "prompt": "a"}, 500),
        (f"{HF}/painter", {"inputs": "a"}, 500),
        (f"{HF}/summarization", {"inputs": "a"}, 500),
        (f"{HF}/writer", {"inputs": "a"}, 424),
    ],
)
def test_what_fails_at_once_says_why(
    http: Http, router: OfflineRouter, path: str, body: dict[str, Any], status: int
) -> None:
    router.queue(MediaQuirks(fails="out of memory"), path=path)
    reply = http("POST", path, json=body)
    assert reply.status_code == status
    assert "out of memory" in reply.text
    assert len(router.jobs) == 1, "a job that failed was handed in all the same"


def test_without_pillow_a_reply_says_what_to_install(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(order: Any) -> Any:
        raise ImportError('Pictures need Pillow: pip install "hfrouter[media]"')

    monkeypatch.setattr(endpoint, "make", missing)
    status, told = refused(http, f"{FAL}/painter", json={"prompt": "a"})
    assert status == 501
    assert "hfrouter[media]" in told["error"]
