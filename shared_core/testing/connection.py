"""uvicorn with two windows cut into it: the connection is reachable from the request, and stopping is quick
and clean.

The only module that knows uvicorn's insides: its `http` setting takes a protocol class, and `Server` calls
its own `main_loop` and `shutdown`, which are overridden here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .state import State

SCOPE_KEY = "offline_connection"


class Connection(H11Protocol):
    """One TCP connection, found in a request's scope under `state[SCOPE_KEY]`."""

    number: int
    gone: asyncio.Event

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        state: State = self.config.app.state.offline  # type: ignore[union-attr]
        self.number = state.connection_opened()
        self.gone = asyncio.Event()
        self.app_state = {**self.app_state, SCOPE_KEY: self}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        state: State = self.config.app.state.offline  # type: ignore[union-attr]
        state.connection_closed()
        # A keep-alive timer of a reset connection would hold the whole server until it rings.
        self._unset_keepalive_if_required()
        self.gone.set()

    def leaving(self) -> bool:
        """Whether writing has no point any more: asyncio knows of a failed write before it tells."""
        return self.gone.is_set() or self.transport.is_closing()

    def reset(self) -> None:
        """End the connection with RST: the client's next read fails."""
        sock: socket.socket | None = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server(uvicorn.Server):
    """A uvicorn server that is told when to stop instead of asking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()
        self.accepting = asyncio.Event()

    def stop(self) -> None:
        """Stop soon; to be called in the server's own event loop."""
        self._stopping.set()

    async def main_loop(self) -> None:
        """Keep the `date` header fresh until told to stop."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            self.accepting.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything at once, open streams too: a test that ends must not wait for its server."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks: set[asyncio.Task[Any]] = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=5)
            for task in late:
                task.cancel()
        for server in self.servers:
            await server.wait_closed()
        for sock in sockets or ():
            sock.close()
