"""The driver for threads: performs a flow's effects one after another, blocking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared_core.errors import ConfigError, ConnectionLost
from shared_core.flow import (
    Ask,
    Drain,
    Emit,
    Flow,
    Gather,
    Latch,
    Offload,
    Race,
    Read,
    Send,
    Sleep,
    Wait,
    Won,
)
from shared_core.flow.contest import Contest
from shared_core.flow.crew import Crew
from shared_core.flow.errand import Errand
from shared_core.types import ChatDelta, Waits

if TYPE_CHECKING:
    from shared_core.transport import Response, Transport

__all__ = ["BlockingRun"]

T = TypeVar("T")


class BlockingRun(Generic[T]):
    """One run of one flow. Not for use by two threads at once.

    Args:
        flow: The flow to run, not yet started.
        transport: Performs `Send`.
        nap: Performs `Sleep`, given seconds; None is `time.sleep`.

    Attributes:
        result: What the flow returned, once `done`.
    """

    __slots__ = (
        "_awake",
        "_busy",
        "_crew",
        "_flow",
        "_hung_up",
        "_nap",
        "_response",
        "_transport",
        "_waits",
        "done",
        "result",
    )

    result: T

    def __init__(
        self, flow: Flow[T], transport: Transport, nap: Callable[[float], object] | None = None
    ) -> None:
        self._flow = flow
        self._nap = nap
        self._transport = transport
        self._response: Response | None = None
        self._crew: Crew | Contest | None = None
        self._awake: threading.Event | None = None
        self._waits: Waits | None = None
        self._hung_up = False
        self.done = False
        self._busy = False

    def finish(self) -> T:
        """Runs to the end, dropping what is emitted."""
        while self.advance() is not None:
            pass
        return self.result

    def advance(self) -> Sequence[ChatDelta] | None:
        """Runs until the flow emits, and returns that; None when it has ended."""
        if self.done:
            return None
        if self._busy:
            raise ConfigError(
                "Another thread is reading this stream already.",
                hint="Let one thread read it and hand the pieces on.",
            )
        self._busy = True
        resume = send = self._flow.send
        value = None
        try:
            while True:
                effect = resume(value)
                kind = effect.__class__
                if kind is Emit:
                    return effect.deltas  # type: ignore[union-attr]
                try:
                    # Reads are nearly all there is in a stream: no detour for them.
                    if kind is Read:
                        value = effect.response.read()  # type: ignore[union-attr]
                    else:
                        value = self._perform(effect)
                    resume = send
                except BaseException as error:  # noqa: BLE001  # the flow decides
                    if self._closed() and isinstance(error, Exception):
                        return None  # by another thread meanwhile: the end that was asked for
                    resume, value = self._flow.throw, error
        except StopIteration as end:
            if not self._closed():  # closed meanwhile, the flow has no result
                self.result = end.value
            self._end()
            return None
        except BaseException:
            self._end()
            raise
        finally:
            self._busy = False

    def _closed(self) -> bool:
        return self.done

    def close(self) -> None:
        """Ends the flow wherever it stands and frees its connection. Harmless when repeated, and from another
        thread, too: the one that reads gets up at once."""
        self.done = True
        if self._busy:
            self.hang_up()
        self._end()

    def _end(self) -> None:
        self.done = True
        try:
            self._flow.close()
        finally:
            self._release()
            self._stop_crew()

    def interrupt(self) -> None:
        """From another thread: breaks off what this run waits for; its own thread then ends it."""
        self.done = True
        self.hang_up()
        self._stop_crew()

    def hang_up(self) -> None:
        """From another thread: the request that goes on fails now, and so does each later one; what becomes of
        that is for the flow to say."""
        self._hung_up = True
        self._wake()
        if isinstance(crew := self._crew, Contest):
            crew.stop()
        if self._waits is not None:
            self._waits.hang_up()

    def whole(self) -> T | None:
        """Runs a flow that may not emit; None when it was interrupted."""
        if self.advance() is not None:
            self.close()
            raise AssertionError("a flow that is gathered with others cannot emit")
        return getattr(self, "result", None)

    def _perform(self, effect: object) -> object:
        if self._closed():
            raise _ended_elsewhere()
        match effect:
            case Send(request, waits):
                self._release()
                self._waits = waits
                if self._hung_up:
                    waits.hang_up()
                response = self._transport.send(request, waits)
                if self._closed():  # meanwhile; and nobody else knows of this connection
                    response.close()
                    raise _ended_elsewhere()
                self._response = response
                return response
            case Drain(response, most_bytes, seconds):
                response.drain(most_bytes, seconds)
                return None
            case Sleep(seconds):
                (self._nap or time.sleep)(seconds)
                return None
            case Wait(latch, seconds):
                return self._wait(latch, seconds)
            case Offload(function):
                return function()
            case Ask(function, take, seconds):
                with Errand(function) as errand:
                    return take(errand.result()) if self._wait(errand.latch, seconds) else None
            case Gather(children, at_once):
                return self._gather(children, at_once)
            case Race():
                return self._race(effect)
        raise AssertionError(f"not an effect: {effect!r}")

    def _wait(self, latch: Latch, seconds: float) -> bool:
        if latch.opener == threading.get_ident():
            # A task of this thread's event loop is to open it, and cannot while we block the loop.
            return latch.is_open
        awake = self._awake = threading.Event()
        latch.when_open(awake.set)
        try:
            if not self.done and not self._hung_up:  # told meanwhile that it is over
                awake.wait(min(seconds, threading.TIMEOUT_MAX))
        finally:
            self._awake = None
            latch.forget(awake.set)
        if self._closed() or self._hung_up:
            raise _ended_elsewhere()
        return latch.is_open

    def _wake(self) -> None:
        if (awake := self._awake) is not None:
            awake.set()

    def _stop_crew(self) -> None:
        if (crew := self._crew) is not None:
            crew.stop()

    def _gather(self, children: Iterable[Flow[Any]], at_once: int) -> list[Any]:
        transport = self._transport
        self._crew = crew = Crew(lambda child, nap: BlockingRun(child, transport, nap))
        try:
            return crew.work(children, at_once)
        finally:
            self._crew = None

    def _race(self, race: Race) -> Won[Any]:
        self._release()
        transport = self._transport
        self._crew = contest = Contest(lambda child, nap: BlockingRun(child, transport, nap))
        try:
            if self._closed() or self._hung_up:
                raise _ended_elsewhere()
            winner = contest.decide(race)
            contest.end(winner)
            return self._take_over(winner.run, winner.deltas)
        except BaseException:
            contest.end()
            raise
        finally:
            self._crew = None

    def _take_over(self, run: BlockingRun[Any], deltas: Sequence[ChatDelta] | None) -> Won[Any]:
        """Makes another run's flow and its open response part of this one."""
        self._waits, self._response = run._waits, run._response
        run._response = None
        if self._closed():
            self._release()
            raise _ended_elsewhere()
        if self._hung_up and self._waits is not None:
            self._waits.hang_up()
        return Won(run._flow, deltas, getattr(run, "result", None))

    def _release(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()


def _ended_elsewhere() -> ConnectionLost:
    return ConnectionLost("Another thread ended this call.")
