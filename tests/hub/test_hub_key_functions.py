"""The Hub and the API of endpoints are asked with what a function gives, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Target, errors
from shared_core.client.locating import FOUND
from shared_core.hub import AsyncEndpoints, AsyncHub, Endpoints, Hub
from shared_core.hub.memory import ANSWERS
from shared_core.testing import OfflineRouter, Status, offline_router

HELLO = [{"role": "user", "content": "Hello, endpoint!"}]
TOKEN = "hf_of_the_vault_0123"


def vault_token() -> str:
    return TOKEN


async def coming_token() -> str:
    return TOKEN


@pytest.fixture(scope="module")
def server() -> Iterator[OfflineRouter]:
    with offline_router() as url:
        yield url


@pytest.fixture
def host(server: OfflineRouter) -> OfflineRouter:
    server.forget()
    FOUND.clear()
    ANSWERS.clear()
    return server


def about(host: OfflineRouter, key: Any) -> dict[str, Any]:
    return {"api_key": key, "hub_url": host.root, "endpoints_url": host.endpoints_url, "max_retries": 0}


def tokens_at(host: OfflineRouter) -> set[str | None]:
    return {request.headers.get("authorization") for request in host.requests}


def test_endpoints_are_managed_with_it(host: OfflineRouter) -> None:
    host.deploy("one")
    endpoints = Endpoints(HFRouter(**about(host, vault_token)))
    assert [one.name for one in endpoints.list()] == ["one"]
    assert endpoints.pause("one").status == "paused"
    assert tokens_at(host) == {f"Bearer {TOKEN}"}


async def test_endpoints_are_managed_with_a_coroutine_function(host: OfflineRouter) -> None:
    host.deploy("one")
    async with AsyncHFRouter(**about(host, coming_token)) as router:
        assert (await AsyncEndpoints(router).get("one")).name == "one"
    assert tokens_at(host) == {f"Bearer {TOKEN}"}


def test_what_changes_an_endpoint_is_sent_once_more_with_a_newer_token(host: OfflineRouter) -> None:
    host.deploy("one")
    given: list[str] = []

    def rotating() -> str:
        given.append(f"hf_number_{len(given):08}")
        return given[-1]

    host.queue(Status(401), path="*/pause")
    assert Endpoints(HFRouter(**about(host, rotating)), "offline").pause("one").status == "paused"
    sent = [request.headers["authorization"] for request in host.requests if request.path.endswith("/pause")]
    assert len(set(sent)) == len(sent) == 2


def test_an_endpoint_that_is_called_by_name_gets_it(host: OfflineRouter) -> None:
    host.deploy("one")
    HFRouter(endpoint="one", **about(host, vault_token)).chat(HELLO)
    assert tokens_at(host) == {f"Bearer {TOKEN}"}


def test_an_endpoint_as_another_target_gets_its_own(host: OfflineRouter) -> None:
    host.deploy("one")
    router = HFRouter(
        "offline/echo",
        base_url=str(host),
        fallback=[Target(base_url="endpoint://one", api_key=vault_token)],
        **about(host, "hf_of_the_router"),
    )
    host.queue(Status(503))
    assert router.chat(HELLO).meta.moves == 1
    assert host.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("key", [vault_token, coming_token], ids=["a plain function", "a coroutine function"])
def test_models_are_searched_with_it(host: OfflineRouter, key: Any) -> None:
    settings = {"base_url": str(host), **about(host, key)}
    if key is vault_token:
        Hub(HFRouter(**settings)).search_models("echo", limit=1)
    else:

        async def search() -> None:
            async with AsyncHFRouter(**settings) as router:
                await AsyncHub(router).search_models("echo", limit=1)

        asyncio.run(search())
    assert tokens_at(host) == {f"Bearer {TOKEN}"}


def test_a_vault_that_is_down_is_told_here_as_well(host: OfflineRouter) -> None:
    def down() -> str:
        raise ConnectionError("no vault")

    router = HFRouter(base_url=str(host), **about(host, down))
    for ask in (
        Endpoints(router).list,
        Hub(router).search_models,
        lambda: Hub(router).model_info("offline/echo"),
    ):
        with pytest.raises(errors.Unauthorized, match=r"down\(\) was asked for the token") as caught:
            ask()
        assert "Mend the function" in caught.value.hint
        assert isinstance(caught.value.__cause__, ConnectionError)
    assert not host.requests
