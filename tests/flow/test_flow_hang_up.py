"""Breaking off a blocking run from another thread without ending its flow: what becomes of it, the flow says."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from shared_core import ConnectionLost, TimedOut
from shared_core.flow import Flow, send, sleep
from shared_core.flow.blocking import BlockingRun
from shared_core.transport.backend import _TimedStream
from shared_core.types import ApiKey, HttpRequest, Timeouts, Waits

REQUEST = HttpRequest("GET", "https://router.huggingface.co/v1", {}, b"", ApiKey(""))


def waits() -> Waits:
    return Waits(Timeouts(), time.monotonic, streamed=False)


class Transport:
    """Fails as a socket does on which nothing may be waited for any more."""

    def __init__(self) -> None:
        self.sent: list[Waits] = []

    def send(self, request: HttpRequest, waits: Waits) -> Any:
        self.sent.append(waits)
        waits.sending()
        if waits.left() <= 0:
            raise TimedOut(waits.verdict())
        raise ConnectionLost("broke")

    def close(self) -> None:
        """Nothing to close."""


def test_a_request_that_begins_after_it_fails_at_once_and_the_flow_goes_on() -> None:
    def flow() -> Flow[str]:
        yield from sleep(7)
        try:
            yield from send(REQUEST, waits())
        except TimedOut:
            return "told"
        return "not told"

    run: BlockingRun[str] = BlockingRun(flow(), Transport(), lambda _: run.hang_up())
    assert run.finish() == "told"
    assert run.done


def test_a_request_that_goes_on_is_shut_down() -> None:
    shut = []
    ours = waits()

    class Slow(Transport):
        def send(self, request: HttpRequest, waits: Waits) -> Any:
            waits.line = lambda: shut.append("down")
            run.hang_up()
            return super().send(request, waits)

    def flow() -> Flow[None]:
        yield from send(REQUEST, ours)

    run: BlockingRun[None] = BlockingRun(flow(), Slow())
    with pytest.raises(TimedOut):
        run.finish()
    assert shut == ["down"]


def test_a_run_that_is_over_may_be_hung_up() -> None:
    def flow() -> Flow[str]:
        yield from sleep(0)
        return "done"

    run: BlockingRun[str] = BlockingRun(flow(), Transport(), lambda _: None)
    assert run.finish() == "done"
    run.hang_up()
    assert run.result == "done"


class Socket:
    """Records how it was shut down."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()

    def read(self, most: int, timeout: Any = None) -> bytes:
        return b""

    def write(self, data: bytes, timeout: Any = None) -> None:
        self.ours.sendall(data)

    def get_extra_info(self, name: str) -> Any:
        return self.ours

    @property
    def shut(self) -> bool:
        self.theirs.setblocking(False)
        try:
            return self.theirs.recv(100) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def test_a_connection_that_serves_another_call_by_now_is_left_alone() -> None:
    """Who hangs up may come a moment late: the connection went back, and somebody else has it."""
    line = Socket()
    try:
        stream, mine, theirs = _TimedStream(line), waits(), waits()  # type: ignore[arg-type]
        for call in (mine, theirs):
            stream.write(b"", call)
            stream.read(1, call)
        assert mine.line is not None
        mine.line()
        assert not line.shut
        theirs.hang_up()
        assert line.shut
    finally:
        line.close()
