"""Clients with several targets: tiers, media, copies, logs, many threads, and what is shared between clients."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Target, errors
from shared_core.policy.state import HEALTH
from shared_core.testing import Loading, OfflineRouter, SlowHead, Status, offline_router

HELLO = [{"role": "user", "content": "one two three"}]
ECHO = "offline/echo"


@pytest.fixture(scope="module")
def other() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture(autouse=True)
def fresh(other: OfflineRouter) -> None:
    other.forget()


def asked(host: OfflineRouter) -> list[str]:
    return [request.json["model"] for request in host.requests]


# --- who is asked ---


def test_a_tier_needs_no_model_and_another_one_may_be_added(offline_url: OfflineRouter) -> None:
    tiers = {"fast": [ECHO], "quality": ["offline/tools", ECHO]}
    for tier, model in (("fast", ECHO), ("quality", "offline/tools")):
        reply = HFRouter(base_url=offline_url, api_key="k", tiers=tiers, tier=tier).chat(HELLO)
        assert reply.meta.model == model
    first = HFRouter("offline/tools", base_url=offline_url, api_key="k", tiers=tiers, tier="fast")
    offline_url.queue(Status(429), match="offline/tools")
    assert (first.chat(HELLO).meta.model, first.chat(HELLO, model="offline/reasoner").meta.model) == (
        ECHO,
        "offline/reasoner",
    )


def test_a_tier_that_begins_at_another_host_is_asked_there(
    offline_url: OfflineRouter, other: OfflineRouter
) -> None:
    tiers = {"own": [Target(model=ECHO, base_url=str(other), api_key="theirs")]}
    router = HFRouter(base_url=offline_url, api_key="mine", tiers=tiers, tier="own")
    assert router.chat(HELLO).meta.url == other
    assert other.requests[0].headers["authorization"] == "Bearer theirs"
    assert not offline_url.requests


def test_without_a_model_and_without_a_tier_nothing_is_sent(offline_url: OfflineRouter) -> None:
    with pytest.raises(errors.ConfigError, match="No model was chosen"):
        HFRouter(base_url=offline_url, api_key="k", routing="latency").chat(HELLO)


def test_providers_of_one_model_are_targets_like_others(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503), times=-1, match=f"{ECHO}:groq")
    router = HFRouter(f"{ECHO}:groq", base_url=offline_url, api_key="k", fallback=[Target(provider="novita")])
    assert router.chat(HELLO).text == HELLO[0]["content"]
    assert asked(offline_url) == [f"{ECHO}:groq", f"{ECHO}:novita"]


def test_a_function_may_send_small_prompts_to_a_small_model(offline_url: OfflineRouter) -> None:
    def by_size(call: Any, targets: Any) -> Any:
        small = len(call.request.messages) < 2
        return targets if small else targets[::-1]

    router = HFRouter(ECHO, base_url=offline_url, api_key="k", fallback=["offline/tools"], routing=by_size)
    router.chat(HELLO)
    router.chat(HELLO * 2)
    assert asked(offline_url) == [ECHO, "offline/tools"]


def test_while_the_large_model_loads_the_smaller_one_answers(offline_url: OfflineRouter) -> None:
    offline_url.queue(Loading(60.0), times=-1, match="offline/tools")
    router = HFRouter("offline/tools", base_url=offline_url, api_key="k", fallback=[ECHO])
    assert [router.chat(HELLO).meta.model for _ in range(3)] == [ECHO] * 3
    assert asked(offline_url).count("offline/tools") == 1


def test_the_catalogue_and_the_hub_are_asked_without_detours(offline_url: OfflineRouter) -> None:
    router = HFRouter(ECHO, base_url=offline_url, api_key="k", fallback=["offline/tools"])
    assert router.models(refresh=True).get(ECHO)
    assert router.status().state


def test_texts_are_never_embedded_by_another_model(offline_url: OfflineRouter) -> None:
    model = "sentence-transformers/all-MiniLM-L6-v2"
    offline_url.queue(Status(429), times=-1, path="/v1/embeddings")
    router = HFRouter(model, base_url=offline_url, api_key="k", max_retries=0, fallback=["BAAI/bge-m3"])
    with pytest.raises(errors.RateLimited):
        router.embed(["a"])
    assert set(asked(offline_url)) == {model}


# --- media ---


def painter(url: OfflineRouter, *fallback: Any, **settings: Any) -> HFRouter:
    return HFRouter(
        "offline/painter:fal-ai",
        base_url=url,
        api_key="k",
        embedding_api="router",
        hub_url=url.root,
        fallback=fallback,
        **settings,
    )


def painted_by(url: OfflineRouter) -> list[str]:
    return [request.path.split("/")[1] for request in url.requests if request.method == "POST"]


def test_a_picture_that_nobody_has_begun_is_painted_elsewhere(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(429), times=-1, path="/fal-ai/*")
    reply = painter(offline_url, "offline/painter:replicate").text_to_image("a cat")
    assert (reply.meta.provider, reply.meta.moves) == ("replicate", 1)
    assert painted_by(offline_url) == ["fal-ai", "replicate"]


def test_the_same_in_an_event_loop(offline_url: OfflineRouter) -> None:
    async def paint() -> Any:
        settings = {
            "embedding_api": "router",
            "hub_url": offline_url.root,
            "fallback": ["offline/painter:replicate"],
        }
        async with AsyncHFRouter(
            "offline/painter:fal-ai", base_url=offline_url, api_key="k", **settings
        ) as router:  # type: ignore[arg-type]
            return await router.text_to_image("a cat")

    offline_url.queue(Status(402), times=1, path="/fal-ai/*")
    offline_url.queue(
        Status(403, {"error": "gated"}, {"x-error-code": "GatedRepo"}), times=1, path="/fal-ai/*"
    )
    with pytest.raises(errors.AllRoutesFailed, match="the same account as offline/painter:fal-ai"):
        asyncio.run(paint())
    HEALTH.clear()
    assert asyncio.run(paint()).meta.provider == "replicate"


@pytest.mark.parametrize(
    "fault", [Status(500), Status(503), Status(504)], ids=lambda fault: str(fault.status)
)
def test_a_picture_that_may_have_been_begun_is_not_paid_for_twice(
    offline_url: OfflineRouter, fault: Status
) -> None:
    offline_url.queue(fault, times=-1, path="/fal-ai/*")
    with pytest.raises(errors.RouterError) as caught:
        painter(offline_url, "offline/painter:replicate", max_retries=0).text_to_image("a cat")
    assert not isinstance(caught.value, errors.AllRoutesFailed)
    assert painted_by(offline_url) == ["fal-ai"]


def test_a_provider_that_does_not_paint_this_is_passed_over(offline_url: OfflineRouter) -> None:
    router = painter(offline_url, "offline/painter:replicate")
    reply = router.text_to_image("a cat", model="offline/painter:no-such-provider")
    assert reply.meta.provider == "replicate"


# --- what travels, what is said ---


def test_copies_keep_the_targets_and_leave_their_tokens(offline_url: OfflineRouter) -> None:
    theirs = Target(
        model=ECHO, base_url=str(offline_url), api_key="a-canary-token", headers={"X-Api-Key": "canary"}
    )
    router = HFRouter(
        "offline/tools", base_url=offline_url, api_key="", fallback=[theirs], routing="weighted"
    )
    data = pickle.dumps(router)
    assert b"canary" not in data
    for twin in (pickle.loads(data), copy.deepcopy(router)):
        assert twin.fallback[0].model == ECHO
        assert twin.routing == "weighted"
        assert "canary" not in repr(twin.fallback)
    arrived = HFRouter(**{**pickle.loads(data).__getstate__()["settings"], "routing": None}, api_key="")
    offline_url.queue(Status(429), match="offline/tools")
    with pytest.raises(errors.ConfigError, match="left behind on purpose"):
        arrived.chat(HELLO)


def test_a_targets_token_shows_in_no_error_and_no_log(
    offline_url: OfflineRouter, other: OfflineRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = {"error": {"message": "The key a-canary-token is wrong"}}
    offline_url.queue(Status(429), times=-1)
    other.queue(Status(401, said), times=-1)
    theirs = Target(base_url=str(other), api_key="a-canary-token")
    with pytest.raises(errors.AllRoutesFailed) as caught:
        HFRouter(ECHO, base_url=offline_url, api_key="k", max_retries=0, fallback=[theirs]).chat(HELLO)
    assert "a-canary-token" not in f"{caught.value!r}{caught.value}{caught.value.failures}{caplog.text}"
    assert "The key *** is wrong" in str(caught.value)


def test_each_move_is_logged(
    offline_url: OfflineRouter, other: OfflineRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hfrouter")
    offline_url.queue(Status(429))
    HFRouter(ECHO, base_url=offline_url, api_key="k", fallback=[str(other)]).chat(HELLO)
    assert f"{ECHO} at {offline_url}: RateLimited; going on with {ECHO} at {other}" in caplog.text
    assert "one two three" not in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"fallback": ["x y"]},
        {"fallback": "org/name"},
        {"routing": "cheap"},
        {"tier": "fast", "tiers": {"slow": ["org/name"]}},
        {"tiers": {"fast": [3]}},
        {"fallback": [Target(model="a", headers={"Authorization": "x"})]},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_told_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError):
        HFRouter("offline/echo", **settings)


# --- many at once ---


def test_eight_threads_send_one_probe(offline_url: OfflineRouter, other: OfflineRouter) -> None:
    routers = [HFRouter(ECHO, base_url=offline_url, api_key="k", fallback=[str(other)]) for _ in range(8)]
    offline_url.queue(Status(429))
    routers[0].chat(HELLO)
    first = len(offline_url.requests)
    [record] = [record for record in HEALTH._records.values() if record.closed]
    record.until = 0.0  # its time is up
    offline_url.queue(SlowHead(0.3))
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda router: router.chat(HELLO).meta.url, routers))
    assert len(offline_url.requests) - first == 1
    assert urls.count(str(offline_url)) == 1, "the probe was answered"
    assert routers[0].chat(HELLO).meta.url == offline_url, "and opened it for everybody"


def test_in_an_outage_of_a_single_host_retries_run_out(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(500), times=-1)
    router = HFRouter(ECHO, base_url=offline_url, api_key="k")
    router._policies = tuple(  # the same stack, without its waits
        type(policy)(attempts=3, jitter=lambda: 0.0) if hasattr(policy, "jitter") else policy  # type: ignore[call-arg]
        for policy in router._policies
    )
    for _ in range(100):
        with pytest.raises(errors.ProviderFailed):
            router.chat(HELLO)
    assert len(offline_url.requests) == 135, "a hundred calls, and the thirty-five retries of a full bucket"


def test_a_tier_whose_lists_are_nowhere_is_told_at_the_first_call() -> None:
    router = HFRouter("org/name", api_key="k", tier="fast")  # a file may have them
    with pytest.raises(errors.ConfigError, match="no tier 'fast'"):
        router.chat(HELLO)
