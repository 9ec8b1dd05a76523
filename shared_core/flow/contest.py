"""Two flows against each other in threads: how the blocking driver performs `Race`.

Both run in threads of their own, and the caller's waits for news, so that a flow that nobody can interrupt (a name
look-up, a client that the user made) never keeps the other's answer back. The winner is left as it stands, for the
caller's thread to go on with; the loser's connection is hung up, and its own thread ends it.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConnectionLost, RouterError
from shared_core.flow.hands import HANDS

if TYPE_CHECKING:
    from shared_core.flow import Flow, Race
    from shared_core.flow.blocking import BlockingRun
    from shared_core.types import ChatDelta

__all__ = ["PATIENCE", "Contest", "Entrant"]

PATIENCE = 0.05
"""Seconds that the caller waits, when all is decided, for the loser to have ended."""


class Entrant:
    """One of the flows.

    Attributes:
        run: Its run; after the news, no thread is inside it.
        deltas: What it emitted; None when it returned.
        failure: What it failed with.
        has_told: Whether that was before the race was over.
        is_through: Whether its thread has left it.
    """

    __slots__ = ("deltas", "failure", "has_told", "is_through", "run")

    def __init__(self, run: BlockingRun[Any]) -> None:
        self.run = run
        self.deltas: Sequence[ChatDelta] | None = None
        self.failure: BaseException | None = None
        self.has_told = self.is_through = False


class Contest:
    """One race. Serves once.

    Args:
        start: Makes a flow's run, given the flow and what to sleep with.
    """

    def __init__(self, start: Callable[[Flow[Any], Callable[[float], object]], BlockingRun[Any]]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._over = threading.Event()  # from then on, who is still running ends itself
        self._entrants: list[Entrant] = []
        self._news: SimpleQueue[Entrant | None] = SimpleQueue()

    def decide(self, race: Race) -> Entrant:
        """The first that emits or returns.

        Raises:
            RouterError: What the first failed with, when no other can win.
            ConnectionLost: `stop` was called from outside.
        """
        self._enter(race.first)
        news, late = self._hear(race.after)
        if late:
            second = race.second()
            if second is not None:
                self._enter(second)
            news, _ = self._hear(None)
        failed = 0
        while news is not None and news.has_told and news.failure is not None:
            failed += 1
            if not isinstance(news.failure, RouterError):  # a mistake of ours, or an interrupt
                raise news.failure
            if failed == len(self._entrants):
                raise self._entrants[0].failure or news.failure
            news, _ = self._hear(None)
        if news is None or not news.has_told:  # it was broken off
            raise ConnectionLost("Another thread ended this call.")
        return news

    def stop(self) -> None:
        """Breaks all off, from any thread; who waits for the decision goes on at once."""
        self._break_off(None)
        self._news.put(None)

    def end(self, winner: Entrant | None = None) -> None:
        """Ends all but the winner, and waits a moment for them."""
        running = self._break_off(winner)
        for each in self._entrants:
            if each is not winner and each not in running:
                each.run.close()
        give_up_at = time.monotonic() + PATIENCE
        while not all(each.is_through for each in running):
            left = give_up_at - time.monotonic()
            if left <= 0:
                return
            self._hear(left)

    def _break_off(self, winner: Entrant | None) -> list[Entrant]:
        """Interrupts whoever still runs, except the winner; their own threads end them."""
        with self._lock:
            self._over.set()
            running = [each for each in self._entrants if each is not winner and not each.has_told]
        for each in running:
            each.run.interrupt()
        return running

    def _enter(self, flow: Flow[Any]) -> None:
        entrant = Entrant(self._start(flow, self._over.wait))
        with self._lock:
            if self._over.is_set():
                return
            self._entrants.append(entrant)
        HANDS.do(functools.partial(contextvars.copy_context().run, self._compete, entrant))

    def _compete(self, entrant: Entrant) -> None:
        run = entrant.run
        try:
            entrant.deltas = run.advance()
        except BaseException as error:  # noqa: BLE001  # raised again where the race is decided
            entrant.failure = error
        with self._lock:
            over = self._over.is_set()
            entrant.has_told = not over
        try:
            if over:
                run.close()
        finally:
            entrant.is_through = True
            self._news.put(entrant)

    def _hear(self, seconds: float | None) -> tuple[Entrant | None, bool]:
        """The next news, and whether there was none in this time."""
        if seconds is not None:
            seconds = min(max(seconds, 0.0), threading.TIMEOUT_MAX)
        try:
            return self._news.get(timeout=seconds), False
        except Empty:
            return None, True
