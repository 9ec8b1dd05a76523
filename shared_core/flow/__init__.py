"""Flows: every policy and exchange written once, for threads and for event loops.

A flow is a generator that yields effects and returns its result; a driver performs the effects, blocking
(`flow.blocking`) or asynchronous (`flow.asynchronous`). The rules:

1. A flow never blocks, reads no clock of its own and opens nothing: it asks, by yielding an effect.
2. Effects never stand bare in a policy. Use the helpers below: they carry the types.
3. A `finally` in a flow must not yield: `close()` raises GeneratorExit there. Settle plain state only.
4. A flow need not close responses. The driver closes the open one when another is sent, when the flow
   ends, fails, is closed, or its task is cancelled.
5. After the first `emit` nothing may be repeated: the caller has seen content.
6. Flows that run at the same time (`gather`, `race`) share no response; those that are gathered emit nothing.
   What else they share, they guard with a lock that is never held over a `yield`: on the blocking driver they
   run in threads.

Effects are treated as immutable, but not frozen: two of them are made for every streamed token, and
freezing doubles what that costs.

Prior art: `httpx.Auth.auth_flow`, and psycopg's `generators.py` with `waiting.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from shared_core.flow.latch import Latch
from shared_core.types import ChatDelta, HttpRequest, Waits

__all__ = [
    "Ask",
    "Drain",
    "Effect",
    "Emit",
    "Flow",
    "Gather",
    "Head",
    "Latch",
    "Offload",
    "Race",
    "Read",
    "Send",
    "Sleep",
    "Wait",
    "Won",
    "ask",
    "drain",
    "emit",
    "gather",
    "offload",
    "race",
    "read_all",
    "send",
    "sleep",
    "unheard",
    "wait",
]

T = TypeVar("T")


class Head(Protocol):
    """What a flow may know of a response: its head. The body comes through `read`."""

    status: int
    headers: dict[str, str]


@dataclass(slots=True)
class Send:
    """Send a request; the answer is the response, of which the head has arrived."""

    request: HttpRequest
    waits: Waits


@dataclass(slots=True)
class Read:
    """Read the next bytes of the body; the answer is empty at its end."""

    response: Head


@dataclass(slots=True)
class Drain:
    """Read and drop what is left, so that the connection can serve again; give up past either bound."""

    response: Head
    most_bytes: int
    seconds: float


@dataclass(slots=True)
class Emit:
    """Hand these deltas to the caller; the flow goes on when the caller wants more."""

    deltas: Sequence[ChatDelta]


@dataclass(slots=True)
class Sleep:
    """Do nothing for some seconds."""

    seconds: float


@dataclass(slots=True)
class Wait:
    """Do nothing until the latch is open; the answer is whether it is, or the time was up."""

    latch: Latch
    seconds: float


@dataclass(slots=True)
class Offload:
    """Call something that may block (a file, a look-up) where it holds nobody up."""

    function: Callable[[], Any]


@dataclass(slots=True)
class Ask:
    """Call a function of the user's, which may take long, may be a coroutine function and may raise anything; the
    answer is what `take` makes of its result, and None when the time was up."""

    function: Callable[[], Any]
    take: Callable[[Any], Any]
    seconds: float


@dataclass(slots=True)
class Gather:
    """Run flows at the same time; the answer is the list of their results, in order."""

    children: Iterable[Flow[Any]]
    at_once: int


@dataclass(slots=True)
class Race:
    """Run a flow, and a second one beside it when the first takes long; the answer is the `Won` of one of them."""

    first: Flow[Any]
    second: Callable[[], Flow[Any] | None]
    after: float


@dataclass(slots=True)
class Won(Generic[T]):
    """The flow that won a race, standing where it won.

    Args:
        flow: It is the caller's now, with its open response.
        deltas: What it emits; None when it has ended.
        result: What it returned, once it has ended.
    """

    flow: Flow[T]
    deltas: Sequence[ChatDelta] | None = None
    result: T | None = None

    def rest(self) -> Flow[T]:
        """Goes on with it, as if it had been the caller's own from the beginning."""
        if self.deltas is None:
            return cast(T, self.result)
        with closing(self.flow):
            yield Emit(self.deltas)
            return (yield from self.flow)


Effect = Send | Read | Drain | Emit | Sleep | Wait | Offload | Ask | Gather | Race
Flow = Generator[Effect, Any, T]


def send(request: HttpRequest, waits: Waits) -> Flow[Head]:
    return cast(Head, (yield Send(request, waits)))


def drain(response: Head, *, most_bytes: int = 65_536, seconds: float = 0.05) -> Flow[None]:
    yield Drain(response, most_bytes, seconds)


def emit(deltas: Sequence[ChatDelta]) -> Flow[None]:
    yield Emit(deltas)


def sleep(seconds: float) -> Flow[None]:
    yield Sleep(seconds)


def wait(latch: Latch, seconds: float) -> Flow[bool]:
    """Whether the latch was opened within so many seconds, by another thread or task.

    No, at once, where a blocking call would wait for its own thread (`Latch.opener`).
    """
    return cast(bool, (yield Wait(latch, seconds)))


def offload(function: Callable[[], T]) -> Flow[T]:
    return cast(T, (yield Offload(function)))


def ask(function: Callable[[], Any], take: Callable[[Any], T], seconds: float) -> Flow[T | None]:
    """What a function of the user's gave; None where it took longer.

    It runs in another thread, with the caller's context variables; a coroutine function in the event loop. Its errors
    are raised as they are. No frame of a flow or a driver has its bare result in a variable.

    Args:
        function: Without arguments.
        take: Makes of its result what may stand in one. A blocking call hands it what is to be awaited as it is.
        seconds: How long it may take.
    """
    return cast("T | None", (yield Ask(function, take, seconds)))


def gather(children: Iterable[Flow[T]], *, at_once: int) -> Flow[list[T]]:
    """The results of several flows that run at the same time.

    The first failure ends the others, frees their connections and is raised. Children run with a copy of the
    caller's context variables.

    Args:
        children: Taken one by one, each when its turn has come: what a generator yields late may depend on how
            the earlier ones ended.
        at_once: How many run at one time, at most.
    """
    return cast("list[T]", (yield Gather(children, at_once)))


def race(first: Flow[T], second: Callable[[], Flow[T] | None], *, after: float) -> Flow[Won[T]]:
    """The first of two flows that emits or returns; go on with `yield from won.rest()`.

    The other is closed at once and its connection freed. A flow that fails does not win while the other still can;
    where neither does, the first one's error is raised. What is no `RouterError` ends both. They run with a copy of
    the caller's context variables.

    Args:
        first: Begun at once.
        second: Makes the other, when the first has neither emitted nor ended in time; None leaves it at the first.
        after: Seconds until then.
    """
    return cast("Won[T]", (yield Race(first, second, after)))


def unheard(flow: Flow[T]) -> Flow[T]:
    """A flow that emits, run where nobody listens: its deltas are dropped, its result is kept."""
    resume: Callable[[Any], Effect] = flow.send
    value: Any = None
    with closing(flow):
        try:
            while True:
                effect = resume(value)
                resume, value = flow.send, None
                if effect.__class__ is Emit:
                    continue
                try:
                    value = yield effect
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001  # the flow decides
                    resume, value = flow.throw, error
        except StopIteration as end:
            return cast(T, end.value)


def read_all(response: Head, most_bytes: int) -> Flow[tuple[bytes, bool]]:
    """The whole body, and whether it was cut at `most_bytes`."""
    effect = Read(response)
    pieces = []
    size = 0
    while piece := cast(bytes, (yield effect)):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            return b"".join(pieces)[:most_bytes], True
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), False
