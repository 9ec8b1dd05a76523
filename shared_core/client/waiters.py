"""Who in this program waits for which job: so that another thread or task can end the waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from shared_core.types import Job

__all__ = ["AsyncNap", "Nap", "Waiter", "Waiters"]


class Nap:
    """Sleep of a thread that another one can end."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def __call__(self, seconds: float) -> None:
        self._woken.wait(seconds)

    def wake(self) -> None:
        self._woken.set()


class AsyncNap:
    """Sleep of a task that another one, or a thread, can end."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)


class Waiter:
    """One call that waits.

    Args:
        wake: Ends its sleep.

    Attributes:
        stopped: Whether it should give up.
        job: What it waits for, from the moment a provider has accepted that.
    """

    __slots__ = ("job", "stopped", "wake")

    def __init__(self, wake: Callable[[], object]) -> None:
        self.stopped = False
        self.job: Job | None = None
        self.wake = wake


class Waiters:
    """The calls of one client that wait, by job; safe from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], list[Waiter]] = {}

    def enter(self, job: Job, waiter: Waiter) -> None:
        waiter.job = job
        with self._lock:
            self._waiting.setdefault((job.provider, job.status), []).append(waiter)

    def leave(self, job: Job, waiter: Waiter) -> None:
        with self._lock:
            waiting = self._waiting.get((job.provider, job.status), [])
            waiting.remove(waiter)
            if not waiting:
                del self._waiting[job.provider, job.status]

    def stop(self, job: Job) -> int:
        """Ends the waiting for a job; returns how many waited."""
        with self._lock:
            waiting = list(self._waiting.get((job.provider, job.status), ()))
        for waiter in waiting:
            waiter.stopped = True
            waiter.wake()
        return len(waiting)
