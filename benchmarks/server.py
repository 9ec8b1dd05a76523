"""The one loopback server that every contender is measured against.

Lives here: canned bytes on a bare asyncio protocol, and the counters that say what really happened
(connections used, requests in flight, CPU spent here).
Not here: what the bytes are (`canned`), what is done with the counters (`run`).

It must never be the bottleneck: it parses as little as it can, answers from prebuilt bytes and keeps its own
CPU time for the report. The first part of a request's path chooses the scenario, so a contender chooses it by
its `base_url`: `/plain/any-salt/v1/chat/completions`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import canned

BATCH = 50  # events a write: the client sees full socket buffers, the server spends little
STALL = 5.0  # seconds without a new request or connection after which a closed gate stops waiting
FIRST_PAUSE = 0.002  # seconds between the first event and the rest in the scenario "first"
PACE = 0.001  # seconds between events in the scenario "paced"


class Board:
    """Counters, and the gate that holds answers until enough requests are in flight."""

    def __init__(self) -> None:
        self.reset(gate=0)

    def reset(self, *, gate: int) -> None:
        self.gate = gate
        self.held: list[Callable[[], None]] = []
        self.arrived = self.requests = self.in_flight = self.most_in_flight = 0
        self.connections: set[int] = set()
        self.gate_filled = False
        self.last_sign = 0.0

    def begin(self, connection: int) -> None:
        self.requests += 1
        self.connections.add(connection)
        self.in_flight += 1
        if self.in_flight > self.most_in_flight:
            self.most_in_flight = self.in_flight

    def end(self) -> None:
        self.in_flight -= 1

    def stats(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "connections": len(self.connections),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "gate_filled": self.gate_filled,
            "cpu": time.process_time(),
        }

    # The gate: answers leave `delay` after their request came, but none before all requests are in.
    # That turns "were they all in flight?" from a race into a fact.
    def wait(self, delay: float, answer: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if not self.gate:
            loop.call_later(delay, answer)
            return
        self.arrived += 1
        self.last_sign = loop.time()
        if self.arrived == 1:
            loop.call_later(STALL, self._watch)
        loop.call_later(delay, self._due, answer)
        if self.arrived == self.gate:
            self.gate_filled = True
            self._open()

    def _due(self, answer: Callable[[], None]) -> None:
        if self.gate:
            self.held.append(answer)
        else:
            answer()

    def _watch(self) -> None:
        """Open a gate that will never fill: a client that bounds its connections waits for us to answer."""
        if not self.gate:
            return
        quiet = asyncio.get_running_loop().time() - self.last_sign
        if quiet >= STALL:
            self._open()
        else:
            asyncio.get_running_loop().call_later(STALL - quiet + 0.001, self._watch)

    def _open(self) -> None:
        self.gate = 0
        held, self.held = self.held, []
        for answer in held:
            answer()


class Connection(asyncio.Protocol):
    """One client connection: HTTP/1.1 requests with a content-length, keep-alive, one at a time."""

    count = 0

    def __init__(self, board: Board, script: Script) -> None:
        Connection.count += 1
        self.number = Connection.count
        self.board = board
        self.script = script
        self.buffer = b""
        self.rest: list[bytes] = []
        self.open = self.flowing = True
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.board.last_sign = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.open = False
        self._done()

    def pause_writing(self) -> None:
        self.flowing = False

    def resume_writing(self) -> None:
        self.flowing = True
        if self.rest:
            self._pump()

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        length = 0
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        path = self.buffer[: self.buffer.find(b"\r\n")].split(b" ", 2)[1]
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        self._answer(path, body)

    def _answer(self, path: bytes, body: bytes) -> None:
        if path.startswith(b"/_"):
            self.transport.write(control(self.board, path.decode()))
            return
        if not path.endswith(b"/chat/completions"):
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}")
            return
        self.board.begin(self.number)
        self.busy = True
        scenario = path[1 : path.index(b"/", 1)].decode()
        if scenario.startswith("wait"):
            self.board.wait(int(scenario[4:]) / 1000, self._plain)
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._stream(scenario, b'"include_usage"' in body)
        else:
            self._plain()

    def _plain(self) -> None:
        if self.open:
            self.transport.write(self.script.plain)
        self._done()

    def _stream(self, scenario: str, usage: bool) -> None:
        batches = self.script.streams[scenario, usage]
        self.rest = list(reversed(batches))
        if scenario in {"first", "paced"}:
            self.transport.write(self.rest.pop())
            pause = FIRST_PAUSE if scenario == "first" else PACE
            self.loop.call_later(pause, self._paced if scenario == "paced" else self._pump)
        else:
            self._pump()

    def _paced(self) -> None:
        if not self.open:
            return
        self.transport.write(self.rest.pop())
        if self.rest:
            self.loop.call_later(PACE, self._paced)
        else:
            self._done()

    def _pump(self) -> None:
        if not (self.open and self.flowing and self.rest):
            return
        self.transport.write(self.rest.pop())
        if self.rest:
            self.loop.call_soon(self._pump)
        else:
            self._done()

    def _done(self) -> None:
        if self.busy:
            self.busy = False
            self.board.end()


class Script:
    """Every answer, prebuilt: the plain reply and, for each stream, the list of its writes."""

    def __init__(self) -> None:
        self.plain = canned.plain_response()
        self.streams: dict[tuple[str, bool], list[bytes]] = {}
        for usage in (False, True):
            text = canned.text_events(canned.TEXT_CHUNKS, usage=usage)
            first = canned.text_events(canned.FIRST_CHUNKS, usage=usage)
            paced = canned.text_events(canned.PACED_CHUNKS, usage=usage)
            self.streams["text", usage] = writes(text, BATCH)
            self.streams["plain", usage] = writes(first, BATCH)
            self.streams["tools", usage] = writes(canned.tool_events(usage=usage), BATCH)
            self.streams["first", usage] = [
                canned.STREAM_HEAD + first[0],
                b"".join(first[1:]),
                canned.STREAM_END,
            ]
            self.streams["paced", usage] = [canned.STREAM_HEAD, *paced, canned.STREAM_END]


def writes(events: list[bytes], batch: int) -> list[bytes]:
    """Group events into writes. The terminator goes alone, as uvicorn and others send it."""
    groups = [b"".join(events[start : start + batch]) for start in range(0, len(events), batch)]
    return [canned.STREAM_HEAD + groups[0], *groups[1:], canned.STREAM_END]


def control(board: Board, path: str) -> bytes:
    """`/_reset?gate=1000` starts new counters; both it and `/_stats` answer with the old ones."""
    url = urlsplit(path)
    body = json.dumps(board.stats()).encode()
    if url.path == "/_reset":
        board.reset(gate=int(parse_qs(url.query).get("gate", ["0"])[0]))
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


async def serve() -> None:
    """Listen on a free port of the loopback, say which on stdout, and run until stdin closes."""
    board, script = Board(), Script()
    loop = asyncio.get_running_loop()
    # A backlog of asyncio's default 100 would drop handshakes of 1,000 clients and cost them a second each.
    server = await loop.create_server(
        lambda: Connection(board, script), "127.0.0.1", 0, backlog=4096, start_serving=True
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
