"""Carrying out the steps of a reply on the connection, faults included.

ASGI has no word for breaking a connection, so the server's protocol object travels in the request's scope
(`connection`), and bytes, FIN or RST go to its transport.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from .faults import Break, Hang, Pause, Repeat, Reply, Step

if TYPE_CHECKING:
    from starlette.types import Send

    from .connection import Connection
    from .record import Received


class _Left(Exception):
    """The client closed the connection, or the server is stopping."""


class _Broken(Exception):
    """A scripted fault broke the connection."""


class Delivery:
    """Sends one reply over one connection.

    Args:
        reply: What to send.
        received: What it answers.
        connection: Where it goes.
        send: ASGI's.
        charge: Told what went out, and whether the client left; before the client can know that it was all.
    """

    def __init__(
        self,
        reply: Reply,
        received: Received,
        connection: Connection,
        send: Send,
        charge: Callable[[Received, list[bytes], bool], None],
    ) -> None:
        self._reply = reply
        self._received = received
        self._connection = connection
        self._send = send
        self._charge = charge
        self._sent: list[bytes] = []

    async def run(self) -> None:
        """Send everything; afterwards `received.outcome` says how it went."""
        try:
            for step in self._reply.before:
                await self._step(step)
            await self._head()
            *early, last = self._reply.steps or (b"",)
            for step in early:
                await self._step(step)
            await self._last(last)
        except _Left:
            self._received.outcome = "client left"
            self._charge(self._received, self._sent, True)
            # uvicorn complains of an early return unless it knows that the peer is gone.
            await self._connection.gone.wait()
        except _Broken:
            self._received.outcome = "broken"
            self._charge(self._received, self._sent, False)

    async def _head(self) -> None:
        if self._reply.verbatim:
            return
        self._received.status = self._reply.status
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self._reply.headers.items()]
        await self._send({"type": "http.response.start", "status": self._reply.status, "headers": headers})

    async def _last(self, step: Step) -> None:
        """The last step and the end of the message; the outcome is noted before the client can know it."""
        if not isinstance(step, bytes):
            await self._step(step)
            step = b""
        if self._connection.leaving():
            raise _Left
        self._received.outcome = "complete"
        self._keep(step)
        self._charge(self._received, self._sent, False)
        if not self._reply.verbatim:
            await self._send({"type": "http.response.body", "body": step, "more_body": False})

    async def _step(self, step: Step) -> None:
        if self._connection.leaving():
            raise _Left
        if isinstance(step, bytes):
            await self._bytes(step)
        elif isinstance(step, Pause):
            await self._wait(step.seconds)
        elif isinstance(step, Repeat):
            while True:
                await self._bytes(step.data)
                await self._wait(step.seconds)
        elif isinstance(step, Hang):
            await self._wait(None)
        else:
            await self._break(step)

    async def _bytes(self, data: bytes) -> None:
        if self._reply.verbatim:
            self._connection.transport.write(data)
        elif data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        """Remembered for the bill alone."""
        if self._received.charge is not None:
            self._sent.append(data)

    async def _wait(self, seconds: float | None) -> None:
        """Wait, but no longer than the client does."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._connection.gone.wait(), seconds)
            raise _Left

    async def _break(self, step: Break) -> None:
        if step.how == "reset":
            self._connection.reset()
        else:
            self._connection.transport.close()
        # uvicorn complains about an application that returns before its reply is complete, unless the peer
        # is gone.
        await self._connection.gone.wait()
        raise _Broken
