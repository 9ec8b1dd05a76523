"""Small calls that come together are computed together.

    a call finds the model idle      it runs at once, in the thread it came in
    a call finds the model busy      it waits; a worker takes all that wait as one batch
    calls of one event loop          gathered while the loop's ready tasks keep adding to them, 1 ms at most

Lives here: queue, worker, the bridge to event loops. Not here: what a batch is made of (`model`). A batch is
bounded and first come is first served, so nobody starves. An error reaches the caller whose text it was.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary, WeakSet

from shared_core.local.model import Embedded, Model, Part

__all__ = ["Merger"]

Outcome = Embedded | Exception

_MOST_TEXTS = 256
"""In one merged batch: what a CPU works off in about a second."""

_MOST_CHARACTERS = 256_000
"""In one merged batch, so that a few huge texts do not stand before everybody."""

_WINDOW = 0.001  # seconds; how long a loop's calls may go on gathering
_IDLE = 5.0  # seconds after which a worker without work ends
_FAREWELL = 10.0  # seconds that the end of the process waits for a batch that is being computed

_mergers: WeakSet[Merger] = WeakSet()


class _Job:
    """One caller's texts, and where the outcome goes."""

    __slots__ = ("deliver", "part", "wanted")

    def __init__(self, part: Part, deliver: Callable[[Outcome], None], wanted: Callable[[], bool]) -> None:
        self.part = part
        self.deliver = deliver
        self.wanted = wanted


class Merger:
    """The way to one model for calls of few texts, from any thread and any event loop.

    Args:
        model: Who computes. It is asked by one thread at a time.

    Example:
        >>> Merger(model).embed(Part("", ["a"])).vectors.shape  # doctest: +SKIP
        (1, 384)
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._became_idle = threading.Condition(self._lock)
        self._busy = False  # somebody computes, or the worker was told to
        self._told = False  # the worker was told to
        self._waiting: deque[_Job] = deque()
        self._worker: threading.Thread | None = None
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopSide] = WeakKeyDictionary()
        _mergers.add(self)

    def embed(self, part: Part) -> Embedded:
        """The vectors of a few texts, without any detour when nobody else is there.

        Args:
            part: At least one text.

        Raises:
            RouterError: As `Model.embed`.
        """
        with self._lock:
            idle = not self._busy
            if idle:
                self._busy = True
            else:
                arrived = threading.Event()
                outcomes: list[Outcome] = []

                def deliver(outcome: Outcome) -> None:
                    outcomes.append(outcome)
                    arrived.set()

                self._waiting.append(_Job(part, deliver, lambda: True))
        if idle:
            try:
                return self._model.embed((part,))
            finally:
                with self._lock:
                    self._pass_on()
        arrived.wait()
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]
        return outcomes[0]

    async def aembed(self, part: Part) -> Embedded:
        """As `embed`, without blocking the event loop. Cancelling it harms nobody else.

        Args:
            part: At least one text.
        """
        loop = asyncio.get_running_loop()
        side = self._loops.get(loop)
        if side is None:
            with self._lock:
                side = self._loops.setdefault(loop, _LoopSide(self._submit))
        return await side.add(part, loop)

    def _submit(self, jobs: Sequence[_Job]) -> None:
        with self._lock:
            self._waiting.extend(jobs)
            if not self._busy:
                self._pass_on()

    def _pass_on(self) -> None:
        """What comes after a computation; the lock is held."""
        self._busy = self._told = bool(self._waiting)
        if not self._told:
            self._became_idle.notify_all()
        elif self._worker is not None:
            self._work_came.notify()
        else:
            worker = threading.Thread(target=self._work, name="hfrouter-embed", daemon=True)
            try:
                worker.start()
            except RuntimeError as error:  # no more threads, or the interpreter is ending
                self._busy = self._told = False
                while self._waiting:
                    self._waiting.popleft().deliver(error)
            else:
                self._worker = worker

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._told and not self._work_came.wait_for(lambda: self._told, _IDLE):
                    self._worker = None
                    return
                self._told = False
                jobs = self._take()
            if jobs:
                self._compute(jobs)
            jobs = []  # a worker that waits keeps nobody's texts
            with self._lock:
                self._pass_on()

    def _take(self) -> list[_Job]:
        """The longest waiting jobs that make a batch; the lock is held."""
        jobs: list[_Job] = []
        texts = characters = 0
        while self._waiting:
            job = self._waiting[0]
            texts += len(job.part.texts)
            characters += sum(map(len, job.part.texts))
            if jobs and (texts > _MOST_TEXTS or characters > _MOST_CHARACTERS):
                break
            self._waiting.popleft()
            if job.wanted():
                jobs.append(job)
        return jobs

    def _compute(self, jobs: Sequence[_Job]) -> None:
        try:
            together = self._model.embed([job.part for job in jobs])
        except Exception as error:  # noqa: BLE001  # whatever it is belongs to a caller, not to this thread
            if len(jobs) == 1:
                jobs[0].deliver(error)
                return
            for job in jobs:  # one by one, so that it reaches him alone whose text it was
                self._compute([job])
            return
        first = 0
        for job in jobs:
            last = first + len(job.part.texts)
            job.deliver(together.rows(first, last))
            first = last

    def finish(self) -> None:
        """Wait for a batch that is being computed, at the end of the process: native code must not be in the
        middle of something when the interpreter goes."""
        with self._lock:
            self._waiting.clear()
            self._became_idle.wait_for(lambda: not self._busy, _FAREWELL)


class _LoopSide:
    """One event loop's calls: gathered before they go to the queue, answered in one wake-up.

    It never holds the loop itself, which would then outlive its program's use of it.
    """

    def __init__(self, submit: Callable[[Sequence[_Job]], None]) -> None:
        self._submit = submit
        self._gathering: list[_Job] = []
        self._answers: deque[tuple[asyncio.Future[Embedded], Outcome]] = deque()

    def add(self, part: Part, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Embedded]:
        """A call; the future gets its outcome."""
        future: asyncio.Future[Embedded] = loop.create_future()

        def deliver(outcome: Outcome) -> None:
            self._answers.append((future, outcome))
            if len(self._answers) == 1:  # otherwise the loop has been told already
                try:
                    future.get_loop().call_soon_threadsafe(self._answer)
                except RuntimeError:  # the loop was closed, and its callers are gone with it
                    self._answers.clear()

        self._gathering.append(_Job(part, deliver, lambda: not future.cancelled()))
        if len(self._gathering) == 1:
            loop.call_soon(self._gather, loop, 0, time.monotonic() + _WINDOW)
        return future

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, until: float) -> None:
        """Go on as long as each round of the loop's ready tasks adds calls."""
        if len(self._gathering) > seen and time.monotonic() < until:
            loop.call_soon(self._gather, loop, len(self._gathering), until)
            return
        jobs, self._gathering = self._gathering, []
        self._submit(jobs)

    def _answer(self) -> None:
        while self._answers:
            future, outcome = self._answers.popleft()
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


@atexit.register
def _finish_all() -> None:
    for merger in list(_mergers):
        merger.finish()


if hasattr(os, "register_at_fork"):
    # A child has neither the workers nor a use for the models; a lock may be held by a thread it does not have.
    os.register_at_fork(after_in_child=lambda: _mergers.clear())
