"""Connections: reused after errors, never shared across loops or forks, never led elsewhere.

The rows F9 (stale connections), F32, F33, F37 and F39 of the fault table; F38 also in tests/services.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling import TASKS

from shared_core import AsyncHFRouter, HFRouter, errors

MESSAGES = [{"role": "user", "content": "Say hello."}]


ASYNC = ("httpx2", "aiohttp")


# -- reuse --------------------------------------------------------------------------------------------------


async def test_300_streams_one_after_another_use_one_connection(kind: str, server: Any, call: Any) -> None:
    for _ in range(300):
        outcome = await call(kind, server.url, stream=True)
        assert outcome.text == "Hello."
    assert (len(server.requests), server.connections) == (300, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
async def test_a_connection_serves_again_after_an_error(
    status: int, kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body({"error": "No."}, status), say.body({"error": "No."}, status))
    for stream in (False, True):
        assert (await call(kind, server.url, stream=stream, max_retries=0)).error.status == status
    assert (await call(kind, server.url)).text == "Hello."
    assert server.connections == 1


async def test_a_connection_serves_again_after_a_malformed_reply(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body(b"no json"), say.stream(say.token("Half")))
    assert type((await call(kind, server.url, max_retries=0)).error) is errors.MalformedResponse
    assert type((await call(kind, server.url, stream=True)).error) is errors.StreamInterrupted
    assert (await call(kind, server.url)).text == "Hello."
    assert server.connections == 1


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_f9_a_connection_that_died_while_idle_is_not_noticed(
    how: str, task: str, kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script([*say.answer(), how])
    assert (await call(kind, server.url, max_retries=0)).text == "Hello."
    assert await server.freed()
    await asyncio.sleep(0.01)
    assert (await call(kind, server.url, task=task, max_retries=0)).is_right
    assert server.connections == 2


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_f9_a_connection_that_dies_with_the_next_request_costs_one_retry(
    how: str, task: str, kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.answer(), [how])
    assert (await call(kind, server.url)).text == "Hello."
    outcome = await call(kind, server.url, task=task, max_retries=1)
    assert outcome.is_right
    assert outcome.reply.meta.attempts == 2
    assert [request.connection for request in server.requests] == [1, 1, 2]


# -- redirects, names, certificates -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 308])
async def test_f33_a_redirect_of_any_kind_is_told_and_not_followed(
    status: int, any_kind: str, server: Any, start_server: Any, call: Any, say: Any
) -> None:
    other = start_server()
    server.script(say.body(b"", status, location=f"{other.url}/chat/completions"))
    outcome = await call(any_kind, server.url)
    assert isinstance(outcome.error, errors.RouterError)
    assert outcome.error.status == status
    assert f"{other.url}/chat/completions" in outcome.error.message
    assert outcome.error.hint
    assert (other.requests, other.connections) == ([], 0)
    assert len(server.requests) == 1


async def test_f33_a_redirected_look_up_is_not_followed_either(
    kind: str, server: Any, start_server: Any, say: Any
) -> None:
    other = start_server()
    server.script(say.body(b"", 307, location=f"{other.url}/models"))

    async def look_up() -> Any:
        if kind == "threads":
            return HFRouter("a/b", base_url=server.url, api_key="canary").models()
        return await AsyncHFRouter("a/b", base_url=server.url, api_key="canary", transport=kind).models()

    with pytest.raises(errors.RouterError):
        await look_up()
    assert other.connections == 0


@pytest.mark.parametrize("task", TASKS)
async def test_f32_a_name_that_does_not_exist_is_tried_again_and_then_left(
    task: str, kind: str, server: Any, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host not in ("nowhere.test", b"nowhere.test"):
            return real(host, *args, **options)
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    outcome = await call(kind, "http://nowhere.test/v1", task=task, max_retries=2)
    assert type(outcome.error) is errors.ConnectionLost
    assert "nowhere.test" in outcome.error.message
    assert outcome.error.attempts == len(asked) == 3
    elsewhere = await call(kind, "http://nowhere.test/v1", task=task, fallback=[server.url])
    assert elsewhere.is_right
    assert (len(server.requests), len(asked)) == (1, 5)


@pytest.mark.parametrize("task", TASKS)
async def test_f32_a_port_where_nobody_listens_is_tried_again(task: str, kind: str, call: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = await call(kind, f"http://127.0.0.1:{port}/v1", task=task, max_retries=2)
    assert type(outcome.error) is errors.ConnectionLost
    assert outcome.error.attempts == 3


@pytest.fixture
def self_signed() -> Iterator[Any]:
    """A TLS server that nobody vouches for; counts the handshakes that were begun."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    handshakes: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                handshakes.append(1)
                with contextlib.suppress(OSError), connection:
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{port}/v1", handshakes
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(2)


@pytest.mark.parametrize("task", TASKS)
async def test_f32_a_certificate_that_nobody_vouches_for_is_told_at_once(
    task: str, kind: str, self_signed: Any, call: Any
) -> None:
    url, handshakes = self_signed
    outcome = await call(kind, url, task=task, max_retries=3)
    assert type(outcome.error) is errors.ConnectionLost
    assert "certificate" in outcome.error.message
    assert "clock" in outcome.error.hint
    assert outcome.error.reactions == frozenset()
    assert len(handshakes) == 1


async def test_f32_a_server_that_speaks_no_tls_is_a_lost_connection(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    outcome = await call(kind, server.url.replace("http:", "https:"), max_retries=0)
    assert type(outcome.error) is errors.ConnectionLost
    assert server.requests == []


# -- loops, threads, processes ------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ASYNC)
def test_f37_one_client_works_in_two_event_loops_after_one_another(transport: str, server: Any) -> None:
    router = AsyncHFRouter("a/b", base_url=server.url, transport=transport, max_retries=0)

    async def ask_all() -> list[str]:
        plain = await router.chat(MESSAGES)
        async with router.stream(MESSAGES) as stream:
            streamed = "".join([delta.text async for delta in stream])
        vectors = await router.embed(["Hello."])
        return [plain.text, streamed, *map(str, vectors.vectors.shape)]

    assert [asyncio.run(ask_all()) for _ in range(3)] == [["Hello.", "Hello.", "1", "2"]] * 3
    assert (len(server.requests), server.connections) == (9, 3)
    assert asyncio.run(server.freed())


@pytest.mark.parametrize("transport", ASYNC)
def test_f37_one_client_works_in_two_event_loops_at_once(transport: str, server: Any) -> None:
    router = AsyncHFRouter("a/b", base_url=server.url, transport=transport, max_retries=0)

    async def ask() -> str:
        return (await router.chat(MESSAGES)).text

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: asyncio.run(ask()), range(8)))
    assert texts == ["Hello."] * 8


def test_f39_one_client_serves_many_threads(server: Any) -> None:
    router = HFRouter("a/b", base_url=server.url, max_retries=0)

    def ask(number: int) -> str:
        if number % 3 == 0:
            return router.chat(MESSAGES).text
        if number % 3 == 1:
            return "Hello." if router.embed(["Hello."]).vectors.shape == (1, 2) else "?"
        with router.stream(MESSAGES) as stream:
            return "".join(delta.text for delta in stream)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(ask, range(80)))
    assert texts == ["Hello."] * 80
    assert server.connections <= 8


FORK = """
import os, sys
from shared_core import HFRouter
router = HFRouter("a/b", base_url=sys.argv[1], max_retries=0)
say = lambda who: router.chat([{"role": "user", "content": who}]).text
assert say("before") == "Hello."
child = os.fork()
if child == 0:
    code = 0 if say("child") == say("child again") == "Hello." else 1
    os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert say("after") == "Hello."
"""


def test_f38_a_fork_opens_its_own_connection_and_leaves_the_parents_alone(server: Any) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", FORK, server.url], check=True, timeout=20)
    by_words = {r.body["messages"][0]["content"]: r.connection for r in server.requests}
    assert by_words == {"before": 1, "child": 2, "child again": 2, "after": 1}


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
async def test_an_injected_client_keeps_its_connection_for_the_next_stream(
    name: str, library: str, server: Any
) -> None:
    own = getattr(importlib.import_module(library), name)()
    texts = []
    if name == "Client":
        with own:
            router = HFRouter("a/b", base_url=server.url, http_client=own, max_retries=0)
            for _ in range(20):
                with router.stream(MESSAGES) as stream:
                    texts.append("".join(delta.text for delta in stream))
    else:
        async with own:
            arouter = AsyncHFRouter("a/b", base_url=server.url, http_client=own, max_retries=0)
            for _ in range(20):
                async with arouter.stream(MESSAGES) as astream:
                    texts.append("".join([delta.text async for delta in astream]))
    assert texts == ["Hello."] * 20
    assert server.connections == 1


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
async def test_a_client_that_is_closed_while_others_still_call_leaves_them_nothing_to_leak(
    transport: Any, server: Any, say: Any
) -> None:
    server.script(*([0.005 * number, *say.answer()] for number in range(10)))

    async def one() -> str:
        settings = {"api_key": "k", "base_url": server.url, "max_retries": 0}
        async with AsyncHFRouter("a/b", transport=transport, **settings) as router:
            return (await router.chat(MESSAGES)).text

    assert await asyncio.gather(*(one() for _ in range(10))) == ["Hello."] * 10
    assert await server.freed(0)
