"""A dedicated endpoint is found by its name, with the first call, and asked in its container's words."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import (
    ModelNotServed,
)
from shared_core.testing import OfflineRouter, Status
from shared_core.types import ApiKey
from tests.client.endpoint.conftest import HELLO, KEY, Ask, paths

# -- finding it ---------------------------------------------------------------------------------------------------


def test_a_name_is_looked_up_with_the_first_call_and_its_model_is_asked(
    ask: Ask, host: OfflineRouter
) -> None:
    root = host.deploy("mine", "offline/echo")
    reply = ask("chat", HELLO, of={"endpoint": "mine"})
    assert (reply.text, reply.meta.model, reply.meta.url) == (
        "Hello, endpoint!",
        "offline/echo",
        f"{root}/v1",
    )
    assert paths(host) == [
        "/api/whoami-v2",
        "/v2/endpoint/offline/mine",
        "/dedicated/offline/mine/v1/chat/completions",
    ]
    assert host.requests[-1].json["model"] == "offline/echo"
    assert {one.headers["authorization"] for one in host.requests} == {f"Bearer {KEY}"}


def test_a_name_with_its_namespace_asks_nobody_whose_token_it_is(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("ours", "offline/echo", namespace="acme")
    assert ask("chat", HELLO, of={"endpoint": "acme/ours"}).text == "Hello, endpoint!"
    assert "/api/whoami-v2" not in paths(host)


def test_what_was_found_is_remembered_for_the_process(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    for _ in range(3):
        ask("chat", HELLO, of={"endpoint": "mine"})
    assert paths(host).count("/v2/endpoint/offline/mine") == 1


def test_each_account_finds_its_own(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo")
    for key in (KEY, "hf_of_another_12345678"):
        HFRouter(**{**about, "api_key": key}, endpoint="mine").chat(HELLO)
    assert paths(host).count("/v2/endpoint/offline/mine") == 2


def test_making_a_client_asks_nobody(host: OfflineRouter, about: dict[str, Any]) -> None:
    HFRouter(endpoint="mine", **about)
    AsyncHFRouter(endpoint="mine", **about)
    assert host.requests == []


def test_a_stream_comes_from_the_endpoint(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo")
    with HFRouter(endpoint="mine", **about).stream(HELLO) as stream:
        assert "".join(delta.text for delta in stream) == "Hello, endpoint!"
    assert stream.reply.meta.url.endswith("/dedicated/offline/mine/v1")


def test_a_copy_finds_it_again(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo", access="public")
    copy = pickle.loads(pickle.dumps(HFRouter(endpoint="mine", **about)))
    assert (copy.base_url, copy.model) == ("endpoint://mine", "endpoint://mine")
    copy._key = ApiKey(KEY)  # the explicit one stayed behind, as always
    assert copy.chat(HELLO).text == "Hello, endpoint!"


def test_threads_that_come_at_once_all_find_it(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo")
    router, texts = HFRouter(endpoint="mine", **about), []
    threads = [threading.Thread(target=lambda: texts.append(router.chat(HELLO).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["Hello, endpoint!"] * 8


# -- what is asked of it ------------------------------------------------------------------------------------------


def test_a_container_is_asked_for_the_name_that_its_arguments_say(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo", args=["--served-model-name", "my-echo"])
    ask("chat", HELLO, of={"endpoint": "mine"})
    assert host.requests[-1].json["model"] == "my-echo"


def test_a_model_beside_the_endpoint_is_what_the_container_calls_it(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo", image="tgi")
    ask("chat", HELLO, of={"endpoint": "mine", "model": "tgi"})
    assert host.requests[-1].json["model"] == "tgi"


def test_a_wrong_name_for_the_model_is_told_with_the_right_one(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    with pytest.raises(ModelNotServed) as caught:
        ask("chat", HELLO, of={"endpoint": "mine", "model": "other"})
    assert "serves 'offline/echo'" in caught.value.hint


def test_a_container_that_lacks_the_path_is_no_wrong_name(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/embed-8")
    host.queue(Status(404, '{"error": "Not Found"}'), path="/dedicated/*")
    with pytest.raises(ModelNotServed) as caught:
        ask("embed", ["a"], of={"endpoint": "mine"})
    assert "has no such path" in caught.value.hint


@pytest.mark.parametrize(
    ("image", "api", "path"),
    [
        ("tei", None, "embed"),
        ("vLLM", None, "v1/embeddings"),
        ("tei", "openai", "v1/embeddings"),
        ("vLLM", "tei", "embed"),
    ],
    ids=["TEI", "another container", "TEI asked like OpenAI", "said to be TEI"],
)
def test_texts_are_embedded_in_the_container_s_own_words(
    ask: Ask, host: OfflineRouter, image: str, api: str | None, path: str
) -> None:
    host.deploy("vectors", "offline/embed-8", image=image)
    reply = ask("embed", ["one", "two"], of={"endpoint": "vectors", "embedding_api": api})
    assert reply.vectors.shape[0] == 2
    assert host.requests[-1].path == f"/dedicated/offline/vectors/{path}"
    assert host.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("model", [{}, {"model": "Qwen/Qwen3-Embedding-0.6B"}], ids=["not named", "named"])
def test_texts_get_what_the_endpoint_s_model_is_known_to_want(
    ask: Ask, host: OfflineRouter, model: dict[str, str]
) -> None:
    host.deploy("vectors", "Qwen/Qwen3-Embedding-0.6B", image="tei")
    reply = ask("embed", ["one"], "query", of={"endpoint": "vectors", **model})
    assert reply.prompt.startswith("Instruct: Given a web search query")
    assert host.requests[-1].json["inputs"] == [f"{reply.prompt}one"]
    assert ask("embed", ["one"], "query", of={"endpoint": "vectors"}, query_prompt="").prompt == ""
    assert host.requests[-1].json["inputs"] == ["one"]


def test_documents_are_reranked(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("ranks", "offline/embed-8", image="tei")
    reply = ask("rerank", "cats", ["A cat sat.", "Trains run."], of={"endpoint": "ranks"})
    assert reply.order[0] == 0
    assert host.requests[-1].path == "/dedicated/offline/ranks/rerank"


def test_a_base_model_goes_on_with_a_text(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("base", "offline/writer")
    reply = ask("text_generation", "Paris is", of={"endpoint": "base"}, max_new_tokens=5)
    assert reply.text
    assert host.requests[-1].path == "/dedicated/offline/base/v1/completions"
    assert host.requests[-1].json["model"] == "offline/writer"


def test_a_warm_up_waits_until_it_answers(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("it", "offline/echo", state="scaledToZero")
    host.queue(Status(503, headers={"retry-after": "0"}), path="/dedicated/*")
    assert ask("warm", of={"endpoint": "it"}).state == "live"


def test_a_status_says_whether_it_answers(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    host.deploy("resting", "offline/echo", state="paused")
    assert ask("status", of={"endpoint": "mine"}).state == "live"
    assert ask("status", of={"endpoint": "resting"}).state == "not served"


def test_its_list_of_models_is_that_of_the_container(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    assert list(ask("models", of={"endpoint": "mine"}, refresh=True).models) == ["offline/echo"]
