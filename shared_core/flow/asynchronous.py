"""The driver for event loops: performs the same effects without blocking the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared_core.errors import ConfigError, ConnectionLost, RouterError
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
from shared_core.flow.contest import PATIENCE
from shared_core.flow.errand import Errand
from shared_core.types import ChatDelta

if TYPE_CHECKING:
    from shared_core.transport import AsyncResponse, AsyncTransport

__all__ = ["AsyncRun"]

T = TypeVar("T")


class AsyncRun(Generic[T]):
    """One run of one flow, in one task at a time. The twin of `BlockingRun`; see there."""

    __slots__ = ("_busy", "_flow", "_response", "_transport", "_workers", "done", "result")

    result: T

    def __init__(self, flow: Flow[T], transport: AsyncTransport) -> None:
        self._flow = flow
        self._transport = transport
        self._response: AsyncResponse | None = None
        self._workers: list[asyncio.Task[Any]] = []
        self.done = False
        self._busy = False

    @property
    def open(self) -> bool:
        """Whether a connection is in use."""
        return self._response is not None

    async def finish(self) -> T:
        while await self.advance() is not None:
            pass
        return self.result

    async def advance(self) -> Sequence[ChatDelta] | None:
        if self.done:
            return None
        if self._busy:
            raise ConfigError(
                "Another task is reading this stream already.",
                hint="Let one task read it and hand the pieces on.",
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
                        value = await effect.response.read()  # type: ignore[union-attr]
                    else:
                        value = await self._perform(effect)
                    resume = send
                except BaseException as error:  # noqa: BLE001  # the flow decides
                    if self._closed() and isinstance(error, Exception):
                        return None  # by another task meanwhile: the end that was asked for
                    resume, value = self._flow.throw, error
        except StopIteration as end:
            if not self._closed():  # closed meanwhile, the flow has no result
                self.result = end.value
            await self.close()
            return None
        except BaseException:
            await self.close()
            raise
        finally:
            self._busy = False

    def _closed(self) -> bool:
        return self.done

    async def close(self) -> None:
        self.done = True
        try:
            self._flow.close()
        finally:
            for worker in self._workers:
                worker.cancel()
            await self._release()

    async def _perform(self, effect: object) -> object:
        match effect:
            case Send(request, waits):
                await self._release()
                self._response = response = await self._transport.send(request, waits)
                return response
            case Drain(response, most_bytes, seconds):
                await response.drain(most_bytes, seconds)
                return None
            case Sleep(seconds):
                await asyncio.sleep(seconds)
                return None
            case Wait(latch, seconds):
                return await _opened(latch, seconds)
            case Offload(function):
                return await asyncio.to_thread(function)
            case Ask():
                return await _told(effect)
            case Gather(children, at_once):
                return await self._gather(children, at_once)
            case Race():
                return await self._race(effect)
        raise AssertionError(f"not an effect: {effect!r}")

    async def _gather(self, children: Iterable[Flow[Any]], at_once: int) -> list[Any]:
        """Each worker takes the next child; the group cancels all of them when one fails or we are cancelled."""
        results: dict[int, Any] = {}
        waiting = enumerate(children)
        taken = 0

        async def work() -> None:
            nonlocal taken
            for place, child in waiting:
                taken += 1
                # A task of its own, so that what it sets in its context stays with it.
                results[place] = await asyncio.create_task(AsyncRun(child, self._transport).whole())

        try:
            async with asyncio.TaskGroup() as group:
                self._workers = [group.create_task(work()) for _ in range(at_once)]
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
        else:
            if self._closed():
                raise ConnectionLost("Another task ended this call.")
            if len(results) < taken:  # a child was cancelled, which a group takes for its end
                raise asyncio.CancelledError
            return [results[place] for place in range(taken)]
        finally:
            self._workers = []
        try:
            raise first
        finally:
            del first  # its traceback holds this frame

    async def whole(self) -> T:
        """Runs a flow that may not emit."""
        if await self.advance() is not None:
            await self.close()
            raise AssertionError("a flow that is gathered with others cannot emit")
        return self.result

    async def _race(self, race: Race) -> Won[Any]:
        """Each flow in a task of its own; the winner is left as it stands, for this task to go on with."""
        await self._release()
        entrants: _Entrants = {}
        try:
            winner = await self._decide(race, entrants)
            run = entrants.pop(winner)
            try:
                await _end(entrants)
                if self._closed():
                    raise ConnectionLost("Another task ended this call.")
            except BaseException:
                await run.close()
                raise
            self._response, run._response = run._response, None
            return Won(run._flow, winner.result(), getattr(run, "result", None))
        except BaseException:
            await _end(entrants)
            raise
        finally:
            self._workers = []

    async def _decide(self, race: Race, entrants: _Entrants) -> _Entrant:
        """The first that emits or returns."""
        first = self._enter(race.first, entrants)
        news, _ = await asyncio.wait(entrants, timeout=race.after)
        if not news:
            second = race.second()
            if second is not None:
                self._enter(second, entrants)
        while True:
            for task in [each for each in entrants if each in news]:
                if task.cancelled():
                    raise ConnectionLost("Another task ended this call.")
                failure = task.exception()
                if failure is None:
                    return task
                if not isinstance(failure, RouterError):  # a mistake of ours, or an interrupt
                    raise failure
            running = [task for task in entrants if not task.done()]
            if not running:
                raise first.exception() or ConnectionLost("Another task ended this call.")
            news, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    def _enter(self, flow: Flow[Any], entrants: _Entrants) -> _Entrant:
        run = AsyncRun(flow, self._transport)
        task = asyncio.create_task(run.advance())
        entrants[task] = run
        self._workers.append(task)
        return task

    async def _release(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.close()


_Entrant = asyncio.Task[Sequence[ChatDelta] | None]
_Entrants = dict[_Entrant, AsyncRun[Any]]


async def _end(entrants: _Entrants) -> None:
    """Ends those that lost, and waits a moment for them."""
    losers = dict(entrants)
    entrants.clear()
    running = [task for task in losers if task.cancel()]
    for task in losers:
        task.add_done_callback(_heard)
    await _close_all(losers)
    if running:
        await asyncio.wait(running, timeout=PATIENCE)
        await _close_all(losers)


async def _close_all(losers: _Entrants) -> None:
    for task, run in losers.items():
        if task.done():
            await run.close()


def _heard(task: _Entrant) -> None:
    """What a loser fails with is nobody's business, and no reason for asyncio to complain."""
    if not task.cancelled():
        task.exception()


async def _told(ask: Ask) -> Any:
    """What a user's function gave: a coroutine function in this loop, any other in a thread."""
    loop = asyncio.get_running_loop()
    end = loop.time() + ask.seconds
    if iscoroutinefunction(ask.function):
        return await _awaited(ask, ask.function(), end)
    with Errand(ask.function) as errand:
        if not await _opened(errand.latch, ask.seconds):
            return None
        if isawaitable(errand.result()):  # it was a coroutine function in disguise
            return await _awaited(ask, errand.result(), end)
        return ask.take(errand.result())


async def _awaited(ask: Ask, coming: Awaitable[Any], end: float) -> Any:
    try:
        async with asyncio.timeout_at(end) as limit:
            return ask.take(await coming)
    except TimeoutError:
        if limit.expired():
            return None
        raise


async def _opened(latch: Latch, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    opened = asyncio.Event()

    def tell() -> None:
        try:
            loop.call_soon_threadsafe(opened.set)
        except RuntimeError:  # the loop is closed, and nobody waits in it any more
            return

    latch.when_open(tell)
    try:
        await asyncio.wait_for(opened.wait(), seconds)
    except TimeoutError:
        return latch.is_open
    finally:
        latch.forget(tell)
    return True
