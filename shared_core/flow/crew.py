"""Flows side by side in threads: how the blocking driver performs `Gather`.

A thread cannot be stopped from outside. When one flow fails, the others' connections are hung up, which ends
their waits at once; a thread that is somewhere else (a name look-up, a client that the user made, a callback)
ends when that returns. The caller is not kept waiting for it: after a moment the error is raised, and the
thread, a daemon, cleans up by itself.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConnectionLost

if TYPE_CHECKING:
    from shared_core.flow import Flow
    from shared_core.flow.blocking import BlockingRun

__all__ = ["Crew"]

_PATIENCE = 0.5
"""Seconds that the caller waits, after a failure, for the threads that are left."""

Child = tuple[int, "Flow[Any]"]


class Crew:
    """Runs the children of one `Gather`. Serves once.

    Args:
        start: Makes a child's run, given the flow and what to sleep with.
    """

    def __init__(self, start: Callable[[Flow[Any], Callable[[float], object]], BlockingRun[Any]]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._runs: set[BlockingRun[Any]] = set()
        self._results: dict[int, Any] = {}
        self._stopped = threading.Event()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work(self, children: Iterable[Flow[Any]], at_once: int) -> list[Any]:
        """The children's results, in order.

        Args:
            children: Not yet started.
            at_once: How many threads there are, at most.

        Raises:
            ConnectionLost: `stop` was called from outside.
        """
        waiting = enumerate(children)
        threads: list[threading.Thread] = []
        failure: BaseException | None = None
        context = contextvars.copy_context()
        try:
            while len(threads) < at_once and (first := self._take(waiting)) is not None:
                thread = threading.Thread(
                    target=self._labour, args=(first, waiting, context), name="hfrouter gather", daemon=True
                )
                thread.start()
                threads.append(thread)
            for _ in threads:
                if (failure := self._ended.get()) is not None:
                    break
            if failure is None and self._stopped.is_set():
                failure = ConnectionLost("Another thread ended this call.")
        finally:
            # Harmless after a good end; after a failure, an interrupt, or a child that could not be made,
            # it ends the rest.
            self.stop()
            _join(threads)
        try:
            if failure is not None:
                raise failure
            return [self._results[place] for place in range(len(self._results))]
        finally:
            del failure  # its traceback holds this frame

    def stop(self) -> None:
        """Ends all runs, from any thread."""
        with self._lock:
            self._stopped.set()
            runs = tuple(self._runs)
        for run in runs:
            run.interrupt()

    def _take(self, waiting: Iterator[Child]) -> Child | None:
        with self._taking:  # a generator that makes the children is for one thread at a time
            return None if self._stopped.is_set() else next(waiting, None)

    def _labour(self, child: Child | None, waiting: Iterator[Child], context: contextvars.Context) -> None:
        failure: BaseException | None = None
        try:
            while child is not None:
                context.copy().run(self._run, *child)
                child = self._take(waiting)
        except BaseException as error:  # noqa: BLE001  # raised again where the flows are waited for
            failure = error
        self._ended.put(failure)
        del failure

    def _run(self, place: int, child: Flow[Any]) -> None:
        run = self._start(child, self._stopped.wait)
        with self._lock:
            self._runs.add(run)
            if self._stopped.is_set():
                run.done = True
        try:
            self._results[place] = run.whole()
        finally:
            with self._lock:
                self._runs.discard(run)
            run.close()


def _join(threads: list[threading.Thread]) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, give_up_at - time.monotonic()))
