"""Budgets that processes share, whatever the place: what each process knows, what it has still to tell, and how it
goes on while the place is away.

- A call is sent when its hold is written down there. What it cost is told with the next call's hold, or by a thread of
  ours within moments; and before anybody is refused. Who is killed in between loses these moments, and no more: the
  hold stands until it lapses.
- What was told may have arrived although no answer came: it is told again under the same id, and counts once.
- A place that has lost its memory (a server started anew, a file that was replaced) learns from each process what was
  spent: the larger sum holds, so that many who tell it do no harm.
- While the place is away, a process goes by what it knows: what was spent when it last looked, and its own calls.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from shared_core.errors import ConnectionLost
from shared_core.policy.state.holds import Account, Charge, Hold, Posting, Verdict
from shared_core.policy.stores.budgets_memory import BudgetMemory
from shared_core.policy.stores.settlements import Settlement, merged

__all__ = ["Busy", "Known", "Place", "SharedBudgets", "Unreachable"]

_BATCH = 256  # settlements told at once
_MOMENT = 0.02  # seconds until what is to be told is told by the thread
_IDLE = 50  # moments without anything to tell, after which the thread ends
_AGAIN = 0.5  # seconds between two tries while the place is away
_MOST_WAITING = 10_000  # settlements that are kept one by one
_MOST_KNOWN = 4096  # accounts


class Unreachable(Exception):
    """The place cannot be asked; whether it was is not known."""


class Busy(Exception):
    """It would take a wait."""


class Known(NamedTuple):
    """What a place has said of an account."""

    spent: int = 0
    granted: int = 0


class Place(Protocol):
    """A file or a server. Its methods raise `Unreachable`, and `Busy` where they are told not to wait."""

    at_once: bool
    """Whether it may be asked without a wait."""

    @property
    def is_away(self) -> bool: ...

    def reserve(
        self, hold: Hold, known: Sequence[Known], first: Sequence[Settlement], *, wait: bool
    ) -> tuple[Verdict, list[Known], list[list[Posting]]]:
        """Settles what is to be settled first, and sets all lines aside, or none."""
        ...

    def settle(self, settlements: Sequence[Settlement], *, wait: bool) -> list[list[Posting]]: ...

    def grant(self, account: str, amount: int, known: Known, keep_until: float, now: float) -> Known: ...

    def accounts(self, start: str, end: str, now: float) -> list[Account]: ...

    def tidy(self, now: float) -> None: ...


class SharedBudgets:
    """A `BudgetStore` in a place that others use too.

    Args:
        place: Where.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._here = BudgetMemory()
        self._known: dict[str, Known] = {}
        self._writer: threading.Thread | None = None
        self._begin()
        of_us = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_in_child(of_us()))
        atexit.register(lambda: _tell_at_exit(of_us()))

    @property
    def is_away(self) -> bool:
        """Whether the place could not be reached a moment ago."""
        return self._place.is_away

    def reserve_now(self, hold: Hold) -> Verdict | None:
        """Sets all lines aside, or none; None where that would take a wait."""
        if self._place.is_away:
            return self._reserve_here(hold)
        if not self._place.at_once:
            return None
        try:
            return self._reserve(hold, wait=False)
        except Busy:
            return None

    def reserve(self, hold: Hold) -> Verdict:
        """The same, and waits."""
        return self._reserve(hold, wait=True)

    def settle(self, hold: Hold, charges: Sequence[Charge]) -> None:
        """Puts what it cost in place of what was set aside."""
        with self._lock:
            if hold.over:
                return
            hold.over = True
            # Not set aside, or not yet: then the thread that is asking finds it over, and gives it back.
            if hold.owner is not self._mark:
                return
        self._post(hold, charges)

    def grant(self, account: str, amount: int, keep_until: float, now: float) -> None:
        """Adds to what may be spent."""
        known = self._known.get(account, _NOTHING)
        try:
            sums = self._place.grant(account, amount, known, keep_until, now)
        except Unreachable as error:
            raise ConnectionLost(
                "The shared state of budgets cannot be reached, so that it is not known whether anything was granted.",
                hint="See `budgets()` when it is back, and grant again where nothing was.",
            ) from error
        self._learn(account, sums, keep_until, now)

    def accounts(self, start: str, end: str, now: float) -> list[Account]:
        """Those whose keys begin and end so; while the place is away, as they are known here."""
        try:
            self._tell(wait=True)
            return self._place.accounts(start, end, now)
        except Unreachable:
            return self._here.accounts(start, end, now)

    def flush(self) -> None:
        """Tells the place what is still to be told of calls that are over."""
        try:
            self._tell(wait=True)
        except Unreachable:
            return  # the thread tries again; at the end of the process, its holds lapse

    # -- setting aside -----------------------------------------------------------------------------------

    def _reserve(self, hold: Hold, *, wait: bool) -> Verdict:
        known = [self._known.get(line.account, _NOTHING) for line in hold.lines]
        try:
            verdict, sums = self._ask(hold, known, wait=wait)
            if verdict.short >= 0 and self._tell(wait=wait):  # what is over must not refuse anybody
                verdict, sums = self._ask(hold, known, wait=wait)
        except Unreachable:
            verdict = self._reserve_here(hold)
            if verdict.short >= 0:
                self._enter(Settlement(hold, ()))
            return verdict
        for line, sum_ in zip(hold.lines, sums, strict=True):
            self._learn(line.account, sum_, line.keep_until, hold.since)
        if verdict.short < 0:
            self._here.take(hold)
            self._own(hold)
        return verdict

    def _ask(self, hold: Hold, known: Sequence[Known], *, wait: bool) -> tuple[Verdict, list[Known]]:
        """Asks for a hold, and tells on the same way what is to be told, unless another thread is telling it."""
        if not self._queue or not self._telling.acquire(blocking=False):
            return self._place.reserve(hold, known, (), wait=wait)[:2]
        try:
            first = self._batch()
            verdict, sums, results = self._place.reserve(hold, known, first, wait=wait)
            self._forget(first)
        finally:
            self._telling.release()
        self._told(first, results)
        return verdict, sums

    def _reserve_here(self, hold: Hold) -> Verdict:
        for place, line in enumerate(hold.lines):
            if line.hard and line.strict:
                return Verdict(place, unreachable=True)
        verdict = self._here.reserve_now(hold)
        if verdict.short < 0:
            self._own(hold)
        return verdict

    def _own(self, hold: Hold) -> None:
        with self._lock:
            hold.owner = self._mark
            left = hold.over
        if left:  # by a task that was cancelled while this thread asked
            self._post(hold, ())

    # -- telling what it cost ----------------------------------------------------------------------------

    def _post(self, hold: Hold, charges: Sequence[Charge]) -> None:
        self._here.post(hold, charges)
        self._enter(Settlement(hold, charges))

    def _enter(self, settlement: Settlement) -> None:
        with self._lock:
            self._queue.append(settlement)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="hfrouter-budgets", daemon=True)
                self._writer.start()

    def _tell(self, *, wait: bool) -> bool:
        """Tells the place what is still to be told; whether that was anything."""
        told = False
        while self._queue:
            if not self._telling.acquire(blocking=wait):
                raise Busy
            try:
                batch = self._batch()
                if not batch:
                    break
                results = self._place.settle(batch, wait=wait)
                self._forget(batch)
            finally:
                self._telling.release()
            told = True
            self._told(batch, results)
        return told

    def _batch(self) -> list[Settlement]:
        return [self._queue[place] for place in range(min(_BATCH, len(self._queue)))]

    def _tidy_up(self) -> None:
        """While the place is away, few settlements stand for many; but not for those that were perhaps told."""
        with self._telling, self._lock:
            if len(self._queue) > _MOST_WAITING:
                waiting = list(self._queue)
                self._queue.clear()
                self._queue.extend([*waiting[:_BATCH], merged(waiting[_BATCH:])])

    def _forget(self, batch: Sequence[Settlement]) -> None:
        for _ in batch:
            self._queue.popleft()

    def _told(self, batch: Sequence[Settlement], results: Sequence[Sequence[Posting]]) -> None:
        for (hold, _), postings in zip(batch, results, strict=True):
            for place, _, after, granted in postings:
                line = hold.lines[place]
                self._learn(line.account, Known(after, granted), line.keep_until, hold.since)
            if postings:
                hold.tell(postings)

    def _learn(self, account: str, sums: Known, keep_until: float, now: float) -> None:
        old = self._known.get(account, _NOTHING)
        if sums.spent > old.spent or sums.granted > old.granted:
            if len(self._known) >= _MOST_KNOWN:
                self._known.pop(next(iter(self._known)), None)
            self._known[account] = Known(max(old.spent, sums.spent), max(old.granted, sums.granted))
            self._here.raise_to(account, sums.spent, sums.granted, keep_until, now)

    def _write(self) -> None:
        idle = 0
        while True:
            time.sleep(_MOMENT)
            idle = 0 if self._queue else idle + 1
            try:
                self._tell(wait=True)
                self._place.tidy(time.time())
            except Unreachable:
                self._tidy_up()
                time.sleep(_AGAIN)
            if idle > _IDLE:
                with self._lock:
                    if not self._queue:
                        self._writer = None
                        return

    # -- processes ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Nothing is told by a child that its parent has to tell, nor given back."""
        self._mark = object()
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._queue: deque[Settlement] = deque()
        self._writer = None


_NOTHING = Known()


def _begin_in_child(budgets: SharedBudgets | None) -> None:
    if budgets is not None:
        budgets._begin()


def _tell_at_exit(budgets: SharedBudgets | None) -> None:
    if budgets is not None:
        budgets.flush()
