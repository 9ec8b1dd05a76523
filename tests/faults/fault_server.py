"""A server on a raw socket that does what HTTP servers should not.

Lives here: the server, and the vocabulary of faults (`Say`). Not here: calling it (`calling`), which fault must become
what (the tables of rows).
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

RIGHT_TEXT = "Hello."
RIGHT_VECTOR = (0.6, 0.8)


@dataclass(frozen=True)
class Forever:
    """A step: the same bytes again and again until the client leaves."""

    data: bytes
    seconds: float = 0.02


RESET, CLOSE, HANG = "reset", "close", "hang"
Step = bytes | float | Forever | str
"""Bytes are sent, a number is a pause in seconds, a word ends the connection or leaves it hanging."""


class Say:
    """What the server can be told to say: each gives the steps of one reply."""

    reset, close, hang, forever = RESET, CLOSE, HANG, Forever

    @staticmethod
    def head(status: int = 200, **headers: object) -> bytes:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode("latin-1")

    @classmethod
    def body(cls, content: object, status: int = 200, **headers: object) -> list[Step]:
        """A whole reply: bytes as they are, else JSON."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = {"content_type": "application/json", "content_length": len(data), **headers}
        return [cls.head(status, **kind), data]

    @classmethod
    def answer(cls, text: str = RIGHT_TEXT, **message: object) -> list[Step]:
        """A right answer."""
        return cls.body(cls.completion(text, **message))

    @staticmethod
    def completion(text: str = RIGHT_TEXT, finish: str = "stop", **message: object) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": finish, "message": {"content": text, **message}}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return {"id": "c", "model": "served", "choices": [choice], "usage": usage}

    @staticmethod
    def event(content: object) -> bytes:
        return b"data: %b\n\n" % (content if isinstance(content, bytes) else json.dumps(content).encode())

    @classmethod
    def token(cls, text: str | None = None, finish: str | None = None, **delta: object) -> bytes:
        said = {**({} if text is None else {"content": text}), **delta}
        return cls.event(
            {"model": "served", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}
        )

    @staticmethod
    def chunk(data: bytes) -> bytes:
        """HTTP's own chunk."""
        return b"%x\r\n%b\r\n" % (len(data), data)

    @classmethod
    def begun(cls, *events: bytes) -> list[Step]:
        """The beginning of a stream, each event in a chunk of HTTP; whatever follows is up to the test."""
        start = cls.head(content_type="text/event-stream", transfer_encoding="chunked")
        return [start, *map(cls.chunk, events)]

    @classmethod
    def stream(cls, *events: bytes) -> list[Step]:
        """A stream that HTTP calls complete, whatever is in it."""
        return [*cls.begun(*events), b"0\r\n\r\n"]

    @classmethod
    def vectors(cls, texts: int = 1) -> list[Step]:
        """A right answer to texts."""
        data = [{"index": place, "embedding": RIGHT_VECTOR} for place in range(texts)]
        return cls.body(
            {"data": data, "model": "served", "usage": {"prompt_tokens": texts, "total_tokens": texts}}
        )

    @classmethod
    def right(cls, body: object) -> list[Step]:
        """The right answer to this request."""
        asked = body if isinstance(body, dict) else {}
        if "input" in asked:
            return cls.vectors(len(asked["input"]))
        return cls.tokens("Hel", "lo.") if asked.get("stream") else cls.answer()

    @classmethod
    def tokens(cls, *texts: str) -> list[Step]:
        """A right stream."""
        return cls.stream(*map(cls.token, texts), cls.token(finish="stop"), cls.event(b"[DONE]"))


@dataclass
class Request:
    """One request that reached the server."""

    line: str
    headers: dict[str, str]
    body: Any
    connection: int
    at: float


@dataclass
class FaultServer:
    """Answers each request with the next scripted reply, and with right ones after the last."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    _script: list[list[Step]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *replies: list[Step], times: int = 1) -> None:
        with self._changed:
            self._script += [reply for _ in range(times) for reply in replies]

    async def freed(self, left: int = 0, seconds: float = 1.0) -> bool:
        """Whether at most so many connections are open, at once or a moment later.

        Waits in a thread: an event loop closes its sockets in its own next turn.
        """
        return await asyncio.to_thread(self._wait, lambda: self.open <= left, seconds)

    async def asked(self, count: int, seconds: float = 1.0) -> bool:
        """Whether so many requests have come, at once or a moment later."""
        return await asyncio.to_thread(self._wait, lambda: len(self.requests) >= count, seconds)

    def _wait(self, claim: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(claim, seconds)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self.open += 1
                number = self.connections
            threading.Thread(target=self._converse, args=(connection, number), daemon=True).start()

    def _converse(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as incoming:
                while (request := _read_request(incoming, number)) is not None:
                    with self._changed:
                        self.requests.append(request)
                        reply = self._script.pop(0) if self._script else None
                        self._changed.notify_all()
                    for step in reply or Say.right(request.body):
                        if not _perform(connection, step):
                            return
        except OSError:
            return  # the client left in the middle of a step
        finally:
            with self._changed:
                self.open -= 1
                self._changed.notify_all()


def _read_request(incoming: Any, number: int) -> Request | None:
    line = incoming.readline()
    if not line.endswith(b"HTTP/1.1\r\n"):
        return None  # the client left, or speaks something else
    headers = {}
    while header := incoming.readline().strip():
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    raw = incoming.read(int(headers.get("content-length", 0)))
    return Request(line.decode().strip(), headers, json.loads(raw) if raw else None, number, time.monotonic())


def _perform(connection: socket.socket, step: Step) -> bool:
    """One step; False when the connection is over."""
    if isinstance(step, bytes):
        connection.sendall(step)
    elif isinstance(step, Forever):
        while not _client_left(connection, step.seconds):
            connection.sendall(step.data)
        return False
    elif isinstance(step, str):
        if step == HANG:
            _client_left(connection, 10)
        elif step == RESET:
            # Lingering for no time makes close() send RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    else:
        return not _client_left(connection, step)
    return True


def _client_left(connection: socket.socket, seconds: float) -> bool:
    """Waits; True as soon as the client closes its end."""
    readable, _, _ = select.select([connection], [], [], seconds)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
