"""Sockets that know the call's limits.

httpx2 takes one number of seconds for each socket wait, fixed when the request starts: a server that
sends a byte a second is never late. Here the call's `Waits` stands where the number would, and each
single wait on the socket asks it how much time is left.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any

import httpcore2

from shared_core.routing import is_public
from shared_core.types import Waits

__all__ = ["TUNNEL", "TimedBackend", "is_address", "refuse_private"]

TUNNEL = b"CONNECT "
"""How a request to a proxy begins that asks for a way through: the connection is still being opened."""

_WORTH_A_CALL = 64 * 1024  # bytes

Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class TimedBackend(httpcore2.NetworkBackend):
    """Opens blocking connections within `Waits`, the name look-up included."""

    def __init__(self) -> None:
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | Waits | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Option] | None = None,
    ) -> httpcore2.NetworkStream:
        if not isinstance(timeout, Waits):
            return self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        timeout.connecting()
        failure: Exception | None = None
        for address in _look_up(host, port, timeout):
            if timeout.public:
                refuse_private(host, address)
            try:
                stream = self._plain.connect_tcp(
                    address, port, _left(timeout, httpcore2.ConnectTimeout), local_address, socket_options
                )
                return _TimedStream(stream)
            except httpcore2.ConnectTimeout:
                raise
            except httpcore2.ConnectError as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"the name {host!r} has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | Waits | None = None, socket_options: Iterable[Option] | None = None
    ) -> httpcore2.NetworkStream:
        seconds = timeout.left() if isinstance(timeout, Waits) else timeout
        return _TimedStream(self._plain.connect_unix_socket(path, seconds, socket_options))


class _TimedStream(httpcore2.NetworkStream):
    """Holds back what is written until it is worth a system call, or until an answer is waited for.

    The HTTP layer writes head, body and end of a request one by one; sent together they cost one call.
    """

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._served: Waits | None = None

    def read(self, max_bytes: int, timeout: float | Waits | None = None) -> bytes:
        if self._unsent:
            self._flush(timeout)
        if isinstance(timeout, Waits):
            timeout = _left(timeout, httpcore2.ReadTimeout)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | Waits | None = None) -> None:
        self._unsent.append(buffer)
        self._unsent_size += len(buffer)
        if self._unsent_size > _WORTH_A_CALL:
            self._flush(timeout)

    def _flush(self, timeout: float | Waits | None) -> None:
        together = b"".join(self._unsent)
        self._unsent.clear()
        self._unsent_size = 0
        if isinstance(timeout, Waits):
            if timeout.opening and not together.startswith(TUNNEL):
                timeout.sending()
            self._served = timeout
            timeout.line = functools.partial(self._hang_up, timeout)
            timeout = _left(timeout, httpcore2.WriteTimeout)
        self._stream.write(together, timeout)

    def _hang_up(self, waits: Waits) -> None:
        """Closing would not wake a thread that waits here; both directions ended do. TLS is not asked: its own
        farewell would be another wait. Not where the connection serves another call meanwhile."""
        if self._served is not waits:
            return
        with contextlib.suppress(OSError):  # it has ended already
            socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | Waits | None = None,
    ) -> httpcore2.NetworkStream:
        if self._unsent:  # pragma: no cover - a proxy's answer is read before TLS starts
            self._flush(timeout)
        if isinstance(timeout, Waits):
            timeout = _left(timeout, httpcore2.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@functools.lru_cache(maxsize=1024)
def is_address(host: str) -> bool:
    """Whether the host is an IP address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refuse_private(host: str, address: str) -> None:
    """Refuses what is this machine or its network, by the address that is about to be connected to: a name may
    be answered otherwise a moment after it was checked.

    Raises:
        httpcore2.ConnectError: It is.
    """
    if not is_public(address):
        raise httpcore2.ConnectError(f"{host!r} leads to {address}, which is no public address")


def _left(waits: Waits, late: type[Exception]) -> float:
    """Seconds for one wait; a socket would take 0 to mean "do not wait at all", not "too late"."""
    left = waits.left()
    if left <= 0:
        raise late
    return left


def _look_up(host: str, port: int, waits: Waits) -> list[str]:
    """The host's addresses. A look-up cannot be interrupted, so it runs in a thread of its own.

    That thread is a daemon: a name server that never answers must not keep the program from ending.
    """
    if is_address(host):
        return [host]
    found: list[str] = []
    failures: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=ask, name=f"look up {host}", daemon=True)
    thread.start()
    thread.join(_left(waits, httpcore2.ConnectTimeout))
    if thread.is_alive():
        raise httpcore2.ConnectTimeout(f"no answer to the look-up of {host!r}")
    if failures:
        raise httpcore2.ConnectError(str(failures[0]))
    return list(found)
