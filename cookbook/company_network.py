"""A company's network in small, for page 26: proxies, and a router whose certificate only the company vouches for.

Lives here: servers on loopback, in threads. Not here: anything that a program of yours would need.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared_core.testing import offline_router

AUTHORITY = Path(__file__).with_name("company") / "ca.pem"
_CERTIFICATE = AUTHORITY.with_name("server.pem")
_OF_NETWORKS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass
class Network:
    """What there is in it.

    Args:
        url: The router's address, over TLS.
        proxy: The proxy's address.
        silent: The address of one that takes connections and says nothing.
        asked: The first line of each request that the proxy got.
    """

    url: str = ""
    proxy: str = ""
    silent: str = ""
    asked: list[str] = field(default_factory=list)

    def run(self, code: str, **variables: str) -> str:
        """What a program prints that starts with these variables, and no others that speak of networks."""
        kept = {name: value for name, value in os.environ.items() if name.upper() not in _OF_NETWORKS}
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), kept.get("PYTHONPATH"))))
        command = [sys.executable, "-W", "error", "-c", code]
        done = subprocess.run(
            command, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=60
        )
        return (done.stdout + done.stderr).strip()


@contextlib.contextmanager
def company_network() -> Iterator[Network]:
    """The servers, for the time of the block."""
    network = Network()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    with offline_router(embedder="words") as router:
        inside = ("127.0.0.1", router.port)

        def answer(client: socket.socket) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) as safe:
                _join(safe, inside)

        def pass_on(client: socket.socket) -> None:
            with contextlib.suppress(OSError):
                head = b""
                while b"\r\n\r\n" not in head and (piece := client.recv(65536)):
                    head += piece
                first = head.partition(b"\r\n")[0].decode("latin-1")
                network.asked.append(first)
                host, _, port = first.split(" ")[1].rpartition(":")
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _join(client, (host, int(port)))

        def say_nothing(client: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while client.recv(65536):
                    pass

        with _server(answer) as port, _server(pass_on) as proxy_port, _server(say_nothing) as silent_port:
            network.url = f"https://127.0.0.1:{port}/v1"
            network.proxy = f"http://127.0.0.1:{proxy_port}"
            network.silent = f"http://127.0.0.1:{silent_port}"
            yield network


@contextlib.contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:  # closed
                    return
                threading.Thread(target=_with, args=(serve, client), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(2)


def _with(serve: Callable[[socket.socket], None], client: socket.socket) -> None:
    with client:
        serve(client)


def _join(one: socket.socket, address: tuple[str, int]) -> None:
    """Carries bytes both ways until either side is through."""
    with socket.create_connection(address) as other:

        def carry(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while piece := source.recv(65536):
                    sink.sendall(piece)
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)

        back = threading.Thread(target=carry, args=(other, one), daemon=True)
        back.start()
        carry(one, other)
        back.join(5)
