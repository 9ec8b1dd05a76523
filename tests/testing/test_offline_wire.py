"""The wire behaviour of the offline router, seen by a plain HTTP client."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter, offline_router

Post = Callable[..., httpx2.Response]
Chunks = Callable[..., list[dict[str, Any]]]


def test_the_router_is_the_string_of_its_base_url(router: OfflineRouter) -> None:
    assert router == f"http://127.0.0.1:{router.port}/v1" == f"{router.root}/v1"
    assert isinstance(router, str)


def test_the_catalogue_lists_every_model_in_the_documented_shape(router: OfflineRouter) -> None:
    body = httpx2.get(f"{router}/models").json()
    assert body["object"] == "list"
    entries = {entry["id"]: entry for entry in body["data"]}
    assert set(entries) == {f"offline/{name}" for name in ("extractive", "tools", "json", "reasoner", "echo")}
    tools = entries["offline/tools"]
    assert tools["architecture"]["output_modalities"] == ["text"]
    assert "image" in tools["architecture"]["input_modalities"]
    first, bare = tools["providers"][0], tools["providers"][-1]
    assert (first["provider"], first["status"], first["supports_tools"]) == ("offline", "live", True)
    assert first["context_length"] == 32768
    assert set(bare) == {"provider", "status", "is_model_author"}


def test_one_model_is_the_same_object_as_in_the_list(router: OfflineRouter) -> None:
    listed = httpx2.get(f"{router}/models").json()["data"]
    alone = httpx2.get(f"{router}/models/offline/echo").json()
    assert alone in listed
    assert httpx2.get(f"{router}/models/offline/nothing").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/embeddings"), ("POST", "/v1/chat"), ("GET", "/v1/chat/completions")]
)
def test_an_unknown_route_is_a_404_with_an_error(router: OfflineRouter, method: str, path: str) -> None:
    reply = httpx2.request(method, router.root + path)
    assert reply.status_code == 404
    assert "Not Found" in reply.json()["error"]


@pytest.mark.parametrize(
    ("suffix", "provider"),
    [
        ("", "offline"),
        (":fastest", "offline"),
        (":cheapest", "offline"),
        (":preferred", "offline"),
        (":groq", "groq"),
    ],
)
def test_the_provider_header_names_who_served(post: Post, suffix: str, provider: str) -> None:
    reply = post(model=f"offline/echo{suffix}")
    assert reply.headers["x-inference-provider"] == provider
    assert reply.json()["model"] == "offline/echo"


def test_the_request_id_carries_back_the_callers_own_id(router: OfflineRouter) -> None:
    mine = str(uuid.uuid4())
    body = {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}
    reply = httpx2.post(f"{router}/chat/completions", json=body, headers={"X-Amzn-Trace-Id": mine})
    assert reply.headers["x-request-id"].startswith("Root=1-")
    assert reply.headers["x-request-id"].endswith(f";{mine}")


def test_errors_carry_request_id_and_provider_too(post: Post) -> None:
    reply = post(model="offline/nobody")
    assert reply.status_code == 400
    assert {"x-request-id", "x-inference-provider"} <= set(reply.headers)


def test_a_reply_has_usage_that_adds_up(post: Post) -> None:
    usage = post("one two, three").json()["usage"]
    assert usage["prompt_tokens"] == 3 + 4
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == 11
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}


TEXTS = ["hello", "two  spaces\n\nand lines ", "Ünïcode — 你好, ‘quotes’ 🎉!", 'JSON {"a": [1, 2.5]}', " "]


@pytest.mark.parametrize("text", TEXTS)
def test_joined_deltas_are_the_plain_answer_one_token_each(post: Post, chunks: Chunks, text: str) -> None:
    plain = post(text).json()
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(text)]
    assert deltas[0] == {"role": "assistant", "content": ""}
    pieces = [delta["content"] for delta in deltas[1:-1]]
    assert "".join(pieces) == plain["choices"][0]["message"]["content"]
    assert len(pieces) == plain["usage"]["completion_tokens"]
    assert deltas[-1] == {}


def test_only_the_last_chunk_has_a_finish_reason(chunks: Chunks) -> None:
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks("a b c")]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]


def test_streamed_usage_comes_only_when_asked_for_and_equals_the_plain_one(
    post: Post, chunks: Chunks
) -> None:
    assert all("usage" not in chunk for chunk in chunks("a b"))
    last = chunks("a b", stream_options={"include_usage": True})[-1]
    assert last["choices"] == []
    assert last["usage"] == post("a b").json()["usage"]


def test_reasoning_comes_before_the_answer_and_is_counted(post: Post, chunks: Chunks) -> None:
    plain = post("What is 6 * 7?", model="offline/reasoner").json()
    message = plain["choices"][0]["message"]
    assert message["content"] == "6 * 7 = 42"
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks("What is 6 * 7?", model="offline/reasoner")]
    kinds = [key for delta in deltas for key in delta if key in ("reasoning", "content")][1:]
    assert kinds == sorted(kinds, reverse=True)
    assert "".join(delta.get("reasoning", "") for delta in deltas) == message["reasoning"]
    counted = plain["usage"]["completion_tokens_details"]["reasoning_tokens"]
    assert counted == kinds.count("reasoning")


@pytest.mark.parametrize("stream", [False, True])
def test_stop_ends_the_text_before_the_stop_word(post: Post, chunks: Chunks, stream: bool) -> None:
    if stream:
        text = "".join(
            c["choices"][0]["delta"].get("content", "") for c in chunks("one two three", stop="two")
        )
    else:
        text = post("one two three", stop=["x", "two"]).json()["choices"][0]["message"]["content"]
    assert text == "one "


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts_and_says_length(post: Post, key: str) -> None:
    body = post("one two three four", **{key: 2}).json()
    assert body["choices"][0]["message"]["content"] == "one two"
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 2


def test_n_gives_as_many_choices_plain_and_streamed(post: Post, chunks: Chunks) -> None:
    assert [choice["index"] for choice in post("hi", n=3).json()["choices"]] == [0, 1, 2]
    assert {chunk["choices"][0]["index"] for chunk in chunks("hi", n=3)} == {0, 1, 2}


def test_logprobs_come_for_every_token_with_the_alternatives_asked_for(post: Post) -> None:
    choice = post("one two", logprobs=True, top_logprobs=2).json()["choices"][0]
    content = choice["logprobs"]["content"]
    assert "".join(item["token"] for item in content) == choice["message"]["content"]
    assert [len(item["top_logprobs"]) for item in content] == [2, 2]
    assert post("one two").json()["choices"][0]["logprobs"] is None


def test_a_required_token_is_checked_and_anything_goes_without_one() -> None:
    body = {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}
    with offline_router(token="hf_right") as url:  # a made-up token
        codes = [
            httpx2.post(f"{url}/chat/completions", json=body, headers=headers).status_code
            for headers in ({}, {"authorization": "Bearer hf_wrong"}, {"authorization": "Bearer hf_right"})
        ]
        refused = httpx2.post(f"{url}/chat/completions", json=body)
        assert httpx2.get(f"{url}/models").status_code == 200
    assert codes == [401, 401, 200]
    assert refused.json() == {"error": "Invalid username or password."}
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_every_request_is_recorded_as_it_came(router: OfflineRouter, post: Post) -> None:
    post("hi", temperature=0.5)
    httpx2.get(f"{router}/models?x=1", headers={"X-Mine": "yes"})
    chat, models = router.requests
    assert (chat.method, chat.path, chat.status, chat.outcome) == (
        "POST",
        "/v1/chat/completions",
        200,
        "complete",
    )
    assert chat.json["temperature"] == 0.5
    assert b'"temperature"' in chat.raw
    assert (models.path, models.headers["x-mine"], models.json) == ("/v1/models", "yes", None)
    assert (chat.connection, models.connection, router.connections) == (1, 2, 2)


def test_the_record_says_whether_model_came_first(router: OfflineRouter) -> None:
    message = [{"role": "user", "content": "hi"}]
    httpx2.post(f"{router}/chat/completions", json={"model": "offline/echo", "messages": message})
    httpx2.post(f"{router}/chat/completions", json={"messages": message, "model": "offline/echo"})
    assert [request.model_first for request in router.requests] == [True, False]
