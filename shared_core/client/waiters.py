"""Who in this program waits for which job: so that another thread or task can end the waiting."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType

from shared_core.errors import JobFailed
from shared_core.types import Job

__all__ = ["Nap", "Stoppable", "Waiter", "Waiters", "carry", "stopped"]


class Nap:
    """Sleep of a thread that another one can end."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def __call__(self, seconds: float) -> None:
        self._woken.wait(seconds)

    def wake(self) -> None:
        self._woken.set()


class Waiter:
    """One call that waits.

    Attributes:
        stopped: Whether it should give up.
        job: What it waits for, from the moment a provider has accepted that.
        wake: Ends its sleep and its reading, from any thread; set by who runs the call.
    """

    __slots__ = ("job", "stopped", "wake")

    def __init__(self) -> None:
        self.stopped = False
        self.job: Job | None = None
        self.wake: Callable[[], object] = lambda: None


def stopped(job: Job) -> JobFailed:
    """The error of a call whose job was cancelled by another one of this program."""
    error = JobFailed(
        "The job was cancelled from elsewhere in this program.",
        code="canceled",
        provider=job.provider,
        model=job.model,
    )
    error.job = job
    return error


def carry(error: BaseException, job: Job) -> None:
    """Tells what ends a call from outside (an interrupt, a callback's error) how to go on."""
    error.job = job  # type: ignore[attr-defined]  # as of an error of ours
    error.add_note(f"The job goes on. To fetch its result: router.resume(Job.from_json({job.to_json()!r}))")


class Stoppable:
    """A stretch of a task that a waiter's `wake` ends, as `asyncio.timeout` ends one, with `stopped`.

    Args:
        waiter: Whose `wake` is set.
    """

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter
        self._woken = False

    async def __aenter__(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        self._task: asyncio.Task[object] | None = task
        self._cancelling = task.cancelling()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits in it
                loop.call_soon_threadsafe(self._wake)

        self._waiter.wake = wake

    def _wake(self) -> None:
        if self._task is not None and not self._woken:
            self._woken = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._woken or task is None:
            return
        # Only our own cancelling is taken back: somebody else's still counts.
        ours = task.uncancel() <= self._cancelling
        if ours and kind is asyncio.CancelledError and self._waiter.job is not None:
            raise stopped(self._waiter.job) from None


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
