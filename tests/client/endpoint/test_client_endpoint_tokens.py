"""Which hosts get an endpoint's token, and what the API may call an address."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared_core import HFRouter, Target
from shared_core.client.endpoint_places import may_have_key
from shared_core.client.locating import EndpointFinder
from shared_core.errors import (
    ConfigError,
    MalformedResponse,
    Unauthorized,
)
from shared_core.testing import OfflineRouter, Status, offline_router
from shared_core.types import ApiKey, Timeouts, Waits
from tests.client.endpoint.conftest import HELLO, KEY, paths

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
