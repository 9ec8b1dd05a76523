"""What costs money is sent once: every fault at every provider, counted where the requests arrive."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.providers import MAPPINGS
from shared_core.testing import BadGzip, Cut, Fault, Loading, OfflineRouter, Raw, Stall, Status

MADE = {
    "fal-ai": ("text_to_image", "offline/painter"),
    "replicate": ("text_to_image", "offline/painter"),
    "wavespeed": ("text_to_image", "offline/painter"),
    "together": ("text_to_image", "offline/painter"),
    "nscale": ("text_to_image", "offline/painter"),
    "zai-org": ("text_to_image", "offline/painter"),
    "hf-inference": ("text_to_image", "offline/painter"),
    "novita": ("text_to_video", "offline/animator"),
    "deepinfra": ("text_to_speech", "offline/speaker"),
}
JSON = "application/json"

# What happens to the request, the error that comes of it, and how often the request was sent.
MAY_HAVE_RUN: dict[str, tuple[Fault, type[errors.RouterError]]] = {
    "a reset after it was sent": (Cut(after=None, how="reset"), errors.ConnectionLost),
    "a connection closed after it was sent": (Cut(after=None, how="close"), errors.ConnectionLost),
    "500": (Status(500), errors.ProviderFailed),
    "502 with a page": (Status(502, "<html><body>Bad Gateway</body></html>"), errors.ProviderFailed),
    "503 that does not say when": (Status(503, {"error": "no capacity"}), errors.Overloaded),
    "504": (Status(504), errors.TimedOut),
    "half a reply": (Cut(after=5), errors.ConnectionLost),
    "a reply that breaks off": (Cut(after=5, how="reset"), errors.ConnectionLost),
    "a reply that is cut and called whole": (Cut(after=5, how="end"), errors.MalformedResponse),
    "no JSON": (Raw(b"\x00\xff not json", JSON), errors.MalformedResponse),
    "a login page": (Status(200, "<html><body>Log in</body></html>"), errors.MalformedResponse),
    "broken gzip": (BadGzip(), errors.MalformedResponse),
    "JSON that says nothing": (Raw(b"{}", JSON), errors.MalformedResponse),
    "JSON that is a list": (Raw(b"[]", JSON), errors.MalformedResponse),
}
SURELY_DID_NOT: dict[str, Fault] = {
    "429": Status(429),
    "429 that says when": Status(429, headers={"retry-after": "0"}),
    "503 that says when": Status(503, {"error": "no capacity"}, headers={"retry-after": "0"}),
}
NEVER: dict[str, tuple[Fault, type[errors.RouterError]]] = {
    "400": (Status(400), errors.BadRequest),
    "401": (Status(401), errors.Unauthorized),
    "402": (Status(402), errors.PaymentRequired),
    "403": (Status(403), errors.PermissionDenied),
    "404": (Status(404), errors.ModelNotServed),
    "413": (Status(413), errors.InputTooLong),
    "a model that loads": (Loading(), errors.ModelLoading),
    "429 that asks for an hour": (Status(429, headers={"retry-after": "3600"}), errors.RateLimited),
}

WAYS = [
    *((way, provider) for way in ("threads",) for provider in MADE),
    *((way, provider) for way in ("httpx2", "aiohttp") for provider in ("fal-ai", "zai-org", "hf-inference")),
]
"""The provider decides what is sent, the transport how: each fault at each provider once, and at three by each."""
each_way = pytest.mark.parametrize(("way", "provider"), WAYS)

Make = Callable[..., Awaitable[Any]]


@pytest.fixture
def make(way: str, provider: str, offline_url: OfflineRouter) -> Make:
    """`await make(**settings)`: one paid call, with two retries allowed."""

    async def make(**settings: Any) -> Any:
        method, model = MADE[provider]
        settings = {"base_url": offline_url, "embedding_api": "router", **settings}
        settings |= {"api_key": "hf_canary", "hub_url": offline_url.root, "max_retries": 2}
        if way == "threads":
            return getattr(HFRouter(**settings), method)("a boat", model=f"{model}:{provider}")
        async with AsyncHFRouter(**settings, transport=way) as router:
            return await getattr(router, method)("a boat", model=f"{model}:{provider}")

    MAPPINGS.clear()
    return make


@pytest.fixture(autouse=True)
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.client.jobs._LONGEST_WAIT", 0.0)


def submissions(router: OfflineRouter) -> int:
    return sum(each.method == "POST" for each in router.requests)


def is_file(fault: Fault, provider: str) -> bool:
    """Whether a fault spoils a body that is JSON elsewhere: two providers answer with the file itself."""
    return provider in ("hf-inference", "deepinfra") and isinstance(fault, Cut) and fault.how == "end"


@each_way
@pytest.mark.parametrize(("fault", "error"), MAY_HAVE_RUN.values(), ids=MAY_HAVE_RUN)
async def test_what_may_have_run_is_sent_once_and_said_to_be_billed(
    make: Make, offline_url: OfflineRouter, provider: str, fault: Fault, error: type[errors.RouterError]
) -> None:
    if is_file(fault, provider):
        fault = Cut(after=0, how="end")
    offline_url.queue(fault, times=-1, path=f"/{provider}/*")
    with pytest.raises(error) as caught:
        await make()
    assert submissions(offline_url) == 1
    assert "may have run, and be billed" in caught.value.hint
    assert not caught.value.reactions
    assert caught.value.provider == provider
    assert "hf_canary" not in f"{caught.value!r} {caught.value}"


@each_way
@pytest.mark.parametrize("fault", SURELY_DID_NOT.values(), ids=SURELY_DID_NOT)
async def test_what_was_refused_for_now_is_sent_again(
    make: Make, offline_url: OfflineRouter, provider: str, fault: Fault
) -> None:
    offline_url.queue(fault, path=f"/{provider}/*", times=2)
    assert (await make()).files
    assert submissions(offline_url) == 3


@each_way
@pytest.mark.parametrize(("fault", "error"), NEVER.values(), ids=NEVER)
async def test_what_cannot_be_helped_is_sent_once_and_not_said_to_be_billed(
    make: Make, offline_url: OfflineRouter, provider: str, fault: Fault, error: type[errors.RouterError]
) -> None:
    offline_url.queue(fault, times=-1, path=f"/{provider}/*")
    with pytest.raises(error) as caught:
        await make()
    assert submissions(offline_url) == 1
    assert "billed" not in caught.value.hint


@pytest.mark.parametrize(("way", "provider"), [(way, "fal-ai") for way in ("threads", "httpx2", "aiohttp")])
async def test_a_connection_that_was_never_made_is_tried_again(
    make: Make, offline_url: OfflineRouter
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ConnectionLost, match="No connection") as caught:
        await make(base_url=f"http://127.0.0.1:{port}/v1")
    assert caught.value.attempts == 3
    assert "billed" not in caught.value.hint
    assert submissions(offline_url) == 0


@pytest.mark.parametrize(("way", "provider"), [(way, "fal-ai") for way in ("threads", "httpx2", "aiohttp")])
async def test_a_reply_that_never_comes_is_waited_for_once(make: Make, offline_url: OfflineRouter) -> None:
    offline_url.queue(Stall(None), times=-1, path="/fal-ai/*")
    with pytest.raises(errors.TimedOut) as caught:
        await make(timeout=1.0)
    assert submissions(offline_url) == 1
    assert "may have run, and be billed" in caught.value.hint


@pytest.mark.parametrize(("way", "provider"), [(way, "fal-ai") for way in ("threads", "httpx2", "aiohttp")])
async def test_a_try_after_a_refusal_is_judged_anew(make: Make, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(429, headers={"retry-after": "0"}), Status(500), path="/fal-ai/*")
    with pytest.raises(errors.ProviderFailed):
        await make()
    assert submissions(offline_url) == 2
