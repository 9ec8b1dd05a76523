"""Dedicated endpoints: listed, created, changed, put to rest, woken, waited for, deleted; by threads and by tasks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.client.locating import FOUND
from shared_core.errors import (
    BadRequest,
    ConfigError,
    ConnectionLost,
    MalformedResponse,
    ModelNotServed,
    PermissionDenied,
    ProviderFailed,
    RateLimited,
    RouterError,
    TimedOut,
    Unauthorized,
)
from shared_core.hub import AsyncEndpoints, AsyncHub, Endpoints, Hub
from shared_core.hub.endpoint_requests import api_request
from shared_core.hub.open_metrics import read_metrics
from shared_core.testing import OfflineRouter, Stall, Status, offline_router
from shared_core.types import Timeouts

KEY = "hf_of_the_owner_12345678"
NEW = {
    "repository": "offline/echo",
    "framework": "pytorch",
    "accelerator": "gpu",
    "instance_type": "nvidia-l4",
    "instance_size": "x1",
    "vendor": "aws",
    "region": "us-east-1",
}

Manage = Callable[..., Any]


@pytest.fixture(scope="module")
def api() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture
def about(api: OfflineRouter) -> dict[str, Any]:
    api.forget()
    FOUND.clear()
    return {"api_key": KEY, "hub_url": api.root, "endpoints_url": api.endpoints_url, "max_retries": 0}


@pytest.fixture(params=["threads", "event loop"])
def manage(request: pytest.FixtureRequest, about: dict[str, Any]) -> Manage:
    """Calls a method of either kind."""

    def call(method: str, /, *arguments: Any, of: dict[str, Any] | None = None, **options: Any) -> Any:
        settings = {**about, **(of or {})}
        if request.param == "threads":
            return getattr(Endpoints(HFRouter(**settings)), method)(*arguments, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**settings) as router:
                return await getattr(AsyncEndpoints(router), method)(*arguments, **options)

        return asyncio.run(run())

    return call


def test_a_life_of_an_endpoint(manage: Manage, api: OfflineRouter) -> None:
    assert manage("list") == ()
    made = manage("create", "mine", **NEW, min_replica=0, scale_to_zero_timeout=15)
    assert (made.id, made.status, made.scale_to_zero_after) == ("offline/mine", "pending", 15)
    assert manage("wait", "mine", 20, every=0.001).status == "running"
    assert [one.id for one in manage("list")] == ["offline/mine"]
    assert manage("update", "mine", max_replica=2).max_replica == 2
    assert manage("wait", "mine", 20, every=0.001).repository == "offline/echo"
    assert manage("scale_to_zero", "mine").status == "scaledToZero"
    assert manage("resume", "offline/mine").status == "pending"
    assert manage("wait", "mine", 20, every=0.001).ready_replica == 1
    assert manage("pause", "mine").status == "paused"
    assert manage("get", "mine").status == "paused"
    assert manage("delete", "mine") is None
    assert manage("list") == ()
    assert {one.headers["authorization"] for one in api.requests} == {f"Bearer {KEY}"}


async def test_every_transport_can_do_it(about: dict[str, Any], api: OfflineRouter) -> None:
    import httpx

    api.deploy("one")
    api.deploy("two")
    async with AsyncHFRouter(**about, transport="aiohttp") as router:
        endpoints = AsyncEndpoints(router)
        assert (await endpoints.update("one", max_replica=2)).max_replica == 2
        await endpoints.delete("one")
    with httpx.Client() as own:
        other = Endpoints(HFRouter(**about, http_client=own))
        other.delete("two")
        assert other.list() == ()


def test_what_is_sent_is_what_hf_api_makes_of_it(manage: Manage, api: OfflineRouter) -> None:
    manage(
        "create", "mine", **NEW, env={"A": "b"}, secrets={"TOKEN": "s"}, custom_image={"url": "vllm/vllm:1"}
    )
    sent = api.requests[-1].json
    assert sent["model"]["env"] == {"A": "b"}
    assert sent["model"]["image"] == {"custom": {"url": "vllm/vllm:1"}}
    assert sent["type"] == "authenticated"


def test_a_new_one_may_be_an_organisation_s(manage: Manage) -> None:
    assert manage("create", "theirs", **NEW, namespace="acme").id == "acme/theirs"
    assert manage("create", "acme/more", **NEW).id == "acme/more"


def test_another_namespace_is_named_once_for_all_or_with_each_name(
    about: dict[str, Any], api: OfflineRouter
) -> None:
    api.deploy("theirs", namespace="acme")
    ours = Endpoints(HFRouter(**about), namespace="acme")
    assert [one.id for one in ours.list()] == ["acme/theirs"]
    assert ours.get("theirs").namespace == "acme"
    assert Endpoints(HFRouter(**about)).list("acme") == ours.list()
    assert "/api/whoami-v2" not in [one.path for one in api.requests]


def test_a_hub_has_the_endpoints_of_its_account(about: dict[str, Any], api: OfflineRouter) -> None:
    api.deploy("mine")
    assert [one.name for one in Hub(HFRouter(**about)).endpoints.list()] == ["mine"]

    async def names() -> list[str]:
        async with AsyncHFRouter(**about) as router:
            return [one.name for one in await AsyncHub(router).endpoints.list()]

    assert asyncio.run(names()) == ["mine"]


# -- prices and measures ------------------------------------------------------------------------------------------


def test_a_price_is_the_hardware_s_and_only_asked_for_where_it_is_wanted(
    manage: Manage, api: OfflineRouter
) -> None:
    api.deploy("mine")
    assert manage("list")[0].usd_per_hour is None
    assert manage("list", prices=True)[0].usd_per_hour == Decimal("0.8")
    assert manage("get", "mine", prices=True).usd_per_hour == Decimal("0.8")
    assert {each.instance_type for each in manage("hardware")} == {"intel-spr", "nvidia-l4", "nvidia-a100"}


def test_without_a_price_list_endpoints_are_listed_all_the_same(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    api.queue(Status(403), path="/v2/provider/*")
    assert manage("list", prices=True)[0].usd_per_hour is None


def test_metrics_are_told_to_organisations_with_a_plan(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("ours", namespace="acme")
    api.deploy("mine")
    told = {metric.name: metric for metric in manage("metrics", "acme/ours")}
    assert (told["http_requests"].value, told["cpu_usage_percent"].unit) == (0.0, "percent")
    with pytest.raises(PermissionDenied) as caught:
        manage("metrics", "mine")
    assert "Team or Enterprise" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('a{b="c"} 1', ("a", 1.0, {"b": "c"})),
        ("a_total 2 1700000000", ("a_total", 2.0, {})),
        (r'a{b="with \"quotes\" and \\"} 3', ("a", 3.0, {"b": 'with "quotes" and \\'})),
        ("a +Inf", ("a", float("inf"), {})),
    ],
)
def test_a_line_of_metrics_is_read(line: str, found: Any) -> None:
    (metric,) = read_metrics(f"# TYPE a counter\n{line}\n")
    assert (metric.name, metric.value, dict(metric.labels)) == found


def test_a_label_of_a_million_letters_is_read_at_once() -> None:
    (metric,) = read_metrics(
        f"a{{{'b' * 1_000_000}}} 1\n"
    )  # looked for from each letter on, it would take an hour
    assert metric.labels == {}


@pytest.mark.parametrize("text", ["", "# EOF", "<html>", "a{b=} x", "a b c d", "{" * 100_000], ids=range(6))
def test_lines_that_are_no_metrics_are_passed_over(text: str) -> None:
    assert read_metrics(text) == ()


# -- waiting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        ("paused", ModelNotServed, "is paused"),
        ("scaledToZero", ModelNotServed, "sleeps until it is sent something"),
        ("initializing", ProviderFailed, "has failed: no such revision"),
        ("failed", ProviderFailed, "has failed: no such revision"),
    ],
)
def test_waiting_ends_where_nothing_comes_of_it(
    manage: Manage, api: OfflineRouter, state: str, kind: type[RouterError], said: str
) -> None:
    api.deploy("mine", state=state, fails="no such revision")
    with pytest.raises(kind, match=said) as caught:
        manage("wait", "mine", 20, every=0.001)
    assert caught.value.hint


def test_waiting_ends_with_its_time(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("slow", state="pending", looks=10**6)
    with pytest.raises(TimedOut, match=r"did not run within 0\.1 s; its state is 'pending'"):
        manage("wait", "slow", 0.1, every=0.02)
    with pytest.raises(TimedOut, match=r"did not run within 0\.1 s"):
        manage("wait", "slow", Timeouts.of(0.1), every=0.02)


@pytest.mark.parametrize(
    ("timeout", "every"),
    [(0, 1), (float("inf"), 1), (-1, 1), (5, 0), (5, float("inf")), (True, 1), (5, True)],
)
def test_waiting_for_ever_cannot_be_asked_for(manage: Manage, timeout: float, every: float) -> None:
    with pytest.raises(ConfigError):
        manage("wait", "mine", timeout, every=every)


def test_what_passes_by_itself_does_not_end_the_waiting(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine", state="initializing")
    api.queue(Status(502), Status(429, headers={"retry-after": "0"}), path="/v2/*")
    assert manage("wait", "mine", 20, every=0.001).status == "running"


def test_what_cannot_be_reached_from_the_first_is_not_waited_for(manage: Manage) -> None:
    with pytest.raises(ConnectionLost):
        manage("wait", "offline/mine", 20, every=0.001, of={"endpoints_url": "http://127.0.0.1:1"})


def test_one_that_runs_is_waited_for_until_its_container_answers(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    api.queue(Status(503), Status(503), path="/dedicated/*/health")
    manage("wait", "mine", 20, every=0.001)
    assert [one.path for one in api.requests].count("/dedicated/offline/mine/health") == 3


def test_a_container_without_that_path_answers_too(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    api.queue(Status(404), path="/dedicated/*/health")
    assert manage("wait", "mine", 20, every=0.001).status == "running"


def test_a_task_that_is_cancelled_stops_waiting(about: dict[str, Any], api: OfflineRouter) -> None:
    api.deploy("slow", state="pending", looks=10**6)

    async def run() -> None:
        async with AsyncHFRouter(**about) as router:
            waiting = asyncio.create_task(AsyncEndpoints(router).wait("slow", 60, every=0.001))
            while len(api.requests) < 5:
                await asyncio.sleep(0.001)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(run())
    assert api.wait_idle()


def test_an_event_loop_is_not_held_up(about: dict[str, Any], api: OfflineRouter) -> None:
    api.queue(Stall(), path="/v2/endpoint/offline")

    async def run() -> None:
        async with AsyncHFRouter(**about) as router:
            endpoints = AsyncEndpoints(router)
            silent = asyncio.create_task(endpoints.list())
            while not [one for one in api.requests if one.path == "/v2/endpoint/offline"]:
                await asyncio.sleep(0.001)
            assert await endpoints.list("acme") == ()
            assert not silent.done()
            silent.cancel()
            with pytest.raises(asyncio.CancelledError):
                await silent

    asyncio.run(run())


def test_a_silent_api_ends_with_the_client_s_time_limit(manage: Manage, api: OfflineRouter) -> None:
    api.queue(Stall(), path="/v2/*")
    with pytest.raises(TimedOut):
        manage("list", of={"timeout": 0.2})


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, Unauthorized, "Manage Inference Endpoints"),
        (403, PermissionDenied, "Manage Inference Endpoints"),
        (404, ModelNotServed, "hfrouter endpoints"),
        (409, BadRequest, "Choose another name"),
        (400, BadRequest, "nothing was changed"),
        (429, RateLimited, "Ask again in a moment"),
        (500, ProviderFailed, ""),
    ],
)
def test_each_refusal_says_what_to_do_next(
    manage: Manage, api: OfflineRouter, status: int, kind: type[RouterError], hint: str
) -> None:
    api.deploy("mine")
    api.queue(Status(status), path="/v2/*")
    with pytest.raises(kind) as caught:
        manage("pause", "mine")
    assert hint in caught.value.hint
    assert KEY not in f"{caught.value} {caught.value!r}"


def test_a_namespace_that_is_not_there_is_not_called_an_endpoint(manage: Manage, api: OfflineRouter) -> None:
    api.queue(Status(404), path="/v2/*")
    with pytest.raises(ModelNotServed, match="There is no namespace 'acme'") as caught:
        manage("list", "acme")
    assert "user or an organisation" in caught.value.hint


def test_an_api_that_is_not_there_is_no_connection(manage: Manage) -> None:
    with pytest.raises(ConnectionLost) as caught:
        manage("list", "offline", of={"endpoints_url": "http://127.0.0.1:9/v2"})
    assert "endpoints_url" in caught.value.hint


def test_what_changes_something_is_sent_once_and_a_question_again(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    api.queue(Status(500, headers={"retry-after": "0"}), times=2, path="/v2/*")
    assert manage("list", of={"max_retries": 2}) != ()
    api.queue(Status(500), path="/v2/*")
    with pytest.raises(ProviderFailed):
        manage("pause", "mine", of={"max_retries": 2})
    assert [one.method for one in api.requests].count("POST") == 1


def test_a_name_that_is_taken_is_told(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    with pytest.raises(BadRequest, match="already exists"):
        manage("create", "mine", **NEW)


def test_one_that_runs_is_resumed_without_a_word(manage: Manage, api: OfflineRouter) -> None:
    api.deploy("mine")
    assert manage("resume", "mine").status == "running"


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "https://u:p@a.example", "http://a b", "https://a.example/?q"]
)
def test_an_address_that_cannot_be_one_is_not_connected_to(
    manage: Manage, api: OfflineRouter, url: str
) -> None:
    told = json.dumps({"name": "mine", "status": {"state": "running", "url": url}})
    api.queue(Status(200, told), path="/v2/*")
    with pytest.raises(MalformedResponse):
        manage("wait", "mine", 5, every=0.001)
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_deletion_may_be_answered_without_a_word(manage: Manage, api: OfflineRouter, status: int) -> None:
    api.queue(Status(status, ""), path="/v2/*")
    assert manage("delete", "mine") is None


@pytest.mark.parametrize("body", ["{}", '{"items": 3}', '{"items": [{}]}', "[]"])
def test_a_list_of_another_shape_is_not_understood(manage: Manage, api: OfflineRouter, body: str) -> None:
    api.queue(Status(200, body), path="/v2/*")
    with pytest.raises(MalformedResponse, match="not understood"):
        manage("list")


def test_a_token_of_an_organisation_needs_the_namespace(manage: Manage, api: OfflineRouter) -> None:
    api.queue(Status(200, '{"type": "org", "name": "acme"}'), path="/api/whoami-v2")
    with pytest.raises(ConfigError, match="whose endpoints are meant"):
        manage("list")


@pytest.mark.parametrize(
    ("method", "arguments", "options", "said"),
    [
        ("create", ("mine",), {}, "missing"),
        ("create", ("mine",), {**NEW, "colour": "red"}, "no option 'colour'"),
        ("create", ("mine",), {**NEW, "token": "x"}, "no option 'token'"),
        ("create", ("mine",), {**NEW, "container_registry_password": "p"}, r"requires|no option"),
        ("update", ("mine",), {}, "Nothing is to be changed"),
        ("update", ("mine",), {"tensor_parallel_size": 2}, "pass custom_image"),
        ("create", ("mine",), {**NEW, "method": "x"}, "no option 'method'"),
        ("create", ("mine",), {**NEW, "env": {"A": object()}}, "cannot be written as JSON"),
        ("create", ("mine",), {**NEW, "namespace": "a/b"}, "is not the name"),
        ("get", ("../../etc",), {}, "is not the name"),
        ("list", ("a/b",), {}, "is not the name of a user"),
        ("list", ("a b",), {}, "is not the name"),
    ],
    ids=str,
)
def test_what_cannot_work_is_found_before_anything_is_sent(
    manage: Manage, api: OfflineRouter, method: str, arguments: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        manage(method, *arguments, **options)
    assert {one.path for one in api.requests} <= {"/api/whoami-v2"}


def test_a_request_does_not_show_the_secrets_in_it() -> None:
    request = api_request("create_inference_endpoint", "me", "mine", {**NEW, "secrets": {"A": "hidden"}})
    assert "hidden" not in repr(request)
    assert request.body["model"]["secrets"] == {"A": "hidden"}
