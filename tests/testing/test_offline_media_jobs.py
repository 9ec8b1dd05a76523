"""The offline router's jobs: they advance by being asked after, and what was scripted for one befalls it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from PIL import Image

from shared_core.testing import MediaQuirks, OfflineRouter, Status, offline_router
from shared_core.testing.studio.pictures import colour_shares, opened

Http = Callable[..., httpx2.Response]

FAL = "/fal-ai/fal-ai/offline/painter"
WAVESPEED = "/wavespeed/api/v3/wavespeed-ai/offline-painter"
REPLICATE = "/replicate/v1/models/offline/painter/predictions"
TOGETHER = "/together/v2/videos"
ZAI = "/zai-org/api/paas/v4/async/images/generations"


class Run:
    """One job of a provider: handed in, and asked after."""

    def __init__(self, http: Http, provider: str) -> None:
        self._http = http
        self.provider = provider
        reply = getattr(self, f"_{provider}")()
        assert reply.status_code in (200, 201, 202), reply.text
        self.first = reply.json()
        self.reply = reply

    def _fal(self) -> httpx2.Response:
        return self._http("POST", f"{FAL}?_subdomain=queue", json={"prompt": "a red fox"})

    def _replicate(self) -> httpx2.Response:
        return self._http("POST", REPLICATE, json={"input": {"prompt": "a red fox"}})

    def _wavespeed(self) -> httpx2.Response:
        return self._http("POST", WAVESPEED, json={"prompt": "a red fox"})

    def _together(self) -> httpx2.Response:
        return self._http("POST", TOGETHER, json={"model": "offline/animator", "prompt": "a red fox"})

    def _zai(self) -> httpx2.Response:
        return self._http("POST", ZAI, json={"model": "offline-painter", "prompt": "a red fox"})

    @property
    def path(self) -> str:
        """Where its status is asked for."""
        if self.provider == "fal":
            path = self.first["response_url"].removeprefix("https://queue.fal.run")
            return f"/fal-ai{path}/status?_subdomain=queue"
        if self.provider == "replicate":
            return f"/replicate/v1/predictions/{self.first['id']}"
        if self.provider == "wavespeed":
            return f"/wavespeed/api/v3/predictions/{self.first['data']['id']}/result"
        root = "/zai-org/api/paas/v4/async-result" if self.provider == "zai" else TOGETHER
        return f"{root}/{self.first['id']}"

    def ask(self) -> httpx2.Response:
        return self._http("GET", self.path)

    def status(self) -> str:
        body = self.ask().json()
        body = body["data"] if self.provider == "wavespeed" else body
        return str(body["task_status" if self.provider == "zai" else "status"])

    def result(self) -> httpx2.Response:
        return self._http("GET", self.path.replace("/status?", "?"))

    def url(self) -> str:
        body = self.result().json()
        places: dict[str, Callable[[Any], Any]] = {
            "fal": lambda b: b["images"][0]["url"],
            "replicate": lambda b: b["output"][0],
            "wavespeed": lambda b: b["data"]["outputs"][0],
            "together": lambda b: b["outputs"]["video_url"],
            "zai": lambda b: b["image_result"][0]["url"],
        }
        return str(places[self.provider](body))


PATHS = {
    "fal": "/fal-ai/*",
    "replicate": "/replicate/*",
    "wavespeed": WAVESPEED,
    "together": TOGETHER,
    "zai": ZAI,
}
DONE = {
    "fal": "COMPLETED",
    "replicate": "succeeded",
    "wavespeed": "completed",
    "together": "completed",
    "zai": "SUCCESS",
}
BEFORE = {
    "fal": ["IN_QUEUE", "IN_PROGRESS"],
    "replicate": ["starting", "processing"],
    "wavespeed": ["created", "processing"],
    "together": ["queued", "in_progress"],
    "zai": ["PROCESSING"],
}
each_provider = pytest.mark.parametrize("provider", PATHS)


@each_provider
@pytest.mark.parametrize("polls", [0, 1, 4])
def test_a_job_is_done_after_so_many_questions(
    http: Http, router: OfflineRouter, provider: str, polls: int
) -> None:
    router.queue(MediaQuirks(polls=polls), path=PATHS[provider])
    run = Run(http, provider)
    seen = [run.status() for _ in range(polls + 2)]
    assert seen[polls:] == [DONE[provider]] * 2
    assert set(seen[:polls]) <= set(BEFORE[provider])
    if polls == 4:
        assert list(dict.fromkeys(seen[:4])) == BEFORE[provider]
    assert router.jobs[0].polls == polls + 2


@each_provider
def test_a_job_that_is_never_done_is_never_done(http: Http, router: OfflineRouter, provider: str) -> None:
    router.queue(MediaQuirks(never=True), path=PATHS[provider])
    run = Run(http, provider)
    assert {run.status() for _ in range(30)} <= set(BEFORE[provider])


@each_provider
def test_a_lost_job_is_not_found(http: Http, router: OfflineRouter, provider: str) -> None:
    router.queue(MediaQuirks(lost=True), path=PATHS[provider])
    assert Run(http, provider).ask().status_code == 404


@each_provider
def test_a_status_that_nobody_documents(http: Http, router: OfflineRouter, provider: str) -> None:
    router.queue(MediaQuirks(odd_status="PAUSED"), path=PATHS[provider])
    run = Run(http, provider)
    assert {run.status() for _ in range(3)} == {"PAUSED"}


def failed(http: Http, router: OfflineRouter, provider: str) -> tuple[str, Any]:
    router.queue(MediaQuirks(fails="out of memory", polls=1), path=PATHS[provider])
    run = Run(http, provider)
    run.status()
    return run.status(), run.result().json()


def test_a_failed_job_says_so_in_its_providers_way(http: Http, router: OfflineRouter) -> None:
    status, body = failed(http, router, "fal")
    assert (status, body) == ("COMPLETED", {"detail": "out of memory"})
    status, body = failed(http, router, "replicate")
    assert (status, body["error"], body["output"]) == ("failed", "out of memory", None)
    status, body = failed(http, router, "wavespeed")
    assert (status, body["data"]["error"], body["data"]["outputs"]) == ("failed", "out of memory", [])
    status, body = failed(http, router, "together")
    assert (status, body["error"]["message"]) == ("failed", "out of memory")
    status, body = failed(http, router, "zai")
    assert status == "FAIL"


def test_fal_has_no_result_before_it_is_done_and_none_after_it_failed(
    http: Http, router: OfflineRouter
) -> None:
    router.queue(MediaQuirks(fails="no", polls=1), path="/fal-ai/*")
    run = Run(http, "fal")
    assert run.result().status_code == 400
    run.status(), run.status()
    assert run.result().status_code == 500


def test_fals_synchronous_host_knows_no_jobs(http: Http) -> None:
    assert http("GET", Run(http, "fal").path.partition("?")[0]).status_code == 404


def test_a_job_can_be_cancelled_while_it_runs(http: Http, router: OfflineRouter) -> None:
    run = Run(http, "fal")
    cancel = run.path.replace("/status?", "/cancel?")
    assert http("PUT", cancel).status_code == 202
    assert run.result().status_code == 400
    prediction = Run(http, "replicate")
    assert http("POST", f"{prediction.path}/cancel").json()["status"] == "canceled"
    assert prediction.status() == "canceled"
    assert [(job.cancels, job.cancelled) for job in router.jobs] == [(1, True), (1, True)]


def test_a_job_that_is_done_can_not_be_cancelled(http: Http, router: OfflineRouter) -> None:
    run = Run(http, "fal")
    run.status(), run.status()
    refused = http("PUT", run.path.replace("/status?", "/cancel?"))
    assert (refused.status_code, refused.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert (router.jobs[0].cancels, router.jobs[0].cancelled) == (1, False)


def test_every_submission_is_counted_as_it_was_sent(http: Http, router: OfflineRouter) -> None:
    for provider in PATHS:
        Run(http, provider)
    Run(http, "fal")
    assert [job.provider for job in router.jobs].count("fal-ai") == 2
    assert {(job.provider, job.model) for job in router.jobs} >= {
        ("together", "offline/animator"), ("zai-org", "offline/painter"),
    }  # fmt: skip
    assert router.jobs[0].body == {"prompt": "a red fox"}
    router.forget()
    assert router.jobs == []


def test_replicate_that_is_not_done_in_time_says_202(http: Http, router: OfflineRouter) -> None:
    router.queue(MediaQuirks(starting=True, polls=2), path="/replicate/*")
    reply = http("POST", REPLICATE, json={"input": {"prompt": "a"}}, headers={"Prefer": "wait"})
    body = reply.json()
    assert (reply.status_code, body["status"], body["output"]) == (202, "starting", None)
    assert (reply.headers["reason"], reply.headers["preference-applied"]) == ("wait time exceeded", "wait=60")
    path = f"/replicate/v1/predictions/{body['id']}"
    seen = [http("GET", path).json()["status"] for _ in range(3)]
    assert seen == ["starting", "processing", "succeeded"]


def test_progress_is_told_where_the_provider_has_it(http: Http, router: OfflineRouter) -> None:
    router.queue(MediaQuirks(progress=True, polls=4), path="/fal-ai/*")
    run = Run(http, "fal")
    bodies = [run.ask().json() for _ in range(5)]
    assert [body.get("queue_position") for body in bodies] == [3, 2, None, None, None]
    assert [len(body["logs"]) for body in bodies] == [0, 1, 2, 3, 4]
    assert bodies[-1]["logs"][-1]["message"].startswith("100%")
    router.queue(MediaQuirks(progress=True, polls=2), path="/replicate/*")
    prediction = Run(http, "replicate")
    assert [prediction.ask().json()["logs"].count("%") for _ in range(3)] == [1, 2, 2]


# Unsafe prompts


def test_a_safety_checker_steps_in_as_each_provider_does(http: Http, router: OfflineRouter) -> None:
    for path in (*PATHS.values(), "/nscale/*", "/novita/*", "/together/v1/*", "/hf-inference/*"):
        router.queue(MediaQuirks(nsfw=True, polls=0), path=path)
    fal = http("POST", FAL, json={"prompt": "a red fox"}).json()
    assert fal["has_nsfw_concepts"] == [True]
    assert colour_shares(opened(http("GET", fal["images"][0]["url"]).content)) == [("black", 1.0)]
    replicate = http("POST", REPLICATE, json={"input": {"prompt": "a"}}, headers={"Prefer": "wait"}).json()
    assert (replicate["status"], replicate["output"]) == ("failed", None)
    assert replicate["error"].startswith("NSFW content detected")
    wavespeed = Run(http, "wavespeed")
    assert wavespeed.ask().json()["data"]["has_nsfw_contents"] == [True]
    assert http("POST", TOGETHER, json={"model": "offline/animator", "prompt": "a"}).status_code == 422
    asked = {"model": "offline/painter", "prompt": "a"}
    assert (
        http("POST", "/together/v1/images/generations", json=asked).json()["error"]["code"]
        == "content_policy"
    )
    nscale = http("POST", "/nscale/v1/images/generations", json=asked).json()
    assert nscale["error"]["code"] == "content_policy_violation"
    assert (
        http("POST", ZAI, json={"model": "offline-painter", "prompt": "a"}).json()["error"]["code"] == "1301"
    )
    assert http("POST", "/novita/v3/hf/offline-animator-t2v", json={"prompt": "a"}).status_code == 400
    black = http("POST", "/hf-inference/models/offline/painter", json={"inputs": "a"})
    assert colour_shares(opened(black.content)) == [("black", 1.0)]


# Result files, on their own origin


def test_files_lie_on_a_second_origin_and_a_leaked_token_is_seen(http: Http, router: OfflineRouter) -> None:
    url = http("POST", FAL, json={"prompt": "a"}).json()["images"][0]["url"]
    assert url.startswith(f"{router.files_root}/files/")
    assert not url.startswith(router.root)
    http("GET", url)
    http("GET", url, headers={"Authorization": "Bearer hf_leaked"})
    fetched = [request for request in router.requests if request.origin == "files"]
    assert [request.headers.get("authorization") for request in fetched] == [None, "Bearer hf_leaked"]
    assert [request.origin for request in router.requests] == ["router", "files", "files"]


def test_neither_origin_has_the_others_paths(http: Http, router: OfflineRouter) -> None:
    url = http("POST", FAL, json={"prompt": "a"}).json()["images"][0]["url"]
    assert http("GET", url.replace(router.files_root, router.root)).status_code == 404
    assert http("POST", router.files_root + FAL, json={"prompt": "a"}).status_code == 404
    assert http("GET", f"{router.files_root}/files/nothing.png").status_code == 404


def fetched(http: Http, router: OfflineRouter, **quirks: Any) -> httpx2.Response:
    router.queue(MediaQuirks(**quirks), path="/fal-ai/*")
    return http("GET", http("POST", FAL, json={"prompt": "a"}).json()["images"][0]["url"])


def test_a_result_that_is_missing_or_no_picture_or_nothing(http: Http, router: OfflineRouter) -> None:
    assert fetched(http, router, result="missing").status_code == 404
    page = fetched(http, router, result="html")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    empty = fetched(http, router, result="empty")
    assert (empty.status_code, empty.content) == (200, b"")


def test_a_result_that_is_cut_short_breaks_the_connection(http: Http, router: OfflineRouter) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="peer closed connection"):
        fetched(http, router, result="cut")


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_a_result_has_the_size_asked_for(http: Http, router: OfflineRouter, size: int) -> None:
    reply = fetched(http, router, result_bytes=size)
    assert int(reply.headers["content-length"]) == len(reply.content) == size
    if size > 1000:
        assert Image.open(io.BytesIO(reply.content)).format == "JPEG"


def test_a_result_may_lie_elsewhere(http: Http, router: OfflineRouter) -> None:
    reply = fetched(http, router, redirect="http://127.0.0.1:9/moved.png")
    assert (reply.status_code, reply.headers["location"]) == (302, "http://127.0.0.1:9/moved.png")


def test_a_result_may_have_a_wrong_type_or_none(http: Http, router: OfflineRouter) -> None:
    assert (
        fetched(http, router, result_type="application/octet-stream")
        .headers["content-type"]
        .endswith("stream")
    )
    assert "content-type" not in fetched(http, router, result_type="").headers


def test_a_result_may_come_as_a_data_url(http: Http, router: OfflineRouter) -> None:
    router.queue(MediaQuirks(as_data_url=True), path="/fal-ai/*")
    url = http("POST", FAL, json={"prompt": "a"}).json()["images"][0]["url"]
    assert url.startswith("data:image/jpeg;base64,/9j/")
    assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (1024, 768)


def test_sync_mode_asks_for_a_data_url(http: Http) -> None:
    url = http("POST", FAL, json={"prompt": "a", "sync_mode": True}).json()["images"][0]["url"]
    assert url.startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("count", [0, 3])
def test_a_reply_may_list_no_result_or_several(http: Http, router: OfflineRouter, count: int) -> None:
    router.queue(MediaQuirks(outputs=count), path="/fal-ai/*")
    assert len(http("POST", FAL, json={"prompt": "a"}).json()["images"]) == count


def test_a_fault_can_befall_the_file_itself(http: Http, router: OfflineRouter) -> None:
    url = http("POST", FAL, json={"prompt": "a"}).json()["images"][0]["url"]
    router.queue(Status(503), path="/files/*")
    assert [http("GET", url).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("result", ["empty", "cut", "missing", "html"])
def test_a_picture_inside_a_reply_is_spoilt_likewise(http: Http, router: OfflineRouter, result: str) -> None:
    router.queue(MediaQuirks(result=result), path="/together/*")
    asked = {"model": "offline/painter", "prompt": "a", "response_format": "base64"}
    data = http("POST", "/together/v1/images/generations", json=asked).json()["data"][0]
    assert {"empty": data.get("b64_json") == "", "missing": "b64_json" not in data}.get(result, True)
    if result in ("cut", "html"):
        with pytest.raises(ValueError):
            opened(base64.b64decode(data["b64_json"], validate=True))


def test_a_bare_file_is_spoilt_likewise(http: Http, router: OfflineRouter) -> None:
    router.queue(MediaQuirks(result="html"), MediaQuirks(result="empty"), path="/hf-inference/*")
    path = "/hf-inference/models/offline/painter"
    assert http("POST", path, json={"inputs": "a"}).headers["content-type"].startswith("text/html")
    assert http("POST", path, json={"inputs": "a"}).content == b""


def test_a_script_can_be_for_one_model_by_the_name_in_its_path(http: Http, router: OfflineRouter) -> None:
    router.queue(Status(503), path="*", match="offline/painter")
    assert http("POST", FAL, json={"prompt": "a"}).status_code == 200
    assert http("POST", "/hf-inference/models/offline/painter", json={"inputs": "a"}).status_code == 503


@pytest.mark.parametrize("wrong", [{"result": "odd"}, {"polls": -1}, {"outputs": -1}])
def test_a_quirk_that_makes_no_sense_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        MediaQuirks(**wrong)


def test_with_a_token_every_route_wants_it_and_the_files_do_not() -> None:
    with (
        offline_router(embedder="words", token="hf_right") as router,
        httpx2.Client(base_url=router.root) as client,
    ):
        right = {"Authorization": "Bearer hf_right"}
        assert client.post(FAL, json={"prompt": "a"}).status_code == 401
        url = client.post(FAL, json={"prompt": "a"}, headers=right).json()["images"][0]["url"]
        assert client.get(url).status_code == 200
        job = client.post(ZAI, json={"model": "offline-painter", "prompt": "a"}, headers=right).json()["id"]
        path = f"/zai-org/api/paas/v4/async-result/{job}"
        assert [client.get(path).status_code, client.get(path, headers=right).status_code] == [401, 200]
