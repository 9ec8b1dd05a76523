"""The server's life: starting, counting, stopping cleanly with streams still open; and its command."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter, SlowHead, Stall, offline_router
from shared_core.testing.app import Models

BODY = {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}


def test_the_port_is_free_again_afterwards() -> None:
    with offline_router() as first:
        port = first.port
    with offline_router(port) as again:
        assert again.port == port
        assert httpx2.get(f"{again}/models").status_code == 200


def test_a_taken_port_is_an_error_at_once() -> None:
    with offline_router() as router:
        second = offline_router(router.port)
        with pytest.raises(OSError, match="Address already in use"):
            second.__enter__()


def test_only_loopback_is_served(router: OfflineRouter) -> None:
    assert router.host == "127.0.0.1"
    # Were it bound to every address, nobody else could bind its port on another one.
    socket.create_server(("127.0.0.2", router.port)).close()


def test_two_routers_keep_apart() -> None:
    with offline_router() as one, offline_router() as two:
        httpx2.post(f"{one}/chat/completions", json=BODY)
        assert (len(one.requests), len(two.requests)) == (1, 0)


@pytest.mark.parametrize(
    "fault", [Stall(None), Stall(1), SlowHead(30)], ids=["no head", "mid stream", "slow head"]
)
def test_stopping_does_not_wait_for_open_streams(fault: Any) -> None:
    threads = set(threading.enumerate())
    started = time.perf_counter()
    with offline_router() as router, socket.create_connection((router.host, router.port)) as client:
        router.queue(fault)
        payload = b'{"model":"offline/echo","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
            % (len(payload), payload)
        )
        while not router.requests:
            time.sleep(0.005)
    assert time.perf_counter() - started < 4
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.name == "offline-router"]


def test_an_error_in_the_block_is_not_hidden() -> None:
    with pytest.raises(KeyError, match="mine"), offline_router():
        raise KeyError("mine")


def test_a_failure_of_the_server_itself_is_raised_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("inside the server")

    monkeypatch.setattr(Models, "answer", fail)
    with pytest.raises(RuntimeError, match="itself failed") as caught, offline_router() as url:
        assert httpx2.get(f"{url}/models").status_code == 500
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_connections_are_counted_and_reused_ones_only_once(router: OfflineRouter) -> None:
    with httpx2.Client() as client:
        for _ in range(3):
            client.post(f"{router}/chat/completions", json=BODY)
        assert (router.connections, router.open_connections) == (1, 1)
    assert router.wait_closed()
    httpx2.post(f"{router}/chat/completions", json=BODY)
    assert router.connections == 2
    assert [request.connection for request in router.requests] == [1, 1, 1, 2]


async def test_the_most_requests_at_once_are_counted(router: OfflineRouter) -> None:
    router.queue(SlowHead(0.3), times=20)
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=50)) as client:
        replies = await asyncio.gather(
            *(client.post(f"{router}/chat/completions", json=BODY) for _ in range(20))
        )
    assert {reply.status_code for reply in replies} == {200}
    assert router.in_flight_max == 20
    assert router.wait_idle()
    assert router.in_flight == 0


def test_waiting_says_when_it_was_in_vain(router: OfflineRouter) -> None:
    router.queue(Stall(0))
    with httpx2.stream("POST", f"{router}/chat/completions", json={**BODY, "stream": True}) as reply:
        assert reply.status_code == 200
        assert router.wait_idle(0.05) is False
        assert router.wait_closed(0, 0.05) is False
    assert router.wait_idle()
    assert router.wait_closed()


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "shared_core.testing", *arguments]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def test_the_command_prints_url_models_and_curl_and_stops_on_a_signal(
    command: Callable[..., subprocess.Popen[str]],
) -> None:
    process = command("--port", "0", "--token", "hf_mine")
    assert process.stdout is not None
    lines = []
    while not (lines and lines[-1].startswith("Stop")):
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr
    text = "".join(lines)
    url = re.search(r"http://127\.0\.0\.1:\d+/v1", text)[0]  # type: ignore[index]
    assert all(f"offline/{name}" in text for name in ("extractive", "tools", "json", "reasoner", "echo"))
    assert f'curl {url}/chat/completions \\\n    -H "Authorization: Bearer hf_mine" \\\n' in text
    assert max(map(len, text.splitlines())) <= 80
    headers = {"authorization": "Bearer hf_mine"}
    assert httpx2.post(f"{url}/chat/completions", json=BODY, headers=headers).status_code == 200
    assert httpx2.post(f"{url}/chat/completions", json=BODY).status_code == 401
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_the_command_says_when_its_port_is_taken(
    router: OfflineRouter, command: Callable[..., subprocess.Popen[str]]
) -> None:
    process = command("--port", str(router.port))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.startswith("offline_router: ")
    assert "in use" in errors
    assert "Next: Take another with --port" in errors
