"""A slow host and a second one, on real sockets: who answers, what each host saw, and that nothing stays open."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterError, Target, Timeouts
from shared_core.flow.hands import HANDS

ASYNC = ("httpx2", "aiohttp")
MESSAGES = [{"role": "user", "content": "Say hello."}]
LIMITS = Timeouts(total=5, connect=1, first_token=5, gap=5)


@pytest.fixture
def other(start_server: Callable[[], Any]) -> Any:
    return start_server()


def settings(server: Any, other: Any, hedge: bool | float = 0.05, **more: Any) -> dict[str, Any]:
    second = Target(model="c/d", base_url=other.url, api_key="canary")
    return {"model": "a/b", "api_key": "canary", "base_url": server.url, "timeout": LIMITS, "max_retries": 0,
            "fallback": [second], "hedge": hedge, **more}  # fmt: skip


async def ask(kind: str, stream: bool, **settings: Any) -> Any:
    """The text and the reply of one call; threads call from a thread of their own, to let the test go on."""
    if kind in ASYNC:
        async with AsyncHFRouter(**settings, transport=kind) as router:
            if not stream:
                reply = await router.chat(MESSAGES)
                return reply.text, reply
            async with router.stream(MESSAGES) as answer:
                text = "".join([delta.text async for delta in answer])
            return text, answer.reply

    def blocking() -> Any:
        router = HFRouter(**settings)
        if not stream:
            reply = router.chat(MESSAGES)
            return reply.text, reply
        with router.stream(MESSAGES) as answer:
            text = "".join(delta.text for delta in answer)
        return text, answer.reply

    return await asyncio.to_thread(blocking)


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def idle(kind: str) -> int:
    """Connections that may wait for the next call."""
    return 1 if kind == "threads" else 0


@both_ways
async def test_the_second_answers_while_the_first_hangs(
    kind: str, stream: bool, server: Any, other: Any, say: Any
) -> None:
    server.script([say.hang])
    text, reply = await ask(kind, stream, **settings(server, other))
    assert (text, reply.text, reply.meta.url, reply.meta.attempts) == ("Hello.", "Hello.", other.url, 2)
    assert "broken off" in reply.meta.cost.note
    assert await server.freed(0)
    assert await other.freed(idle(kind))
    assert (len(server.requests), len(other.requests)) == (1, 1)


@both_ways
async def test_a_first_in_time_is_alone(kind: str, stream: bool, server: Any, other: Any) -> None:
    text, reply = await ask(kind, stream, **settings(server, other, 4.0))
    assert (text, reply.meta.url, reply.meta.attempts) == ("Hello.", server.url, 1)
    assert "broken off" not in reply.meta.cost.note
    assert other.connections == 0
    assert await server.freed(idle(kind))


@both_ways
async def test_a_first_that_comes_late_but_first_wins(
    kind: str, stream: bool, server: Any, other: Any, say: Any
) -> None:
    server.script([0.15, *(say.tokens("Late", ".") if stream else say.answer("Late."))])
    other.script([say.hang])
    text, reply = await ask(kind, stream, **settings(server, other))
    assert (text, reply.meta.url, reply.meta.attempts) == ("Late.", server.url, 2)
    assert await other.freed(0)
    assert await server.freed(idle(kind))


@both_ways
@pytest.mark.parametrize("fails", ["first", "second"])
async def test_one_may_fail_while_the_other_is_at_it(
    kind: str, stream: bool, fails: str, server: Any, other: Any, say: Any
) -> None:
    good = say.tokens("Good", ".") if stream else say.answer("Good.")
    bad = say.body({"error": "no room"}, 503)
    server.script([0.1, *(bad if fails == "first" else [0.1, *good])])
    other.script([0.1, *good] if fails == "first" else bad)
    text, reply = await ask(kind, stream, **settings(server, other))
    assert (text, reply.meta.attempts) == ("Good.", 2)
    assert "broken off" not in reply.meta.cost.note
    for host in (server, other):
        assert await host.freed(idle(kind))


@both_ways
async def test_where_both_fail_the_error_tells_of_both(
    kind: str, stream: bool, server: Any, other: Any, say: Any
) -> None:
    server.script([0.1, *say.body({"error": "first is full"}, 503)])
    other.script([0.1, *say.body({"error": "second is full"}, 503)])
    with pytest.raises(RouterError) as caught:
        await ask(kind, stream, **settings(server, other))
    assert "first is full" in caught.value.message
    assert any("second is full" in note for note in caught.value.__notes__)
    assert caught.value.attempts == 2
    for host in (server, other):
        assert await host.freed(idle(kind))


async def test_the_loser_is_gone_as_soon_as_the_winner_speaks(
    kind: str, server: Any, other: Any, say: Any, routers: Any
) -> None:
    server.script([*say.begun(), say.hang])  # a head, and then nothing
    other.script([*say.begun(), say.forever(say.chunk(say.token("on ")), 0.01)])
    given = settings(server, other)
    async with contextlib.AsyncExitStack() as stack:
        if kind == "threads":
            blocking = stack.enter_context(HFRouter(**given).stream(MESSAGES))
            assert next(blocking).text == "on "
        else:
            router = await stack.enter_async_context(AsyncHFRouter(**given, transport=kind))
            stream = await stack.enter_async_context(router.stream(MESSAGES))
            assert (await anext(stream)).text == "on "
        assert await server.freed(0)
        assert other.open == 1
    assert await other.freed(0)


async def test_a_winner_that_breaks_off_is_not_asked_for_again(
    kind: str, server: Any, other: Any, say: Any
) -> None:
    server.script([say.hang])
    other.script([*say.begun(say.token("Half")), say.reset])
    with pytest.raises(RouterError) as caught:
        await ask(kind, True, **settings(server, other))
    assert type(caught.value).__name__ == "StreamInterrupted"
    assert caught.value.partial.text == "Half"
    assert (len(server.requests), len(other.requests)) == (1, 1)
    for host in (server, other):
        assert await host.freed(0)


async def test_a_winner_that_breaks_off_may_be_continued_by_the_loser(
    kind: str, server: Any, other: Any, say: Any
) -> None:
    server.script([say.hang])
    other.script([*say.begun(say.token("Half")), say.reset])
    text, reply = await ask(kind, True, **settings(server, other, continue_elsewhere=True))
    assert (text, reply.meta.url, reply.meta.attempts) == ("HalfHello.", server.url, 3)


@pytest.mark.parametrize("transport", ASYNC)
@both_ways
async def test_cancelling_while_two_race_frees_both(
    transport: str, stream: bool, server: Any, other: Any, say: Any
) -> None:
    for host in (server, other):
        host.script([say.hang])
    task = asyncio.create_task(ask(transport, stream, **settings(server, other)))
    assert await server.asked(1)
    assert await other.asked(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for host in (server, other):
        assert await host.freed(0)
    assert len(asyncio.all_tasks()) == 1


@both_ways
def test_ctrl_c_while_two_race_frees_both(stream: bool, server: Any, other: Any, say: Any) -> None:
    for host in (server, other):
        host.script([say.hang])
    router = HFRouter(**settings(server, other))

    def read() -> None:
        for _ in router.stream(MESSAGES) if stream else [router.chat(MESSAGES)]:
            pass

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    try:
        with pytest.raises(KeyboardInterrupt):
            read()
    finally:
        signal.signal(signal.SIGALRM, before)
    for host in (server, other):
        assert asyncio.run(host.freed(0))
        assert len(host.requests) == 1


def test_closing_a_stream_from_another_thread_while_two_race_frees_both(
    server: Any, other: Any, say: Any
) -> None:
    for host in (server, other):
        host.script([say.hang])
    stream = HFRouter(**settings(server, other)).stream(MESSAGES)
    seen: list[Any] = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    for host in (server, other):
        assert asyncio.run(host.asked(1))
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert seen == []
    for host in (server, other):
        assert asyncio.run(host.freed(0))


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_a_client_of_the_users_own_does_not_keep_the_winner_waiting(
    library: str, server: Any, other: Any, say: Any
) -> None:
    server.script([say.hang])
    with __import__(library).Client() as client:
        begun = time.monotonic()
        reply = HFRouter(**settings(server, other), http_client=client).chat(MESSAGES)
        assert (reply.text, reply.meta.url) == ("Hello.", other.url)
        assert time.monotonic() - begun < 2  # the hanging one has 2.5 s


async def test_many_calls_at_once_leave_nothing(kind: str, server: Any, other: Any, say: Any) -> None:
    server.script(*[[say.hang], say.answer("First.")] * 10)
    given = settings(server, other)
    if kind == "threads":
        router = HFRouter(**given)
        replies = await asyncio.gather(*(asyncio.to_thread(router.chat, MESSAGES) for _ in range(20)))
    else:
        async with AsyncHFRouter(**given, transport=kind) as arouter:
            replies = await asyncio.gather(*(arouter.chat(MESSAGES) for _ in range(20)))
    texts = [reply.text for reply in replies]
    assert (texts.count("Hello."), texts.count("First.")) == (10, 10)
    for host in (server, other):
        assert await host.freed(10 if kind == "threads" else 0)


def test_two_loops_after_one_another(server: Any, other: Any, say: Any) -> None:
    router = AsyncHFRouter(**settings(server, other))
    server.script([say.hang], [say.hang])

    async def once() -> str:
        reply = await router.chat(MESSAGES)
        await router.close()
        return reply.text

    assert [asyncio.run(once()), asyncio.run(once())] == ["Hello.", "Hello."]


def test_threads_that_raced_are_few_and_idle(server: Any, other: Any, say: Any) -> None:
    server.script(*[[say.hang]] * 5)
    router = HFRouter(**settings(server, other))
    for _ in range(5):
        router.chat(MESSAGES)
    threads = [thread for thread in threading.enumerate() if thread.name == "hfrouter race"]
    deadline = time.monotonic() + 5
    while (
        len(HANDS._idle) < len([each for each in threads if each.is_alive()]) and time.monotonic() < deadline
    ):
        time.sleep(0.001)
    assert len(HANDS._idle) == len([each for each in threads if each.is_alive()])
