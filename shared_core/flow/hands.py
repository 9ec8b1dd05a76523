"""Threads that are kept for the next piece of work: to start one costs a hundred microseconds, to wake one twenty."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

__all__ = ["HANDS", "Hands"]

_Desk = SimpleQueue[Callable[[], object]]


class Hands:
    """As many threads as were busy at one time, each a daemon that ends when nothing came for a while.

    Args:
        keep: Seconds that an idle thread waits for more.
    """

    def __init__(self, keep: float = 10.0) -> None:
        self._keep = keep
        self._idle: list[_Desk] = []  # the last to become idle is the first to be asked

    def do(self, work: Callable[[], object]) -> None:
        """Has something done at once by a thread of its own.

        Args:
            work: May not raise: nobody would hear of it.
        """
        try:
            desk = self._idle.pop()
        except IndexError:
            desk = SimpleQueue()
            threading.Thread(target=self._serve, args=(desk,), name="hfrouter race", daemon=True).start()
        desk.put(work)

    def forget(self) -> None:
        """After a fork: the threads stayed with the parent."""
        self._idle = []

    def _serve(self, desk: _Desk) -> None:
        while (work := self._next(desk)) is not None:
            work()
            del work  # what it holds is not ours to keep while we wait
            self._idle.append(desk)

    def _next(self, desk: _Desk) -> Callable[[], object] | None:
        try:
            return desk.get(timeout=self._keep)
        except Empty:
            try:
                self._idle.remove(desk)
            except ValueError:  # somebody has just taken this desk, and work is on its way
                return desk.get()
        return None


HANDS = Hands()
"""The process's own."""

os.register_at_fork(after_in_child=HANDS.forget)
