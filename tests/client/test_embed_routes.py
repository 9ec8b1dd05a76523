"""Through the router: who serves a model is asked at the Hub, and each provider is spoken to in its own way."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from shared_core import HFRouter, errors
from shared_core.client.vector_router import VectorRouter
from shared_core.testing import Status

FOUR = {
    "hf-inference": "/hf-inference/models/offline/minilm/pipeline/feature-extraction",
    "deepinfra": "/deepinfra/v1/openai/embeddings",
    "scaleway": "/scaleway/v1/embeddings",
    "together": "/together/v1/embeddings",
}


@pytest.fixture
def behind(make_plain: Any, offline_url: Any) -> Any:
    """Makes a client to which the offline router is both router and Hub."""

    def behind(model: str, **settings: Any) -> Any:
        root = offline_url.removesuffix("/v1")
        return make_plain(model=model, embedding_api="router", hub_url=root, **settings)

    return behind


@pytest.mark.parametrize("provider", FOUR)
def test_each_provider_gets_its_own_path_and_gives_the_same_vectors(
    behind: Any, offline_url: Any, provider: str
) -> None:
    texts = [f"text {n}" for n in range(70)]
    reply = behind("offline/minilm", provider=provider, bill_to="acme").embed(texts)
    asked_hub, *posts = offline_url.requests
    assert (asked_hub.path, asked_hub.query) == (
        "/api/models/offline/minilm",
        "expand=inferenceProviderMapping",
    )
    assert {seen.path for seen in posts} == {FOUR[provider]}
    assert {seen.headers["authorization"] for seen in posts} == {"Bearer any"}
    assert {seen.headers["x-hf-bill-to"] for seen in posts} == {"acme"}
    assert reply.meta.provider == provider
    assert reply.meta.url == offline_url.removesuffix("/v1")
    assert reply.usage.prompt_tokens > 70
    plain = behind("offline/minilm:hf-inference").embed(texts[:3])
    assert np.allclose(reply.vectors[:3], plain.vectors, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("Qwen/Qwen3-Embedding-8B", "scaleway", "qwen3-embedding-8b"),
        ("offline/third-is-live", "deepinfra", "deep/embed-384"),
        ("offline/third-is-live:fastest", "deepinfra", "deep/embed-384"),
        ("offline/third-is-live:cheapest", "deepinfra", "deep/embed-384"),
    ],
)
def test_the_first_live_provider_with_a_known_route_is_asked_by_its_own_name(
    behind: Any, offline_url: Any, model: str, provider: str, name: str
) -> None:
    reply = behind(model).embed(["a"])
    assert reply.meta.provider == provider
    assert offline_url.requests[-1].json["model"] == name


def test_who_serves_a_model_is_asked_once(behind: Any, offline_url: Any) -> None:
    behind("offline/minilm").embed(["a"])
    behind("offline/minilm").embed(["b"])
    assert [seen.path.startswith("/api/") for seen in offline_url.requests] == [True, False, False]
    behind("offline/minilm", api_key="another-account").embed(["a"])
    assert offline_url.requests[3].path.startswith("/api/")  # the order is the account's own


def test_a_named_provider_that_is_not_live_is_asked_and_a_note_says_so(behind: Any) -> None:
    reply = behind("offline/no-live-provider:together").embed(["a"])
    assert "'staging'" in reply.notes[0]


def test_a_model_that_nobody_serves_or_that_does_not_exist_is_told_so(behind: Any, offline_url: Any) -> None:
    with pytest.raises(errors.ModelNotServed, match="No provider serves"):
        behind("offline/no-provider").embed(["a"])
    with pytest.raises(errors.ModelNotServed, match="There is no model 'org/nothing'") as caught:
        behind("org/nothing").embed(["a"])
    assert caught.value.model == "org/nothing"
    with pytest.raises(errors.ModelNotServed, match="live are hf-inference"):
        behind("sentence-transformers/all-MiniLM-L6-v2:groq").embed(["a"])
    with pytest.raises(errors.NoRoute, match="futureco"):
        behind("offline/third-is-live:futureco").embed(["a"])
    assert all(seen.method == "GET" for seen in offline_url.requests)


def test_without_a_token_the_hub_hides_a_missing_model_behind_a_401(behind: Any, offline_url: Any) -> None:
    missing = Status(401, b'{"error": "Invalid username or password."}', {"x-error-code": "RepoNotFound"})
    offline_url.queue(missing, path="/api/models/*")
    with pytest.raises(errors.ModelNotServed, match="There is no model"):
        behind("offline/minilm").embed(["a"])
    offline_url.queue(Status(401, b'{"error": "Invalid username or password."}'), path="/api/models/*")
    with pytest.raises(errors.Unauthorized):
        behind("offline/minilm").embed(["a"])


def test_a_hub_that_stumbles_is_asked_again(behind: Any, offline_url: Any) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}), path="/api/models/*")
    assert len(behind("offline/minilm").embed(["a"])) == 1


def test_a_model_id_that_leads_out_of_its_place_is_refused(behind: Any, offline_url: Any) -> None:
    for model in ("../../etc", "a b", "", "org/mo\ndel"):
        with pytest.raises(errors.ConfigError):
            behind(model).embed(["a"])
    assert offline_url.requests == []


class Hub(BaseHTTPRequestHandler):
    """A Hub with a model that was renamed, and one whose redirect leads elsewhere."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("authorization")))  # type: ignore[attr-defined]
        status, headers, body = 200, {}, b""
        if self.path.startswith("/api/models/old/name"):
            status, headers = 307, {"location": self.path.replace("old/name", "new/name")}
        elif self.path.startswith("/api/models/stolen/name"):
            status, headers = 307, {"location": "http://127.0.0.1:1/api/models/new/name"}
        elif self.path.startswith("/api/models/round/and"):
            status, headers = 307, {"location": self.path.replace("round/and", "round/and/round")}
        else:
            mapping = {
                "hf-inference": {"status": "live", "providerId": "new/name", "task": "feature-extraction"}
            }
            body = json.dumps({"id": "new/name", "inferenceProviderMapping": mapping}).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.path, self.headers.get("authorization")))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "9")
        self.end_headers()
        self.wfile.write(b"[[1.0,2]]")

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def hub() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.seen = []  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_renamed_model_is_found_under_its_new_name(make_plain: Any, hub: Any) -> None:
    caller = make_plain(model="old/name", base_url=f"{hub.url}/v1", hub_url=hub.url, embedding_api="router")
    assert caller.embed(["a"]).tolist() == [[1, 2]]
    assert [path.partition("?")[0] for path, _ in hub.seen] == [
        "/api/models/old/name",
        "/api/models/new/name",
        "/hf-inference/models/new/name/pipeline/feature-extraction",
    ]


@pytest.mark.parametrize("model", ["stolen/name", "round/and"])
def test_a_redirect_to_another_host_or_without_end_is_not_followed(
    make_plain: Any, hub: Any, model: str
) -> None:
    caller = make_plain(model=model, base_url=f"{hub.url}/v1", hub_url=hub.url, embedding_api="router")
    with pytest.raises(errors.ModelNotServed, match="redirects"):
        caller.embed(["a"])
    assert len(hub.seen) <= 3


def test_a_token_that_was_given_for_one_host_is_not_shown_to_another_hub(
    make_plain: Any, offline_url: Any, hub: Any
) -> None:
    caller = make_plain(model="new/name", hub_url=hub.url, embedding_api="router", api_key="canary")
    with pytest.raises(errors.RouterError):
        caller.embed(["a"])  # the offline router knows no such model
    assert hub.seen == [("/api/models/new/name?expand=inferenceProviderMapping", None)]


def test_the_hub_is_huggingface_or_what_hf_endpoint_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert HFRouter("a/b").hub_url == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert HFRouter("a/b").hub_url == "https://mirror.example"
    assert HFRouter("a/b", hub_url="https://own.example/").hub_url == "https://own.example"
    monkeypatch.setenv("HF_ENDPOINT", "mirror")
    with pytest.raises(errors.ConfigError, match="HF_ENDPOINT"):
        _ = HFRouter("a/b").hub_url


def test_an_explicit_token_goes_to_the_real_hub_and_an_ambient_one_to_no_mirror() -> None:
    def key(**settings: Any) -> str:
        router: VectorRouter = HFRouter("a/b", **settings)
        return router._hub_key(router.hub_url).source

    assert key(api_key="k") == "argument"
    assert key(api_key="k", base_url="http://gateway/v1", hub_url="http://gateway") == "argument"
    assert key(api_key="k", hub_url="https://mirror.example") == "none"
    assert key() == "ambient"  # which the exchange gives to Hugging Face only


def test_the_key_of_a_server_of_your_own_is_not_shown_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(**settings: Any) -> str:
        router: VectorRouter = HFRouter("a/b", base_url="http://localhost:8000/v1", **settings)
        return router._hub_key(router.hub_url).source

    assert key(api_key="its-key") == "ambient"  # the user's own, where there is one
    assert key(api_key="its-key", hub_url="https://mirror.example") == "none"
    assert key(api_key="") == "none"
    assert key() == "ambient"


def test_what_embedding_api_may_be(offline_url: Any) -> None:
    with pytest.raises(errors.ConfigError, match="no embedding_api 'cohere'"):
        HFRouter("a/b", embedding_api="cohere")  # type: ignore[arg-type]
    for url in ("hub.example", "http://u:p@hub", 5):
        with pytest.raises(errors.ConfigError, match="hub_url"):
            HFRouter("a/b", hub_url=url)  # type: ignore[arg-type]


def test_a_copy_keeps_the_settings(offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    router = HFRouter(
        "offline/minilm",
        base_url=str(offline_url),
        embedding_api="router",
        hub_url=root,
        embedding_cache=False,
    )
    copy = pickle.loads(pickle.dumps(router))
    assert (copy.embedding_api, copy.hub_url, copy.embedding_cache) == ("router", root, False)
