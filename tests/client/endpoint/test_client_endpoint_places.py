"""Where a prompt may go on the word of the API that knows endpoints: not into this machine's own network."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from shared_core import HFRouter, Target
from shared_core.client.endpoint_places import must_be_public
from shared_core.client.locating import FOUND
from shared_core.client.remembered import digest_of
from shared_core.errors import ConnectionLost, NoRoute
from shared_core.hub import Endpoints
from shared_core.routing import ENDPOINTS_URL
from shared_core.testing import OfflineRouter
from shared_core.types import InferenceEndpoint
from tests.client.endpoint.conftest import HELLO, KEY, Ask, paths

ELSEWHERE = "https://api.example:1/v2"


def tells(url: str, api_url: str = ENDPOINTS_URL, key: str = KEY) -> None:
    """As if the API had just said so."""
    mine = InferenceEndpoint("mine", "me", "running", url=url, repository="offline/echo")
    FOUND.keep((api_url, digest_of(key), "me/mine"), mine, time.time())


@pytest.fixture
def of(host: OfflineRouter) -> dict[str, Any]:
    """Settings of a client that asks Hugging Face's own API, which has answered before."""
    return {"endpoint": "me/mine", "endpoints_url": None}


PLACES = {
    "http://127.0.0.1:8080": "in this machine's own network",
    "http://localhost:8080": "in this machine's own network",
    "https://[::1]": "in this machine's own network",
    "https://10.1.2.3/x": "in this machine's own network",
    "http://169.254.169.254": "in this machine's own network",
    "https://2130706433": "in this machine's own network",
    "https://vault.internal": "in this machine's own network",
    "http://models.example": "not behind https",
    "http://x.endpoints.huggingface.cloud": "not behind https",
}


@pytest.mark.parametrize(("url", "where"), PLACES.items(), ids=PLACES.keys())
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("chat", (HELLO,)),
        ("embed", (["text"],)),
        ("rerank", ("query", ["text"])),
        ("fill_mask", ("Paris is [MASK].",)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_prompt_goes_to_no_such_place_on_the_apis_word(
    ask: Ask, of: dict[str, Any], url: str, where: str, method: str, arguments: tuple[Any, ...]
) -> None:
    tells(url)
    with pytest.raises(NoRoute, match=where) as caught:
        ask(method, *arguments, of=of)
    assert f"base_url='{url}/v1'" in caught.value.hint


def test_it_goes_there_where_the_user_names_the_place_himself(ask: Ask, host: OfflineRouter) -> None:
    assert ask("chat", HELLO, of={"base_url": str(host), "model": "offline/echo"}).text


def test_it_goes_there_where_the_api_is_on_this_machine_too(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    assert ask("chat", HELLO, of={"endpoint": "mine"}).text


@pytest.mark.parametrize(
    ("url", "api_url", "must"),
    [
        ("https://x.endpoints.huggingface.cloud", ENDPOINTS_URL, False),  # a company may have it at home
        ("https://models.example", ENDPOINTS_URL, True),
        ("https://api.example/mine", "https://api.example/v2", False),
        ("https://api.example/mine", "https://api.example:8443/v2", True),
        ("http://10.0.0.1", "http://127.0.0.1:8899/v2", False),
        ("http://10.0.0.1", "http://10.0.0.2/v2", True),
    ],
)
def test_which_places_must_be_on_the_open_internet(url: str, api_url: str, must: bool) -> None:
    assert must_be_public(url, api_url) is must


def test_another_target_is_asked_in_its_place_wherever_the_user_says_it_is(
    ask: Ask, host: OfflineRouter, of: dict[str, Any]
) -> None:
    tells("http://169.254.169.254")
    own = Target(str(host), model="offline/echo", api_key="k")
    assert ask("chat", HELLO, of={**of, "fallback": [own]}).text
    assert paths(host) == ["/v1/chat/completions"]


@pytest.fixture
def inward(host: OfflineRouter, of: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a client whose endpoint has a name that leads to this machine."""
    found = socket.getaddrinfo

    def answer(name: Any, *rest: Any, **more: Any) -> Any:
        return found("127.0.0.1" if str(name).endswith(".example") else name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    port = host.root.rpartition(":")[2]
    tells(f"https://models.example:{port}", ELSEWHERE, "")
    return {**of, "endpoints_url": ELSEWHERE}


def test_a_name_that_leads_into_this_network_is_not_connected_to(
    ask: Ask, host: OfflineRouter, inward: dict[str, Any]
) -> None:
    with pytest.raises(ConnectionLost, match="no public address") as caught:
        ask("chat", HELLO, of=inward)
    assert "base_url" in caught.value.hint
    assert not host.requests


@pytest.mark.parametrize("method", ["chat", "stream"])
def test_the_users_own_target_after_it_may_lie_in_this_network(
    about: dict[str, Any], host: OfflineRouter, inward: dict[str, Any], method: str
) -> None:
    own = Target(str(host), model="offline/echo", api_key="k")
    client = HFRouter(**{**about, **inward, "fallback": [own]})
    reply = client.chat(HELLO) if method == "chat" else "".join(each.text for each in client.stream(HELLO))
    assert reply
    assert paths(host) == ["/v1/chat/completions"]


def test_nor_is_a_container_there_asked_whether_it_is_ready(
    host: OfflineRouter, about: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = Endpoints(HFRouter(**{**about, "endpoints_url": None}))
    mine = InferenceEndpoint("mine", "me", "running", url=host.root)
    monkeypatch.setattr(type(endpoints._flows), "_looked_at", lambda *_: iter_of(mine))
    with pytest.raises(NoRoute, match="own network"):
        endpoints.wait("me/mine", timeout=5)
    assert not host.requests


def iter_of(value: Any) -> Any:
    """A flow that asks for nothing."""
    return value
    yield
