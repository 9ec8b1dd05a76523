"""The offline router's media routes: each provider's own request gets that provider's own reply."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from PIL import Image

from shared_core.testing import OfflineRouter, offline_router

Http = Callable[..., httpx2.Response]
DataUrl = Callable[[bytes, str], str]

FAL = "/fal-ai/fal-ai/offline"
REPLICATE = "/replicate/v1"
WAVESPEED = "/wavespeed/api/v3"
VERSION = "5599ed30703defd1d160a25a63321b4dec97101d98b4674bcc56e41f62f35637"


def picture_of(data: bytes) -> Image.Image:
    seen = Image.open(io.BytesIO(data))
    seen.load()
    return seen


def answered(reply: httpx2.Response, status: int = 200) -> Any:
    assert reply.status_code == status, reply.text
    return reply.json()


def poll_fal(http: Http, ticket: dict[str, Any]) -> dict[str, Any]:
    """What a queued job ends with; the path comes from the reply and the host does not."""
    path = ticket["response_url"].removeprefix("https://queue.fal.run")
    for _ in range(20):
        status = http("GET", f"/fal-ai{path}/status?_subdomain=queue").json()["status"]
        if status == "COMPLETED":
            return answered(http("GET", f"/fal-ai{path}?_subdomain=queue"))
        assert status in ("IN_QUEUE", "IN_PROGRESS")
    raise AssertionError("never done")


def poll(http: Http, path: str, status: Callable[[Any], str], done: str) -> Any:
    for _ in range(20):
        body = answered(http("GET", path))
        if status(body) == done:
            return body
    raise AssertionError(f"never {done}")


# fal


def test_fal_paints_at_once_and_its_reply_is_the_recorded_one(http: Http) -> None:
    size = {"width": 320, "height": 200}
    body = answered(
        http("POST", f"{FAL}/painter", json={"prompt": "a red fox", "image_size": size, "seed": 7})
    )
    assert [*body] == ["images", "timings", "seed", "has_nsfw_concepts", "prompt"]
    assert (body["seed"], body["has_nsfw_concepts"], body["prompt"]) == (7, [False], "a red fox")
    (image,) = body["images"]
    assert [*image] == ["url", "width", "height", "content_type"]
    assert (
        picture_of(http("GET", image["url"]).content).size == (image["width"], image["height"]) == (320, 200)
    )


def test_fal_knows_sizes_by_name(http: Http) -> None:
    body = answered(http("POST", f"{FAL}/painter", json={"prompt": "a", "image_size": "portrait_4_3"}))
    assert (body["images"][0]["width"], body["images"][0]["height"]) == (768, 1024)


def test_fal_speaks_composes_and_listens(http: Http, said_hello: bytes, data_url: DataUrl) -> None:
    spoken = answered(http("POST", f"{FAL}/speaker", json={"text": "hello there"}))["audio"]
    assert http("GET", spoken["url"]).content == said_hello
    assert spoken["file_size"] == len(said_hello)
    tune = answered(http("POST", f"{FAL}/musician", json={"prompt": "a waltz"}))["audio"]
    assert http("GET", tune["url"]).headers["content-type"] == "audio/wav"
    # huggingface_hub always says audio/mpeg, whatever the sound is.
    heard = {"audio_url": data_url(said_hello, "audio/mpeg")}
    body = answered(http("POST", "/fal-ai/fal-ai/offline-listener", json=heard))
    assert body["text"] == " hello there"
    assert body["chunks"][0]["timestamp"][0] == 0
    assert body["inferred_languages"] == ["en"]


@pytest.mark.parametrize(
    ("model", "extra", "where"),
    [
        ("editor", {"prompt": "make it blue"}, lambda body: body["images"][0]),
        ("filmer/image-to-video", {}, lambda body: body["video"]),
        ("segmenter", {"sync_mode": True}, lambda body: body["image"]),
    ],
)
def test_fals_queue_takes_a_picture(
    http: Http, red_picture: bytes, data_url: DataUrl, model: str, extra: dict[str, Any], where: Any
) -> None:
    body = {"image_url": data_url(red_picture, "image/png"), **extra}
    ticket = answered(http("POST", f"{FAL}/{model}?_subdomain=queue", json=body))
    assert ticket["status"] == "IN_QUEUE"
    file = where(poll_fal(http, ticket))
    if extra.get("sync_mode"):
        assert file["url"].startswith(f"data:{file['content_type']};base64,")
    else:
        assert http("GET", file["url"]).headers["content-type"] == file["content_type"]


def test_fals_queue_answers_under_the_application_alone(http: Http) -> None:
    path = f"{FAL}/animator/text-to-video?_subdomain=queue"
    ticket = answered(http("POST", path, json={"prompt": "waves", "num_frames": 4}))
    assert ticket["response_url"].endswith(f"/fal-ai/offline/requests/{ticket['request_id']}")
    assert http("GET", poll_fal(http, ticket)["video"]["url"]).content[4:8] == b"ftyp"


# Replicate


def test_replicate_has_its_output_while_it_is_processing(http: Http) -> None:
    asked = {"input": {"prompt": "a fox", "width": 128, "height": 64}}
    reply = http(
        "POST", f"{REPLICATE}/models/offline/painter/predictions", json=asked, headers={"Prefer": "wait"}
    )
    body = answered(reply, 201)
    assert [*body] == [
        "id", "model", "version", "input", "logs", "output", "data_removed", "error", "status", "created_at", "urls",
    ]  # fmt: skip
    assert (body["status"], body["error"], body["input"]) == ("processing", None, asked["input"])
    assert reply.headers["preference-applied"] == "wait=60"
    assert picture_of(http("GET", body["output"][0]).content).size == (128, 64)


def test_replicate_takes_a_version_where_the_id_has_one(http: Http) -> None:
    asked = {"input": {"prompt": "a fox"}, "version": VERSION}
    body = answered(http("POST", f"{REPLICATE}/predictions", json=asked, headers={"Prefer": "wait"}), 201)
    assert (body["model"], body["version"]) == ("offline/sketcher", VERSION)


def test_replicate_without_waiting_is_asked_after(http: Http) -> None:
    body = answered(
        http("POST", f"{REPLICATE}/models/offline/painter/predictions", json={"input": {"prompt": "a"}}), 201
    )
    assert (body["status"], body["output"]) == ("starting", None)
    path = "/replicate" + body["urls"]["get"].removeprefix("https://api.replicate.com")
    done = poll(http, path, lambda now: str(now["status"]), "succeeded")
    assert http("GET", done["output"][0]).status_code == 200


def test_replicate_edits_speaks_films_and_listens(
    http: Http, red_picture: bytes, said_hello: bytes, data_url: DataUrl
) -> None:
    def run(model: str, given: dict[str, Any]) -> Any:
        path = f"{REPLICATE}/models/offline/{model}/predictions"
        return answered(http("POST", path, json={"input": given}, headers={"Prefer": "wait"}), 201)["output"]

    url = data_url(red_picture, "image/png")
    edited = run("editor", {"input_image": url, "image": url, "prompt": "blue"})
    assert picture_of(http("GET", edited[0]).content).size == (96, 64)
    assert http("GET", run("animator", {"prompt": "waves"})).content[4:8] == b"ftyp"
    assert run("listener", {"audio": data_url(said_hello, "audio/wav")})["transcription"] == "hello there"
    asked = {"input": {"text": "hello there"}, "version": VERSION[::-1]}
    spoken = answered(http("POST", f"{REPLICATE}/predictions", json=asked, headers={"Prefer": "wait"}), 201)
    assert http("GET", spoken["output"]).content == said_hello


# WaveSpeed


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("offline-painter", {"prompt": "a fox"}),
        ("offline-editor", {"prompt": "blue", "image": "RED"}),
        ("offline-animator/t2v", {"prompt": "waves"}),
        ("offline-filmer/i2v", {"image": "RED"}),
    ],
)
def test_wavespeed_is_asked_after_until_it_lists_outputs(
    http: Http, red_picture: bytes, data_url: DataUrl, model: str, body: dict[str, Any]
) -> None:
    given = {k: data_url(red_picture, "image/jpeg") if v == "RED" else v for k, v in body.items()}
    first = answered(http("POST", f"{WAVESPEED}/wavespeed-ai/{model}", json=given))
    assert (first["code"], first["data"]["status"], first["data"]["outputs"]) == (200, "created", [])
    path = "/wavespeed" + first["data"]["urls"]["get"].removeprefix("https://api.wavespeed.ai")
    done = poll(http, path, lambda now: str(now["data"]["status"]), "completed")
    assert http("GET", done["data"]["outputs"][0]).status_code == 200


# Together, nscale, Z.ai, Novita, deepinfra


def test_togethers_pictures_come_inside_the_reply(http: Http) -> None:
    asked = {
        "prompt": "a fox",
        "model": "offline/painter",
        "response_format": "base64",
        "width": 64,
        "height": 48,
    }
    body = answered(http("POST", "/together/v1/images/generations", json=asked))
    assert [*body] == ["id", "model", "object", "data"]
    assert picture_of(base64.b64decode(body["data"][0]["b64_json"])).size == (64, 48)
    linked = answered(
        http("POST", "/together/v1/images/generations", json=asked | {"response_format": "url"})
    )
    assert http("GET", linked["data"][0]["url"]).status_code == 200


@pytest.mark.parametrize(("model", "key"), [("editor", "reference_images"), ("FLUX.1-kontext", "image_url")])
def test_together_edits_with_the_field_that_the_model_takes(
    http: Http, red_picture: bytes, data_url: DataUrl, model: str, key: str
) -> None:
    url = data_url(red_picture, "image/png")
    asked: dict[str, Any] = {"prompt": "blue", "model": f"offline/{model}", "response_format": "base64"}
    value = [url] if key == "reference_images" else url
    body = answered(http("POST", "/together/v1/images/generations", json=asked | {key: value}))
    assert picture_of(base64.b64decode(body["data"][0]["b64_json"])).size == (96, 64)
    other = "image_url" if key == "reference_images" else "reference_images"
    refused = http("POST", "/together/v1/images/generations", json=asked | {other: url})
    assert answered(refused, 400)["error"]["param"] == other


@pytest.mark.parametrize("model", ["animator", "filmer"])
def test_together_makes_videos_as_jobs(http: Http, red_picture: bytes, data_url: DataUrl, model: str) -> None:
    frames = [{"input_image": data_url(red_picture, "image/png"), "frame": "first"}]
    asked = {"model": f"offline/{model}", "prompt": "waves"}
    asked |= {"frame_images": frames} if model == "filmer" else {}
    first = answered(http("POST", "/together/v2/videos", json=asked))
    assert first["status"] == "queued"
    done = poll(http, f"/together/v2/videos/{first['id']}", lambda now: str(now["status"]), "completed")
    assert http("GET", done["outputs"]["video_url"]).headers["content-type"] == "video/mp4"


def test_nscale_answers_in_openais_form(http: Http) -> None:
    asked = {"model": "offline/painter", "prompt": "a fox", "response_format": "b64_json", "size": "80x40"}
    body = answered(http("POST", "/nscale/v1/images/generations", json=asked))
    assert picture_of(base64.b64decode(body["data"][0]["b64_json"])).size == (80, 40)


def test_zai_is_asked_after_by_its_id(http: Http) -> None:
    asked = {"model": "offline-painter", "prompt": "a fox", "size": "64x64"}
    first = answered(http("POST", "/zai-org/api/paas/v4/async/images/generations", json=asked))
    assert first["task_status"] == "PROCESSING"
    path = f"/zai-org/api/paas/v4/async-result/{first['id']}"
    done = poll(http, path, lambda now: str(now["task_status"]), "SUCCESS")
    assert picture_of(http("GET", done["image_result"][0]["url"]).content).size == (64, 64)


def test_novita_films_in_one_call(http: Http) -> None:
    body = answered(http("POST", "/novita/v3/hf/offline-animator-t2v", json={"prompt": "waves"}))
    assert http("GET", body["video"]["video_url"]).headers["content-type"] == "video/mp4"


@pytest.mark.parametrize("path", ["/together/v1/audio/speech", "/deepinfra/v1/openai/audio/speech"])
def test_openai_like_speech_is_bare_bytes(http: Http, said_hello: bytes, path: str) -> None:
    asked = {"model": "offline/speaker", "input": "hello there", "voice": "alloy"}
    reply = http("POST", path, json=asked)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "audio/wav")
    assert reply.content == said_hello


@pytest.mark.parametrize("form", ["json", "verbose_json", "text"])
def test_deepinfra_writes_down_what_a_form_brings(http: Http, said_hello: bytes, form: str) -> None:
    reply = http(
        "POST",
        "/deepinfra/v1/openai/audio/transcriptions",
        files={"file": ("hello.wav", said_hello, "audio/wav")},
        data={"model": "offline/listener", "response_format": form},
    )
    assert reply.status_code == 200, reply.text
    if form == "text":
        assert reply.text == "hello there"
    else:
        assert reply.json()["text"] == " hello there"
        assert reply.json()["segments"][0]["start"] == 0


# hf-inference


def test_hf_inference_sends_a_jpeg_whatever_was_accepted(http: Http) -> None:
    asked = {"inputs": "a fox", "parameters": {"width": 72, "height": 48}}
    reply = http("POST", "/hf-inference/models/offline/painter", json=asked, headers={"Accept": "image/png"})
    assert reply.headers["content-type"] == "image/jpeg"
    assert picture_of(reply.content).size == (72, 48)


def test_hf_inference_takes_a_picture_bare_or_packed(http: Http, red_picture: bytes) -> None:
    path = "/hf-inference/models/offline/editor"
    bare = http("POST", path, content=red_picture)
    asked = {"inputs": base64.b64encode(red_picture).decode(), "parameters": {"prompt": "blue"}}
    packed = http("POST", path, json=asked)
    assert picture_of(bare.content).size == picture_of(packed.content).size == (96, 64)
    assert bare.content != packed.content


def test_hf_inference_speaks_and_listens(http: Http, said_hello: bytes) -> None:
    spoken = http("POST", "/hf-inference/models/offline/speaker", json={"inputs": "hello there"})
    assert spoken.content == said_hello
    path = "/hf-inference/models/offline/listener"
    assert answered(http("POST", path, content=said_hello)) == {"text": "hello there"}
    packed = {"inputs": base64.b64encode(said_hello).decode(), "parameters": {"return_timestamps": True}}
    assert answered(http("POST", path, json=packed))["chunks"][0]["text"] == "hello there"


# Text generation

COMPLETIONS = {
    "/deepinfra/v1/openai/completions": "offline/writer",
    "/featherless-ai/v1/completions": "offline/writer",
    "/novita/v3/openai/completions": "offline/writer",
    "/together/v1/completions": "offline/Writer-Turbo",
}


@pytest.mark.parametrize(("path", "model"), COMPLETIONS.items())
def test_a_text_goes_on_in_openais_form(http: Http, path: str, model: str) -> None:
    body = answered(http("POST", path, json={"model": model, "prompt": "Paris is", "max_tokens": 5}))
    (choice,) = body["choices"]
    assert (choice["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 5)
    assert body["object"] == ("text.completion" if "together" in path else "text_completion")


@pytest.mark.parametrize(("path", "model"), COMPLETIONS.items())
def test_a_streamed_text_is_the_same_text(http: Http, path: str, model: str) -> None:
    asked = {"model": model, "prompt": "Once upon a time"}
    whole = answered(http("POST", path, json=asked))["choices"][0]["text"]
    streamed = http(
        "POST", path, json=asked | {"stream": True, "stream_options": {"include_usage": True}}
    ).text
    events = streamed.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks if chunk["choices"]) == whole
    assert chunks[-1]["usage"]["total_tokens"] > 0


def test_a_stop_text_stops_before_it(http: Http) -> None:
    asked = {"model": "offline/writer", "prompt": "one two three"}
    whole = answered(http("POST", "/deepinfra/v1/openai/completions", json=asked))["choices"][0]["text"]
    stop = whole[10:14]
    cut = answered(http("POST", "/deepinfra/v1/openai/completions", json=asked | {"stop": [stop]}))[
        "choices"
    ][0]
    assert (cut["finish_reason"], cut["text"]) == ("stop", whole[: whole.index(stop)])


def test_tgi_gives_the_prompt_back_unless_told_not_to(http: Http) -> None:
    path, asked = "/hf-inference/models/offline/writer", {"inputs": "one plus two"}
    (full,) = answered(http("POST", path, json=asked))
    (rest,) = answered(
        http("POST", path, json=asked | {"parameters": {"return_full_text": False, "details": True}})
    )
    assert full["generated_text"] == "one plus two" + rest["generated_text"]
    assert rest["details"]["generated_tokens"] == len(rest["details"]["tokens"]) == 20


def test_tgi_streams_tokens_and_the_whole_text_with_the_last(http: Http) -> None:
    asked = {"inputs": "one plus two", "stream": True, "parameters": {"max_new_tokens": 6, "details": True}}
    text = http("POST", "/hf-inference/models/offline/writer", json=asked).text
    events = [json.loads(event.removeprefix("data: ")) for event in text.split("\n\n")[:-1]]
    assert [event["index"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[-1]["generated_text"] == "one plus two" + "".join(
        event["token"]["text"] for event in events
    )
    assert events[-1]["details"]["finish_reason"] == "length"
    assert all(event["generated_text"] is None for event in events[:-1])


# The Hub's word, and aliases


def test_the_hub_says_who_serves_a_model(http: Http) -> None:
    found = answered(http("GET", "/api/models/offline/painter?expand=inferenceProviderMapping"))
    mapping = found["inferenceProviderMapping"]
    assert mapping["fal-ai"] == {
        "status": "live", "providerId": "fal-ai/offline/painter", "task": "text-to-image", "isModelAuthor": False,
    }  # fmt: skip
    assert mapping["hf-inference"]["providerId"] == "offline/painter"
    listed = answered(http("GET", "/api/models/offline/editor?expand[]=inferenceProviderMapping"))
    assert {entry["provider"] for entry in listed["inferenceProviderMapping"]} >= {"fal-ai", "together"}
    assert (
        answered(http("GET", "/api/models/offline/listener"))["pipeline_tag"]
        == "automatic-speech-recognition"
    )


def test_a_lora_is_mapped_with_its_weights(http: Http) -> None:
    found = answered(http("GET", "/api/models/offline/painter-lora?expand=inferenceProviderMapping"))
    entry = found["inferenceProviderMapping"]["fal-ai"]
    assert (entry["type"], entry["adapterWeightsPath"]) == ("tag-filter", "painter.safetensors")


def test_aliases_answer_wherever_the_model_does() -> None:
    aliases = {
        "black-forest-labs/FLUX.1-dev": "offline/painter",
        "facebook/bart-large-mnli": "offline/summarization",
    }
    with (
        offline_router(embedder="words", aliases=aliases) as router,
        httpx2.Client(base_url=router.root) as client,
    ):
        name = "black-forest-labs/FLUX.1-dev"
        found = client.get(f"/api/models/{name}?expand=inferenceProviderMapping").json()
        assert found["id"] == name
        assert found["inferenceProviderMapping"]["hf-inference"]["providerId"] == name
        assert found["inferenceProviderMapping"]["replicate"]["providerId"] == "offline/painter"
        assert client.post(f"/hf-inference/models/{name}", json={"inputs": "a fox"}).status_code == 200
        said = client.post("/hf-inference/models/facebook/bart-large-mnli", json={"inputs": "One. Two."})
        assert said.json() == [{"summary_text": "One."}]


def test_a_result_can_be_the_next_jobs_input(http: Http, router: OfflineRouter) -> None:
    painted = answered(http("POST", f"{FAL}/painter", json={"prompt": "a red fox"}))["images"][0]["url"]
    asked = {"image_url": painted, "prompt": "make it blue"}
    edited = answered(http("POST", f"{FAL}/editor", json=asked))["images"][0]["url"]
    assert picture_of(http("GET", edited).content).size == (1024, 768)
    assert [job.task for job in router.jobs] == ["text-to-image", "image-to-image"]
