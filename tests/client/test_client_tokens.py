"""Which token goes where: found in a fixed order, sent to Hugging Face alone, left behind by copies."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.client.settings import Keyring

HELLO = [{"role": "user", "content": "Hello!"}]
VARIABLES = ["HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGINGFACE_API_KEY", "HUG_API_KEY"]
ANSWER = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}


def sent_by(**settings: Any) -> list[str | None]:
    """The authorization headers that leave with one chat call."""
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return httpx2.Response(200, json=ANSWER)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        HFRouter("org/name", http_client=client, **settings).chat(HELLO)
    return seen


def test_an_explicit_token_goes_to_the_router() -> None:
    assert sent_by(api_key="hf_explicit") == ["Bearer hf_explicit"]


@pytest.mark.parametrize("name", VARIABLES)
def test_a_token_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hf_ambient")
    assert sent_by() == ["Bearer hf_ambient"]


@pytest.mark.parametrize("first", range(len(VARIABLES)))
def test_the_variables_count_in_their_order(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    for name in VARIABLES[first:]:
        monkeypatch.setenv(name, f"hf_{name}")
    assert sent_by() == [f"Bearer hf_{VARIABLES[first]}"]


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("HUG_API_KEY", "hf_second")
    assert sent_by() == ["Bearer hf_second"]


@pytest.fixture
def stored_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that `hf auth login` writes."""
    path = tmp_path / "token"
    path.write_text("hf_stored\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(path))
    return path


def test_the_stored_login_counts_when_no_variable_is_set(stored_login: Path) -> None:
    assert sent_by() == ["Bearer hf_stored"]


def test_a_variable_goes_before_the_stored_login(monkeypatch: pytest.MonkeyPatch, stored_login: Path) -> None:
    monkeypatch.setenv("HUG_API_KEY", "hf_variable")
    assert sent_by() == ["Bearer hf_variable"]


def test_an_explicit_token_goes_before_everything(
    monkeypatch: pytest.MonkeyPatch, stored_login: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_variable")
    assert sent_by(api_key="hf_explicit") == ["Bearer hf_explicit"]


def test_the_empty_token_sends_none_even_to_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_variable")
    assert sent_by(api_key="") == [None]


HUGGING_FACE = [
    "https://router.huggingface.co/v1",
    "https://huggingface.co/x",
    "https://abc.us-east-1.aws.endpoints.huggingface.cloud/v1",
]

STRANGERS = {
    "another host": "https://api.example.com/v1",
    "this machine": "http://127.0.0.1:8000/v1",
    "the router without TLS": "http://router.huggingface.co/v1",
    "a name that only ends alike": "https://evilhuggingface.co/v1",
    "a name that only begins alike": "https://huggingface.co.evil.example/v1",
    "a name in the path": "https://evil.example/huggingface.co",
    "the scope of an IP address": "https://[2001:db8::1%25.endpoints.huggingface.cloud]/v1",
    "a Space, which runs anybody's code": "https://somebody-app.hf.space/v1",
}


@pytest.mark.parametrize("url", HUGGING_FACE)
def test_the_ambient_token_goes_to_hosts_of_hugging_face(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ambient")
    assert sent_by(base_url=url) == ["Bearer hf_ambient"]


@pytest.mark.parametrize("url", STRANGERS.values(), ids=STRANGERS.keys())
def test_the_ambient_token_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ambient")
    assert sent_by(base_url=url) == [None]


def test_nor_when_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ambient")
    monkeypatch.setenv("HFROUTER_BASE_URL", "https://api.example.com/v1")
    assert sent_by() == [None]


def test_a_servers_own_key_goes_to_that_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ambient")
    assert sent_by(base_url="https://api.example.com/v1", api_key="sk-own") == ["Bearer sk-own"]


def test_a_redirect_is_not_followed_with_prompt_and_token_even_by_a_client_that_follows() -> None:
    hosts: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(307, headers={"location": "https://evil.example/v1/chat/completions"})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer), follow_redirects=True) as client,
        pytest.raises(errors.ModelNotServed, match=r"evil\.example"),
    ):
        HFRouter("org/name", http_client=client, api_key="hf_explicit").chat(HELLO)
    assert hosts == ["router.huggingface.co"]


def no_transport(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError("something was sent")


def test_without_any_token_the_error_names_the_variable_before_anything_is_sent() -> None:
    with (
        httpx2.Client(transport=httpx2.MockTransport(no_transport)) as client,
        pytest.raises(errors.Unauthorized, match="HF_TOKEN"),
    ):
        HFRouter("org/name", http_client=client).chat(HELLO)


async def test_without_any_token_the_asynchronous_client_says_the_same() -> None:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(no_transport)) as client:
        with pytest.raises(errors.Unauthorized, match="Nothing was sent"):
            await AsyncHFRouter("org/name", http_client=client).chat(HELLO)


def test_the_catalogue_needs_no_token() -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return httpx2.Response(200, json={"object": "list", "data": []})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        HFRouter(http_client=client).models()
    assert seen == [None]


def test_a_token_that_is_set_after_the_client_was_made_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return httpx2.Response(200, json=ANSWER)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        router = HFRouter("org/name", http_client=client)
        with pytest.raises(errors.Unauthorized):
            router.chat(HELLO)
        monkeypatch.setenv("HF_TOKEN", "hf_later")
        router.chat(HELLO)
    assert seen == ["Bearer hf_later"]


def test_token_files_are_read_at_first_use_and_not_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    monkeypatch.setattr("huggingface_hub.get_token", lambda: reads.append(1) or "hf_stored")
    router = HFRouter("org/name")
    repr(router)
    assert reads == []
    assert sent_by() == ["Bearer hf_stored"]


def test_the_token_is_looked_up_once_by_however_many_threads() -> None:
    looked_up: list[int] = []
    keyring = Keyring(lambda: looked_up.append(1) or "hf_found")
    threads = [threading.Thread(target=keyring.find) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looked_up == [1]
    assert keyring.found is not None
    assert keyring.found.reveal() == "hf_found"


def test_looking_for_a_token_does_not_hold_up_the_event_loop() -> None:
    async def main() -> None:
        async def answer(request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, json=ANSWER)

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
            router = AsyncHFRouter("org/name", http_client=client)
            home = threading.get_ident()
            found_in: list[int] = []
            router._exchange.keyring._look_up = lambda: found_in.append(threading.get_ident()) or "hf_found"
            await router.chat(HELLO)
        assert found_in
        assert found_in != [home]

    asyncio.run(main())


TRAVELS: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda router: pickle.loads(pickle.dumps(router)),
    "pickled twice": lambda router: pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(router)))),
    "deep-copied": copy.deepcopy,
}
each_travel = pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS.keys())
each_class = pytest.mark.parametrize("router_class", [HFRouter, AsyncHFRouter])

SETTINGS: dict[str, Any] = {
    "model": "org/name",
    "base_url": "https://api.example.com/v1",
    "provider": "groq",
    "bill_to": "acme",
    "timeout": 7.0,
    "max_retries": 5,
    "default_headers": {"x-team": "blue"},
    "extra_body": {"a": [1]},
    "wait_for_model": 30.0,
    "reasoning_tags": True,
}


def settings_of(router: Any) -> dict[str, Any]:
    state = router.__getstate__()["settings"]
    return {name: value for name, value in state.items() if name != "transport"}


@each_travel
@each_class
def test_a_travelled_client_has_the_same_settings(router_class: Any, travel: Any) -> None:
    router = router_class(**SETTINGS)
    copied = travel(router)
    assert type(copied) is router_class
    assert settings_of(copied) == settings_of(router)
    assert copied.timeouts == router.timeouts
    assert repr(copied) == repr(router)


def test_the_chosen_transport_travels() -> None:
    assert pickle.loads(pickle.dumps(AsyncHFRouter("m", transport="aiohttp"))).transport == "aiohttp"


@each_travel
def test_an_explicit_token_does_not_travel_and_is_never_replaced_by_another_account(
    monkeypatch: pytest.MonkeyPatch, travel: Any
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_somebody_else")
    copied = travel(HFRouter("org/name", api_key="hf_mine"))
    with pytest.raises(errors.ConfigError, match="HF_TOKEN"):
        copied.chat(HELLO)


@each_travel
def test_an_ambient_token_is_found_again_where_the_copy_runs(
    monkeypatch: pytest.MonkeyPatch, travel: Any
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_here")
    router = HFRouter("org/name")
    router._exchange.keyring.find()
    blob = pickle.dumps(router)
    assert b"hf_here" not in blob
    monkeypatch.setenv("HF_TOKEN", "hf_there")
    assert travel(router)._exchange.keyring.find().reveal() == "hf_there"


@each_travel
def test_no_token_stays_no_token(monkeypatch: pytest.MonkeyPatch, travel: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ambient")
    assert travel(HFRouter("org/name", api_key=""))._key.reveal() == ""


@each_travel
def test_a_secret_header_does_not_travel_and_is_missed_loudly(travel: Any) -> None:
    router = HFRouter(
        "org/name", base_url="http://127.0.0.1:9/v1", default_headers={"X-API-Key": "s3cr3t", "x-a": "b"}
    )
    assert b"s3cr3t" not in pickle.dumps(router)
    copied = travel(router)
    assert copied._headers == {"x-a": "b"}
    with pytest.raises(errors.ConfigError, match="left behind"):
        copied.chat(HELLO)


def test_a_client_in_use_travels_without_its_connections(offline_url: Any) -> None:
    router = HFRouter("offline/echo", base_url=offline_url)
    router.chat(HELLO)
    copied = pickle.loads(pickle.dumps(router))
    assert "Hello" in copied.chat(HELLO).text


def test_settings_as_json_hold_no_token() -> None:
    router = HFRouter(api_key="hf_mine_mine", **SETTINGS)
    assert "hf_mine" not in json.dumps(settings_of(router), default=repr)
