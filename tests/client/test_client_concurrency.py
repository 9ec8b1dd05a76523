"""Threads, event loops, processes and proxies: one client serves them all and leaves nothing open."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.testing import OfflineRouter, SlowChunks, SlowHead, Stall

HELLO = [{"role": "user", "content": "one two three four"}]
TRANSPORTS = pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]


def text(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"call number {number}"}]


def run_in(loop: str, main: Any) -> Any:
    """Runs a coroutine in a fresh loop of that library."""
    if loop == "asyncio":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


def test_sixteen_threads_share_one_client_and_each_gets_its_own_answer(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")

    def both(number: int) -> tuple[str, str]:
        with router.stream(text(number)) as stream:
            streamed = "".join(delta.text for delta in stream)
        return router.chat(text(number)).text, streamed

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(both, range(64)))
    for number, (plain, streamed) in enumerate(answers):
        assert f"call number {number}" in plain
        assert plain == streamed
    assert len({request.connection for request in offline_url.requests}) <= 16


def test_many_calls_in_one_loop_are_in_flight_together(offline_url: OfflineRouter) -> None:
    offline_url.queue(SlowHead(0.3), times=50)

    async def main() -> list[str]:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k")
        replies = await asyncio.gather(*(router.chat(text(number)) for number in range(50)))
        return [reply.text for reply in replies]

    answers = asyncio.run(main())
    assert all(f"call number {number}" in answer for number, answer in enumerate(answers))
    assert offline_url.in_flight_max == 50


@TRANSPORTS
@pytest.mark.parametrize("loop", LOOPS)
def test_two_runs_after_one_another_each_reuse_their_own_connection_and_leave_none(
    offline_url: OfflineRouter, transport: Any, loop: str
) -> None:
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)

    async def main() -> None:
        for _ in range(3):
            await router.chat(HELLO)
            async with router.stream(HELLO) as stream:
                _ = [delta async for delta in stream]

    before = offline_url.connections
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_in(loop, main())
        run_in(loop, main())
        gc.collect()
    assert offline_url.connections - before == 2
    assert offline_url.wait_idle()


@TRANSPORTS
def test_a_run_that_ends_without_closing_the_client_leaves_no_connection_open(
    offline_url: OfflineRouter, transport: Any
) -> None:
    def count() -> int:
        return offline_url.open_connections

    before = count()
    asyncio.run(
        AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport).chat(HELLO)
    )
    assert offline_url.wait_closed(left=before)


@TRANSPORTS
def test_two_loops_in_two_threads_share_one_client(offline_url: OfflineRouter, transport: Any) -> None:
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)

    async def main(number: int) -> list[str]:
        return [(await router.chat(text(number))).text for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asyncio.run(main(number)), range(8)))
    for number, own in enumerate(answers):
        assert all(f"call number {number}" in answer for answer in own)


@TRANSPORTS
def test_a_client_that_was_closed_opens_again_when_it_is_used(
    offline_url: OfflineRouter, transport: Any
) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        async with router:
            await router.chat(HELLO)
        await router.chat(HELLO)

    asyncio.run(main())


FAULTS = {
    "before the head": Stall(None),
    "in the middle": Stall(2),
    "between slow pieces": SlowChunks(0.2, after=1),
}


@TRANSPORTS
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_cancelling_a_task_frees_its_connection(
    offline_url: OfflineRouter, transport: Any, fault: Any
) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        await router.chat(HELLO)
        open_before = offline_url.open_connections
        offline_url.queue(fault)
        seen = asyncio.Event()

        async def consume() -> None:
            async with router.stream(HELLO) as stream:
                async for _ in stream:
                    seen.set()

        task = asyncio.ensure_future(consume())
        if isinstance(fault, Stall) and fault.after is None:
            while offline_url.queued:
                await asyncio.sleep(0.005)
        else:
            await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(offline_url.wait_closed, open_before)
        assert await asyncio.to_thread(offline_url.wait_idle)
        await router.chat(HELLO)

    asyncio.run(main())


@TRANSPORTS
def test_the_users_own_time_limit_cancels_a_call_and_stays_the_users(
    offline_url: OfflineRouter, transport: Any
) -> None:
    offline_url.queue(Stall(None))

    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await router.chat(HELLO)

    asyncio.run(main())
    assert offline_url.wait_idle()


def test_a_stream_dropped_half_read_is_told_of_in_an_event_loop(offline_url: OfflineRouter) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k")
        stream = router.stream(HELLO)
        await anext(stream)
        run = stream._run
        with pytest.warns(ResourceWarning, match="use `async with`"):
            del stream
        await run.close()

    asyncio.run(main())


def test_a_stream_dropped_half_read_frees_its_connection_in_a_thread(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")
    offline_url.queue(Stall(2))
    before = offline_url.open_connections
    stream = router.stream(HELLO)
    next(stream)
    del stream
    gc.collect()
    assert offline_url.wait_idle()
    assert offline_url.wait_closed(left=before)


def program(code: str, **environment: str) -> str:
    """The output of a fresh interpreter that treats every warning as an error."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "HF_TOKEN_PATH")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**kept, **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


SYNC = """
from shared_core import HFRouter
r = HFRouter('offline/echo', base_url={url!r}, api_key='k')
ask = lambda: r.chat([{{'role': 'user', 'content': 'hello there'}}]).text
"""


def test_a_program_that_just_ends_leaves_no_warning(offline_url: OfflineRouter) -> None:
    assert "hello there" in program(SYNC.format(url=str(offline_url)) + "print(ask())")


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
def test_an_asynchronous_program_that_just_ends_leaves_no_warning(
    offline_url: OfflineRouter, transport: str
) -> None:
    code = f"""
import asyncio
from shared_core import AsyncHFRouter
async def main():
    r = AsyncHFRouter('offline/echo', base_url={str(offline_url)!r}, api_key='k', transport={transport!r})
    print((await r.chat([{{'role': 'user', 'content': 'hello there'}}])).text)
    async with r.stream([{{'role': 'user', 'content': 'hello there'}}]) as stream:
        async for delta in stream:
            break
asyncio.run(main())
asyncio.run(main())
"""
    assert program(code).count("hello there") == 2


def test_an_asynchronous_client_works_in_a_forked_child(offline_url: OfflineRouter) -> None:
    code = f"""
import asyncio, os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from shared_core import AsyncHFRouter
r = AsyncHFRouter('offline/echo', base_url={str(offline_url)!r}, api_key='k')
ask = lambda: asyncio.run(r.chat([{{'role': 'user', 'content': 'hello there'}}])).text
print(bool(ask()), flush=True)
child = os.fork()
if child == 0:
    print(bool(ask()), flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], bool(ask()))
"""
    assert program(code).split() == ["True", "True", "0", "True"]


class Proxy:
    """A proxy on loopback that passes plain requests on and remembers their first lines."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client: socket.socket) -> None:
        with client:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            head, _, body = request.partition(b"\r\n\r\n")
            first, *rest = head.decode("latin-1").split("\r\n")
            self.asked.append(first)
            method, url, version = first.split(" ")
            host, _, path = url.removeprefix("http://").partition("/")
            name, _, port = host.partition(":")
            kept = [line for line in rest if not line.lower().startswith(("connection:", "proxy-"))]
            length = next(
                (int(line.split(":")[1]) for line in rest if line.lower().startswith("content-length")), 0
            )
            while len(body) < length:
                body += client.recv(65536)
            with socket.create_connection((name, int(port))) as server:
                lines = [f"{method} /{path} {version}", *kept, "connection: close", "", ""]
                server.sendall("\r\n".join(lines).encode("latin-1") + body)
                while piece := server.recv(65536):
                    client.sendall(piece)

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


PROXIED = """
import asyncio
from shared_core import AsyncHFRouter, HFRouter
async def later(r):
    return await r.chat(hello)
hello = [{{'role': 'user', 'content': 'hello there'}}]
kind = {kind!r}
if kind == 'sync':
    print(HFRouter('offline/echo', base_url={url!r}, api_key='k').chat(hello).text)
else:
    print(asyncio.run(later(AsyncHFRouter('offline/echo', base_url={url!r}, api_key='k', transport=kind))).text)
"""


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_of_the_environment_is_used(offline_url: OfflineRouter, proxy: Proxy, kind: str) -> None:
    code = PROXIED.format(kind=kind, url=str(offline_url))
    assert "hello there" in program(code, HTTP_PROXY="", http_proxy=proxy.url)
    assert proxy.asked == [f"POST {offline_url}/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_host_that_the_environment_exempts_is_reached_without_it(
    offline_url: OfflineRouter, proxy: Proxy, kind: str
) -> None:
    code = PROXIED.format(kind=kind, url=str(offline_url))
    assert "hello there" in program(code, http_proxy=proxy.url, no_proxy="127.0.0.1,localhost")
    assert proxy.asked == []


def test_calls_that_wait_for_each_other_s_connection_do_not_stand_in_line(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")
    offline_url.queue(Stall(None))

    def stuck() -> None:
        with pytest.raises(errors.TimedOut):
            router.chat(HELLO, timeout=1.0)

    slow = threading.Thread(target=stuck)
    slow.start()
    while offline_url.queued:
        time.sleep(0.005)
    assert router.chat(HELLO, timeout=0.9).text
    slow.join()


def test_making_a_client_opens_and_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket", refuse)
    HFRouter("org/name")
    AsyncHFRouter("org/name")


def test_a_stream_closed_by_another_thread_just_ends(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url)
    offline_url.queue(Stall(after=2))
    stream = router.stream(HELLO)
    next(stream)
    stopper = threading.Timer(0.2, stream.close)
    stopper.start()
    began = time.monotonic()
    assert len(list(stream)) < 4
    assert time.monotonic() - began < 10, "the reader was not woken; its own limit is 30 s"
    stopper.join()
    with pytest.raises(errors.ConfigError, match="not finished"):
        stream.reply  # noqa: B018
    assert router.chat(HELLO).text == HELLO[0]["content"]


@TRANSPORTS
def test_a_stream_closed_by_another_task_just_ends(offline_url: OfflineRouter, transport: Any) -> None:
    async def main() -> None:
        async with AsyncHFRouter("offline/echo", base_url=offline_url, transport=transport) as router:
            offline_url.queue(Stall(after=2))
            stream = router.stream(HELLO)
            await anext(stream)

            async def read() -> int:
                return len([delta async for delta in stream])

            reader = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            await stream.close()
            assert await asyncio.wait_for(reader, 5) < 4
            with pytest.raises(errors.ConfigError, match="not finished"):
                stream.reply  # noqa: B018
            assert (await router.chat(HELLO)).text == HELLO[0]["content"]

    asyncio.run(main())


def test_a_second_thread_that_reads_a_stream_is_refused_and_spoils_nothing(
    offline_url: OfflineRouter,
) -> None:
    router = HFRouter("offline/echo", base_url=offline_url)
    offline_url.queue(SlowHead(0.3))
    stream = router.stream(HELLO)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(list, stream)
        while not offline_url.requests:
            time.sleep(0.001)
        with pytest.raises(errors.ConfigError, match="reading this stream already"):
            next(stream)
        assert "".join(delta.text for delta in first.result()) == HELLO[0]["content"]
    assert stream.reply.text == HELLO[0]["content"]


@TRANSPORTS
def test_a_second_task_that_reads_a_stream_is_refused_and_spoils_nothing(
    offline_url: OfflineRouter, transport: Any
) -> None:
    async def main() -> None:
        async with AsyncHFRouter("offline/echo", base_url=offline_url, transport=transport) as router:
            stream = router.stream(HELLO)
            first, second = await asyncio.gather(anext(stream), anext(stream), return_exceptions=True)
            assert isinstance(second, errors.ConfigError)
            rest = "".join([delta.text async for delta in stream])
            assert first.text + rest == stream.reply.text == HELLO[0]["content"]

    asyncio.run(main())
