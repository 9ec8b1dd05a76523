"""A dedicated endpoint as the place of a client's calls: found by name, with the first call, and explained."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Target
from shared_core.client.costing import Costing
from shared_core.client.locating import FOUND, EndpointFinder, may_have_key
from shared_core.errors import (
    AllRoutesFailed,
    BadRequest,
    ConfigError,
    MalformedResponse,
    ModelLoading,
    ModelNotServed,
    ProviderFailed,
    RouterError,
    StreamInterrupted,
    Unauthorized,
)
from shared_core.testing import Cut, OfflineRouter, Status, offline_router
from shared_core.types import ApiKey, Timeouts, Waits

HELLO = [{"role": "user", "content": "Hello, endpoint!"}]
KEY = "hf_of_the_owner_12345678"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def offline() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture
def host(offline: OfflineRouter) -> OfflineRouter:
    offline.forget()
    FOUND.clear()
    return offline


@pytest.fixture
def about(host: OfflineRouter) -> dict[str, Any]:
    return {"api_key": KEY, "hub_url": host.root, "endpoints_url": host.endpoints_url, "max_retries": 0}


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, about: dict[str, Any]) -> Ask:
    """Calls a method of a fresh client of either kind."""

    def call(method: str, *arguments: Any, of: dict[str, Any], **options: Any) -> Any:
        if request.param == "threads":
            return getattr(HFRouter(**{**about, **of}), method)(*arguments, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**{**about, **of}) as router:
                return await getattr(router, method)(*arguments, **options)

        return asyncio.run(run())

    return call


def paths(host: OfflineRouter) -> list[str]:
    return [one.path for one in host.requests]


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


# -- what its failures mean ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        ("paused", ModelNotServed, "offline/it is paused"),
        ("failed", ProviderFailed, "offline/it has failed: out of memory"),
        ("pending", ModelLoading, "has no address yet"),
        ("initializing", ModelLoading, "still initializing"),
        ("scaledToZero", ModelLoading, "still initializing"),  # the request has woken it
    ],
)
def test_each_state_is_an_error_that_says_so(
    ask: Ask, host: OfflineRouter, state: str, kind: type[RouterError], said: str
) -> None:
    host.deploy("it", "offline/echo", state=state, looks=9, fails="out of memory")
    with pytest.raises(kind) as caught:
        ask("chat", HELLO, of={"endpoint": "it"})
    assert said in caught.value.message
    assert caught.value.hint
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("task", ["chat", "embed"])
def test_one_that_was_paused_since_it_was_found_says_so(ask: Ask, host: OfflineRouter, task: str) -> None:
    host.deploy("mine", "offline/echo" if task == "chat" else "offline/embed-8")
    what = HELLO if task == "chat" else ["a text"]
    ask(task, what, of={"endpoint": "mine"})
    host._state.fleet.told("offline", "mine", "paused")
    with pytest.raises(ModelNotServed, match="is paused"):
        ask(task, what, of={"endpoint": "mine"})


def test_one_that_wakes_is_waited_for_like_any_model(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("it", "offline/echo", state="scaledToZero", looks=3)
    host.queue(Status(503, headers={"retry-after": "0"}), times=2, path="/dedicated/*")
    reply = ask("chat", HELLO, of={"endpoint": "it", "wait_for_model": True, "timeout": 20})
    assert reply.text == "Hello, endpoint!"
    # Twice the proxy's 503, and after each a question what it means.
    assert paths(host).count("/dedicated/offline/it/v1/chat/completions") == 3
    assert paths(host).count("/v2/endpoint/offline/it") == 3


def test_a_service_that_has_too_much_to_do_is_not_said_to_wake(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Status(503), path="/dedicated/*")
    with pytest.raises(RouterError) as caught:
        ask("chat", HELLO, of={"endpoint": "mine"})
    assert type(caught.value).__name__ == "Overloaded"


def test_a_request_that_is_wrong_is_not_looked_into(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    with pytest.raises(BadRequest):
        ask("chat", HELLO, of={"endpoint": "mine"}, temperature=99)
    assert paths(host).count("/v2/endpoint/offline/mine") == 1


def test_where_nothing_can_be_found_out_the_first_error_stands(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine"})
    host.queue(Status(503), path="/dedicated/*")
    host.queue(Status(500), path="/v2/*")
    with pytest.raises(RouterError, match="no capacity"):
        ask("chat", HELLO, of={"endpoint": "mine"})


def test_an_address_that_is_gone_is_looked_up_anew_by_the_next_call(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine"})
    host._state.fleet.remove("offline", "mine")
    with pytest.raises(ModelNotServed, match="There is no endpoint 'offline/mine'"):
        ask("chat", HELLO, of={"endpoint": "mine"})
    host.deploy("mine", "offline/tools")
    assert ask("chat", HELLO, of={"endpoint": "mine"}).meta.model == "offline/tools"


def test_half_an_answer_is_no_question_of_states(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Cut(after=700), path="/dedicated/*")
    with pytest.raises(StreamInterrupted), HFRouter(endpoint="mine", **about).stream(HELLO) as stream:
        list(stream)
    assert paths(host)[-1].endswith("/chat/completions")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("nothing", ModelNotServed, "There is no endpoint 'offline/nothing'"),
        ("strangers/theirs", Unauthorized, "token was not accepted"),
    ],
)
def test_what_is_not_there_or_not_ours_is_told_by_name(
    ask: Ask, host: OfflineRouter, name: str, kind: type[RouterError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        ask("chat", HELLO, of={"endpoint": name})


@pytest.mark.parametrize("body", ['{"name": 3}', "[]", "no JSON"], ids=["another shape", "a list", "no JSON"])
def test_a_reply_that_nobody_understands_is_no_endpoint(ask: Ask, host: OfflineRouter, body: str) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Status(200, body), path="/v2/*")
    with pytest.raises(RouterError, match=r"understood|JSON"):
        ask("chat", HELLO, of={"endpoint": "mine"})


# -- whose token goes where ---------------------------------------------------------------------------------------


def test_an_address_on_a_strangers_host_gets_no_token(host: OfflineRouter, about: dict[str, Any]) -> None:
    with offline_router(embedder="words") as stranger:
        host.deploy("mine", "offline/echo")
        host._state.fleet.root = stranger.root  # as if its domain were somebody's own
        stranger.deploy("mine", "offline/echo")
        try:
            with pytest.raises(Unauthorized) as caught:
                HFRouter(endpoint="mine", **about).chat(HELLO)
        finally:
            host._state.fleet.root = host.root
        assert "pass base_url and api_key" in caught.value.hint
        assert [one.headers.get("authorization") for one in stranger.requests] == [None]


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://abc.us-east-1.aws.endpoints.huggingface.cloud", True),
        ("https://abc.endpoints.huggingface.cloud.evil.example", False),
        ("https://evil.example", False),
        ("http://abc.us-east-1.aws.endpoints.huggingface.cloud", False),
        ("https://someone-space.hf.space", False),
        ("https://[2001:db8::1%25.endpoints.huggingface.cloud]", False),
        ("https://evil.example%2f.endpoints.huggingface.cloud", False),
    ],
)
def test_a_token_goes_to_hosts_of_hugging_face_alone(url: str, goes: bool) -> None:
    assert may_have_key(ApiKey(KEY), url, "https://api.endpoints.huggingface.cloud/v2") is goes


def told(url: str, **more: Any) -> Status:
    reply = {
        "name": "mine",
        "model": {"repository": "offline/echo"},
        "status": {"state": "running", "url": url},
    }
    return Status(200, {**reply, **more})


def test_nor_do_headers_that_are_as_good_as_a_token(host: OfflineRouter, about: dict[str, Any]) -> None:
    with offline_router() as stranger:
        host.queue(told(stranger.root), path="/v2/endpoint/me/mine")
        headers = {"Cookie": "session=1", "X-Team": "red"}
        HFRouter(endpoint="me/mine", default_headers=headers, **about).chat(HELLO)
        (seen,) = stranger.requests
    assert "cookie" not in seen.headers
    assert seen.headers["x-team"] == "red"


def test_a_token_does_not_follow_texts_to_an_address_that_an_endpoint_has_left() -> None:
    from shared_core.client.vectors import check_place
    from shared_core.errors import ConnectionLost
    from shared_core.providers import route_by_url
    from shared_core.types import Call, EmbedRequest, Progress

    waits = Waits(Timeouts(), time.monotonic, streamed=False)
    target = Target("https://new.endpoints.huggingface.cloud/v1", api_key=KEY)
    call = Call(EmbedRequest("a", ("text",)), target, waits, Progress(0.0))
    check_place(route_by_url("https://new.endpoints.huggingface.cloud/v1", "openai", "a", "embed"), call)
    with pytest.raises(ConnectionLost, match="another address"):
        check_place(route_by_url("https://evil.example/v1", "openai", "a", "embed"), call)


@pytest.mark.parametrize(
    "url",
    [
        "endpoint://me/other",
        "file:///etc/passwd",
        "//evil.example",
        "https://me@abc.endpoints.huggingface.cloud",
        "https://abc.endpoints.huggingface.cloud\\@evil.example",
        "https://abc.endpoints.huggingface.cloud\n.evil.example",
        "https://evil.example?.endpoints.huggingface.cloud",
    ],
)
def test_what_the_api_calls_an_address_and_is_none_is_not_asked(
    host: OfflineRouter, about: dict[str, Any], url: str
) -> None:
    host.queue(told(url), path="/v2/endpoint/me/mine")
    with pytest.raises(MalformedResponse, match="about an endpoint of me") as caught:
        HFRouter(endpoint="me/mine", **about).chat(HELLO)
    assert str(caught.value).count("Next: ") == 1
    assert paths(host) == ["/v2/endpoint/me/mine"]


@pytest.mark.parametrize("name", ["..", "../..", "a/b", "a b", "", 3])
def test_a_users_name_that_would_lead_elsewhere_is_none(
    host: OfflineRouter, about: dict[str, Any], name: Any
) -> None:
    host.queue(Status(200, {"name": name, "type": "user"}), path="/api/whoami-v2")
    with pytest.raises(ConfigError, match="whose endpoints"):
        HFRouter(endpoint="mine", **about).chat(HELLO)
    assert paths(host) == ["/api/whoami-v2"]


def test_the_ambient_token_is_not_sent_to_a_stand_in_of_the_api(
    monkeypatch: pytest.MonkeyPatch, host: OfflineRouter, about: dict[str, Any]
) -> None:
    monkeypatch.setenv("HF_TOKEN", KEY)
    host.deploy("mine", "offline/echo")
    with pytest.raises(Unauthorized):
        HFRouter(endpoint="offline/mine", **{**about, "api_key": None}).chat(HELLO)
    assert all("authorization" not in one.headers for one in host.requests)


def test_an_api_elsewhere_gets_no_token_at_all(about: dict[str, Any]) -> None:
    client = HFRouter(endpoint="mine", **{**about, "endpoints_url": "https://evil.example/v2"})
    finder = client._locate.finder()
    assert isinstance(finder, EndpointFinder)
    waits = Waits(Timeouts(), time.monotonic, streamed=False)
    call = finder.question(finder.api_url, "/x", ApiKey(KEY), waits)
    assert (call.target.base_url, call.target.key.reveal()) == ("https://evil.example/v2", "")


# -- beside other targets -----------------------------------------------------------------------------------------


def test_a_paused_endpoint_is_stood_in_for_by_the_router(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFROUTER_BASE_URL", str(host))
    host.deploy("resting", "offline/echo", state="paused")
    reply = ask("chat", HELLO, of={"endpoint": "resting", "fallback": ["offline/tools"]})
    assert (reply.meta.model, reply.meta.url, reply.meta.moves) == ("offline/tools", str(host), 1)


@pytest.mark.parametrize("state", ["paused", "running"])
def test_texts_go_on_to_another_host_of_the_same_model(ask: Ask, host: OfflineRouter, state: str) -> None:
    host.deploy("vectors", "offline/embed-8", state=state, image="tei")
    spare = Target(model="offline/embed-8", base_url=str(host), api_key="")
    of = {"endpoint": "vectors", "model": "offline/embed-8", "fallback": [spare]}
    reply = ask("embed", ["one", "two"], of=of)
    assert len(reply.vectors) == 2
    asked = "/dedicated/offline/vectors/embed" if state == "running" else "/v1/embeddings"
    assert host.requests[-1].path == asked
    assert (host.requests[-1].headers.get("authorization") is None) == (state == "paused")


def test_an_endpoint_stands_in_for_the_router(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("spare", "offline/echo")
    host.queue(Status(503))
    spare = Target(base_url="endpoint://spare", api_key=KEY)
    reply = ask("chat", HELLO, of={"base_url": str(host), "model": "offline/tools", "fallback": [spare]})
    assert (reply.meta.model, reply.meta.moves) == ("offline/echo", 1)


def test_the_client_s_own_token_is_not_for_an_endpoint_that_stands_in(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("spare", "offline/echo")
    host.queue(Status(503))
    of = {"base_url": str(host), "model": "offline/tools", "fallback": ["endpoint://offline/spare"]}
    with pytest.raises(AllRoutesFailed):
        ask("chat", HELLO, of=of)
    sent = [one.headers for one in host.requests if one.path.startswith(("/v2", "/dedicated"))]
    assert sent
    assert all("authorization" not in headers for headers in sent)


def test_a_name_of_ones_own_may_stand_for_an_endpoint(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    models = {"own": {"base_url": "endpoint://mine", "api_key": KEY, "temperature": 0}}
    reply = ask(
        "chat", HELLO, of={"base_url": str(host), "model": "offline/tools", "models": models}, model="own"
    )
    assert reply.meta.model == "offline/echo"


def test_a_name_of_ones_own_stands_in_where_the_endpoint_rests(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("resting", "offline/echo", state="paused")
    models = {"spare": {"model": "offline/tools", "base_url": str(host), "api_key": KEY}}
    reply = ask("chat", HELLO, of={"endpoint": "resting", "models": models, "fallback": ["spare"]})
    assert (reply.meta.model, reply.meta.url) == ("offline/tools", str(host))


def test_limits_and_budgets_count_an_endpoint_by_its_name(about: dict[str, Any], host: OfflineRouter) -> None:
    from shared_core import Budget, Limit

    host.deploy("mine", "offline/echo")
    bounds = {
        "limits": [Limit(requests=100, per="minute", of="host")],
        "budgets": [Budget(requests=2, per="total")],
    }
    router = HFRouter(endpoint="mine", **about, **bounds)
    router.chat(HELLO)
    router.chat(HELLO)
    with pytest.raises(RouterError, match="may"):
        router.chat(HELLO)
    assert router.estimate_cost("Hello!").low.usd is None


def test_answers_of_an_endpoint_are_remembered_by_its_name(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    from shared_core import ChatCache

    cache = ChatCache(True)
    for _ in range(2):
        reply = ask("chat", HELLO, of={"endpoint": "mine", "chat_cache": cache}, temperature=0)
    assert reply.meta.cached
    assert paths(host).count("/dedicated/offline/mine/v1/chat/completions") == 1


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://abc.us-east-1.aws.endpoints.huggingface.cloud/v1", "paid for by the hour"),
        ("http://localhost:8000/v1", "neither the request nor the reply"),
    ],
)
def test_what_a_call_of_an_endpoint_costs_is_told_by_the_hour(url: str, note: str) -> None:
    cost = Costing().of("offline/echo", None, None, {}, url)
    assert (cost.usd, note in cost.note) == (None, True)


def test_the_ledger_knows_an_endpoint_by_its_name(ask: Ask, host: OfflineRouter) -> None:
    from shared_core import Ledger

    ledger = Ledger()
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine", "ledger": ledger})
    assert [row.url for row in ledger.rows()] == ["endpoint://mine"]


# -- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": "mine", "base_url": "https://a.example/v1"}, "both say where calls go"),
        ({"endpoint": "mine", "provider": "groq"}, "an endpoint has none"),
        ({"endpoint": "mine", "bill_to": "acme"}, "paid for by its namespace"),
        ({"endpoint": "mine", "embedding_api": "router"}, "an endpoint is none"),
        ({"base_url": "endpoint://mine", "provider": "groq"}, "an endpoint has none"),
        ({"endpoint": "https://mine.example"}, "is not the name of an endpoint"),
        ({"endpoint": "mine", "fallback": ["http://localhost:8000/v1"]}, "names no model"),
        ({"endpoint": "mine", "endpoints_url": "no address"}, "endpoints_url"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_contradictions_are_found_when_the_client_is_made(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        HFRouter(**settings)


def test_the_environment_may_name_the_endpoint(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy("mine", "offline/echo")
    monkeypatch.setenv("HFROUTER_ENDPOINT", "mine")
    assert ask("chat", HELLO, of={}).meta.model == "offline/echo"


def test_an_endpoint_as_an_argument_goes_before_a_host_and_a_model_in_the_environment(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy("mine", "offline/echo")
    for name, value in (("BASE_URL", "http://127.0.0.1:9"), ("MODEL", "a/b"), ("PROVIDER", "groq")):
        monkeypatch.setenv(f"HFROUTER_{name}", value)
    assert ask("chat", HELLO, of={"endpoint": "mine"}).meta.model == "offline/echo"


def test_a_host_and_an_endpoint_in_one_place_are_a_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFROUTER_ENDPOINT", "mine")
    monkeypatch.setenv("HFROUTER_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="both say where calls go"):
        HFRouter().chat(HELLO)


def test_a_token_for_another_host_is_not_sent_to_the_endpoint(
    host: OfflineRouter, about: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFROUTER_BASE_URL", "https://gateway.example/v1")
    monkeypatch.setenv("HFROUTER_API_KEY", "key-of-the-gateway")
    del about["api_key"]
    with pytest.raises(Unauthorized):
        HFRouter(endpoint="offline/mine", **about).chat(HELLO)
    assert all("authorization" not in one.headers for one in host.requests)
