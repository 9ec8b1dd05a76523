"""Going on elsewhere, beyond one fault of one host: two offline routers, the first of which is in trouble.

For plain chat, streams and embeddings, with threads and in an event loop: what came out, how many requests each host
saw, what stayed open. What the second host makes of each single fault is in test_fault_table.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Target, Timeouts, errors
from shared_core.testing import (
    Cut,
    OfflineRouter,
    Stall,
    Status,
    StreamError,
    offline_router,
)

SAY = [{"role": "user", "content": "one two three four five six seven eight"}]
PATHS = {"chat": "/v1/chat/completions", "stream": "/v1/chat/completions", "embed": "/v1/embeddings"}
MODELS = {"chat": "offline/echo", "stream": "offline/echo", "embed": "sentence-transformers/all-MiniLM-L6-v2"}
NO_CREDITS = {"error": "You have exceeded your monthly included credits for Inference Providers."}
NOT_ENABLED = {"error": "Pay-as-you-go is not enabled for provider offline"}


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[OfflineRouter, OfflineRouter]]:
    with offline_router(embedder="words") as first, offline_router(embedder="words") as second:
        yield first, second


@pytest.fixture(autouse=True)
def waiting(hosts: tuple[OfflineRouter, OfflineRouter]) -> dict[str, int]:
    """Connections that threads have left open for the next call, by host."""
    for host in hosts:
        host.forget()
    return {host: host.open_connections for host in hosts}


class Caller:
    """One way to call: threads or an event loop, plain, streamed or texts to vectors."""

    def __init__(self, way: str, what: str, **settings: Any) -> None:
        self.way, self.what = way, what
        self.settings = {"model": MODELS[what], "api_key": "key-of-the-test", **settings}
        self.settings.setdefault("timeout", Timeouts(total=5.0, connect=1.0, first_token=0.3, gap=0.3))

    def __call__(self) -> Any:
        """The text, or the shape of the vectors, and who answered."""
        if self.way == "threads":
            with HFRouter(**self.settings) as router:
                return self._blocking(router)
        return asyncio.run(self._in_a_loop())

    def _blocking(self, router: HFRouter) -> Any:
        if self.what == "embed":
            reply = router.embed(["a", "b"])
            return reply.vectors.shape, reply.meta
        if self.what == "chat":
            answer = router.chat(SAY)
            return answer.text, answer.meta
        with router.stream(SAY) as stream:
            text = "".join(delta.text for delta in stream)
        assert stream.reply.text == text
        return text, stream.reply.meta

    async def _in_a_loop(self) -> Any:
        async with AsyncHFRouter(**self.settings) as router:
            if self.what == "embed":
                reply = await router.embed(["a", "b"])
                return reply.vectors.shape, reply.meta
            if self.what == "chat":
                answer = await router.chat(SAY)
                return answer.text, answer.meta
            async with router.stream(SAY) as stream:
                text = "".join([delta.text async for delta in stream])
            return text, stream.reply.meta


def nothing_is_left(host: OfflineRouter, way: str, waiting: dict[str, int]) -> bool:
    """Nothing is being answered; a loop has closed its connections, and of threads one may wait for the next call."""
    allowed = max(waiting[host], 1) if way == "threads" else waiting[host]
    return host.wait_idle(1) and host.wait_closed(allowed, 1)


EVERYWHERE = ("chat", "stream", "embed")
ways = pytest.mark.parametrize("way", ["threads", "loop"])


@ways
@pytest.mark.parametrize("what", EVERYWHERE)
def test_F32_a_host_that_is_not_there_costs_no_answer(
    hosts: tuple[OfflineRouter, OfflineRouter], what: str, way: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    made, meta = Caller(way, what, base_url=f"http://127.0.0.1:{port}/v1", fallback=[str(hosts[1])])()
    assert made == ((2, 384) if what == "embed" else SAY[0]["content"])
    assert (meta.url, len(hosts[1].requests)) == (hosts[1], 1)


@ways
@pytest.mark.parametrize("what", EVERYWHERE)
def test_a_refused_target_is_not_asked_again_by_the_next_call_of_any_client(
    hosts: tuple[OfflineRouter, OfflineRouter], what: str, way: str
) -> None:
    first, second = hosts
    first.queue(Status(429, headers={"retry-after": "30"}), times=-1, path=PATHS[what])
    for _ in range(3):
        Caller(way, what, base_url=first, fallback=[str(second)])()
    assert (len(first.requests), len(second.requests)) == (1, 3)


@ways
@pytest.mark.parametrize("what", EVERYWHERE)
def test_when_nobody_answers_the_error_lists_every_attempt(
    hosts: tuple[OfflineRouter, OfflineRouter], what: str, way: str, waiting: dict[str, int]
) -> None:
    first, second = hosts
    first.queue(Status(429), times=-1, path=PATHS[what])
    second.queue(Status(500), times=-1, path=PATHS[what])
    with pytest.raises(errors.AllRoutesFailed) as caught:
        Caller(way, what, base_url=first, fallback=[str(second)], max_retries=1)()
    error = caught.value
    assert [type(failure) for failure in error.failures] == [errors.RateLimited, errors.ProviderFailed]
    lines = str(error).splitlines()
    assert lines[0] == "No target answered; 2 of 2 were asked:"
    assert lines[1].startswith(
        f"  1. {MODELS[what]} at 127.0.0.1:{first.port}: RateLimited: Too many requests"
    )
    assert lines[2].startswith(f"  2. {MODELS[what]} at 127.0.0.1:{second.port}: ProviderFailed: ")
    assert "key-of-the-test" not in str(error)
    assert (len(first.requests), len(second.requests), error.attempts) == (1, 2, 3)
    assert nothing_is_left(first, way, waiting)
    assert nothing_is_left(second, way, waiting)


@ways
def test_F41_without_credits_nothing_billed_to_that_account_is_asked(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str
) -> None:
    first, second = hosts
    first.queue(Status(402, NO_CREDITS), times=-1)
    fallback = ["offline/tools", Target(model="offline/tools", bill_to="acme"), Target(base_url=str(second))]
    with pytest.raises(errors.AllRoutesFailed) as caught:
        Caller(way, "chat", base_url=first, fallback=fallback[:1])()
    assert "2. offline/tools at" in str(caught.value)
    assert "not asked: the same account as offline/echo at" in str(caught.value)
    assert len(first.requests) == 1
    text, meta = Caller(way, "chat", base_url=first, fallback=fallback)()
    assert (text, meta.url) == (SAY[0]["content"], second)
    billed = [request.headers.get("x-hf-bill-to") for request in first.requests]
    assert billed.count("acme") == 1, "another account may have credits"
    assert [
        request.json["model"] for request in first.requests if "x-hf-bill-to" not in request.headers
    ].count("offline/tools") <= 1


@ways
def test_F19_after_the_first_token_nobody_else_is_asked(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str, waiting: dict[str, int]
) -> None:
    first, second = hosts
    first.queue(Cut(3, chunks=True, how="reset"))
    with pytest.raises(errors.StreamInterrupted) as caught:
        Caller(way, "stream", base_url=first, fallback=[str(second)])()
    assert SAY[0]["content"].startswith(caught.value.partial.text)
    assert caught.value.partial.text
    assert (len(first.requests), len(second.requests)) == (1, 0)
    assert nothing_is_left(first, way, waiting)


CUTS: dict[str, Callable[[], Any]] = {
    "F19 a reset": lambda: Cut(3, chunks=True, how="reset"),
    "F17 an end without its mark": lambda: Cut(3, chunks=True, how="end"),
    "F20 an error": lambda: StreamError(after=3),
    "F23 a standstill": lambda: Stall(3),
}


@ways
@pytest.mark.parametrize("cut", list(CUTS.values()), ids=list(CUTS))
def test_a_cut_answer_is_continued_elsewhere_where_that_was_chosen(
    hosts: tuple[OfflineRouter, OfflineRouter], cut: Callable[[], Any], way: str, waiting: dict[str, int]
) -> None:
    first, second = hosts
    first.queue(cut())
    text, meta = Caller(way, "stream", base_url=first, fallback=[str(second)], continue_elsewhere=True)()
    assistant, instruction = second.requests[0].json["messages"][-2:]
    assert assistant["role"] == "assistant"
    assert assistant["content"]
    assert SAY[0]["content"].startswith(assistant["content"])
    assert instruction["role"] == "user"
    assert "Go on exactly where it stops" in instruction["content"]
    # The echo gives back the last message, which here is the instruction: that is its continuation.
    assert text == assistant["content"] + instruction["content"]
    assert (meta.url, meta.moves, len(first.requests), len(second.requests)) == (second, 1, 1, 1)
    assert nothing_is_left(first, way, waiting)
    assert nothing_is_left(second, way, waiting)


@ways
def test_a_cut_answer_that_nobody_can_continue_keeps_both_halves(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str
) -> None:
    first, second = hosts
    first.queue(Cut(3, chunks=True, how="reset"))
    second.queue(Cut(4, chunks=True, how="reset"))
    with pytest.raises(errors.StreamInterrupted, match="nobody could continue it") as caught:
        Caller(way, "stream", base_url=first, fallback=[str(second)], continue_elsewhere=True)()
    half = second.requests[0].json["messages"][-2]["content"]
    assert caught.value.partial.text.startswith(half + "Your answer")
    assert isinstance(caught.value.cause, errors.ConnectionLost)


@ways
def test_one_target_alone_fails_as_it_did_before_there_was_a_fallback(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str
) -> None:
    first = hosts[0]
    for settings in ({}, {"routing": "latency"}, {"fallback": ["offline/echo"]}):
        first.forget()
        first.queue(Status(500), times=-1)
        with pytest.raises(errors.ProviderFailed) as caught:
            Caller(way, "chat", base_url=first, **settings)()
        assert (caught.value.attempts, len(first.requests)) == (3, 3)


@ways
def test_a_host_that_hangs_leaves_half_of_the_time_to_the_next(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str, waiting: dict[str, int]
) -> None:
    first, second = hosts
    first.queue(Stall(None), times=-1)
    text, meta = Caller(way, "chat", base_url=first, fallback=[str(second)], timeout=1.0)()
    assert (text, meta.url) == (SAY[0]["content"], second)
    assert 0.4 < meta.latency_s < 1.0
    assert nothing_is_left(first, way, waiting)


@ways
def test_the_deadline_holds_over_all_targets(
    hosts: tuple[OfflineRouter, OfflineRouter], way: str, waiting: dict[str, int]
) -> None:
    for host in hosts:
        host.queue(Stall(None), times=-1)
    with pytest.raises(errors.AllRoutesFailed) as caught:
        Caller(way, "chat", base_url=hosts[0], fallback=[str(hosts[1])], timeout=0.6)()
    assert all(isinstance(failure, errors.TimedOut) for failure in caught.value.failures)
    assert [len(host.requests) for host in hosts] == [1, 1]
    assert nothing_is_left(hosts[1], way, waiting)


def test_a_long_list_of_texts_goes_on_batch_by_batch(hosts: tuple[OfflineRouter, OfflineRouter]) -> None:
    first, second = hosts
    router = HFRouter(MODELS["embed"], base_url=first, api_key="", fallback=[str(second)])
    right = HFRouter(MODELS["embed"], base_url=second, api_key="").embed(map(str, range(300))).vectors
    second.forget()
    first.queue(Status(429), times=-1, path=PATHS["embed"])
    reply = router.embed(map(str, range(300)), batch_size=10)
    assert (reply.vectors == right).all()
    assert len(second.requests) == 30
    assert len(first.requests) <= 8, (
        "eight were under way at once, and nobody asked it after the first refusal"
    )
    assert reply.notes == (f"Some texts were embedded at {second} in place of {first}.",)
