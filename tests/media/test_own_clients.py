"""Media through an HTTP client that the user made: the same results, the same care with tokens and money."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, ConnectionLost, HFRouter, JobFailed, ProviderFailed
from shared_core.testing import MediaQuirks, OfflineRouter, Status

OWN = {
    "httpx2.Client": httpx2.Client,
    "httpx.Client": httpx.Client,
    "httpx2.AsyncClient": httpx2.AsyncClient,
    "httpx.AsyncClient": httpx.AsyncClient,
}


class Caller:
    def __init__(self, client: Any, settings: dict[str, Any]) -> None:
        self.client = client
        self.is_async = hasattr(client, "aclose")
        kind: Any = AsyncHFRouter if self.is_async else HFRouter
        self.router = kind(http_client=client, **settings)

    async def __call__(self, method: str, *args: Any, **options: Any) -> Any:
        made = getattr(self.router, method)(*args, **options)
        return await made if self.is_async else made


@pytest.fixture(params=OWN.values(), ids=OWN)
async def own(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    client = request.param()
    yield client
    await client.aclose() if hasattr(client, "aclose") else client.close()


async def test_a_film_comes_all_the_same_and_its_host_never_sees_the_token(
    own: Any, settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    reply = await Caller(own, settings)("text_to_video", "a boat", model="offline/animator:fal-ai")
    assert (reply.mime_type, reply.width) == ("video/mp4", 160)
    (file,) = [each for each in offline_url.requests if each.origin == "files"]
    assert "hf_canary" not in str(file.headers)


async def test_a_clients_own_wish_to_follow_redirects_does_not_count(
    own: Any, settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    own.follow_redirects = True
    offline_url.queue(MediaQuirks(redirect="https://10.0.0.1/x"), path="/fal-ai/*")
    with pytest.raises(JobFailed, match="own network"):
        await Caller(own, settings)("text_to_video", "a boat", model="offline/animator:fal-ai")


async def test_what_may_have_run_is_sent_once(
    own: Any, settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(500), times=-1, path="/fal-ai/*")
    with pytest.raises(ProviderFailed) as caught:
        await Caller(own, settings)("text_to_image", "a boat", model="offline/painter:fal-ai")
    assert "billed" in caught.value.hint
    assert sum(each.method == "POST" for each in offline_url.requests) == 1


async def test_a_connection_that_was_never_made_is_tried_again_and_not_said_to_be_billed(
    own: Any, settings: dict[str, Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings["base_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with pytest.raises(ConnectionLost) as caught:
        await Caller(own, settings)("text_to_image", "a boat", model="offline/painter:fal-ai")
    assert caught.value.attempts == 3
    assert "billed" not in caught.value.hint
