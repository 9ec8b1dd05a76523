"""Who waits for which limit, in the order of coming: for threads and tasks of any event loop.

A call that has to wait stands in one queue, that of the limit which makes it wait longest: who waits for its user's
limit holds up nobody at its provider's. Who is first in its queue may try, unless somebody who came earlier waits for
another of its limits; then it stands there. So all limits are passed in the order of coming. When the first one of a
queue passes or goes elsewhere, the next is woken; only the first one watches the time.
"""

from __future__ import annotations

import bisect
import itertools
import math
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared_core.flow.latch import Latch
from shared_core.policy.state.buckets import Charge

__all__ = ["PATIENCE", "Line", "Outlook", "Ticket"]

PATIENCE = 1.0
"""Seconds after which a first one that does not try (its event loop stands still, or is gone) is passed over."""


class Ticket:
    """One call that waits.

    Attributes:
        charges: What it will use.
        number: Smaller than those of all who come later.
        latch: Open when it should look again.
        place: What it will use of the limit in whose queue it stands; None where it stands in none.
    """

    __slots__ = ("charges", "latch", "number", "place")

    def __init__(self, charges: Sequence[Charge], number: int) -> None:
        self.charges = charges
        self.number = number
        self.latch = Latch()
        self.place: Charge | None = None


class Outlook(NamedTuple):
    """What a call that waits may hope for.

    Args:
        at: When its turn comes.
        key: The limit that it waits for; "" for none: then it may try.
        is_first: Whether nobody stands before it there.
    """

    at: float
    key: str
    is_first: bool


class _Queue:
    """Those who wait for one limit.

    Attributes:
        tickets: By number.
        opens_at: When the first of them can pass, as far as is known.
        load: What they all will use, in seconds.
    """

    __slots__ = ("load", "opens_at", "tickets")

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.opens_at = -math.inf
        self.load = 0.0

    def turn_of(self, ticket: Ticket) -> float:
        """When its turn comes: that of the first one, and what those before it will use."""
        if ticket is self.tickets[-1] and ticket.place is not None:  # as it is for whoever comes
            return self.opens_at + self.load - ticket.place.cost
        before = itertools.takewhile(lambda other: other is not ticket, self.tickets)
        return self.opens_at + sum(other.place.cost for other in before if other.place is not None)


class Line:
    """The queues, safe from threads. `now` is in monotonic seconds."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def is_empty(self, charges: Sequence[Charge]) -> bool:
        """Whether nobody waits for any of these limits, so that whoever comes may try."""
        queues = self._queues
        return not queues or not any(charge.key in queues for charge in charges)

    def enter(self, charges: Sequence[Charge]) -> Ticket:
        """A place behind all who wait; `leave` it in any case."""
        with self._lock:
            return Ticket(charges, next(self._numbers))

    def may_try(self, ticket: Ticket, now: float) -> bool:
        """Whether nobody who came earlier waits for any of its limits; else it stands behind them."""
        woken: list[Latch] = []
        with self._lock:
            # A new latch before looking: what changes afterwards opens it.
            if ticket.latch.is_open:
                ticket.latch = Latch()
            behind = [charge for charge in ticket.charges if self._others_are_before(ticket, charge.key, now)]
            if behind:
                longest = max(behind, key=lambda charge: self._queues[charge.key].opens_at)
                woken = self._stand(ticket, longest)
        _open(woken)
        return not behind

    def had_no_room(self, ticket: Ticket, waits: Sequence[float], now: float) -> None:
        """The ticket has tried, and waits for the limit that makes it wait longest.

        Args:
            ticket: The one that tried.
            waits: Seconds until each of its limits has room for it; 0 where it has.
            now: The time.
        """
        longest = max(range(len(waits)), key=waits.__getitem__)
        with self._lock:
            woken = self._stand(ticket, ticket.charges[longest])
            queue = self._queues[ticket.charges[longest].key]
            if queue.tickets[0] is ticket:
                queue.opens_at = now + waits[longest]
        _open(woken)

    def outlook(self, ticket: Ticket) -> Outlook:
        """When its turn comes, as far as is known."""
        with self._lock:
            queue = None if ticket.place is None else self._queues.get(ticket.place.key)
            if ticket.place is None or queue is None:
                return Outlook(-math.inf, "", True)
            return Outlook(queue.turn_of(ticket), ticket.place.key, queue.tickets[0] is ticket)

    def leave(self, ticket: Ticket, *, passed: bool) -> None:
        """It has passed, or given up."""
        if ticket.place is None:
            return
        with self._lock:
            if passed and ticket.place is not None and (queue := self._queues.get(ticket.place.key)):
                queue.opens_at += ticket.place.cost
            woken = self._quit(ticket)
        _open(woken)

    def look_again(self, keys: Iterable[str]) -> None:
        """There may be room earlier than was thought."""
        if self._queues:
            with self._lock:
                woken = [self._queues[key].tickets[0].latch for key in keys if key in self._queues]
            _open(woken)

    def after_fork(self) -> None:
        """In the child of a fork: who waits there is a thread or task of the parent's."""
        self._lock = threading.Lock()
        self._queues = {}

    # -- inside, under the lock -----------------------------------------------------------------------------

    def _others_are_before(self, ticket: Ticket, key: str, now: float) -> bool:
        queue = self._queues.get(key)
        while queue is not None and queue.tickets[0].number < ticket.number:
            if now <= queue.opens_at + PATIENCE:
                return True
            self._quit(queue.tickets[0])  # it does not look, and may try when it does
            queue = self._queues.get(key)
        return False

    def _stand(self, ticket: Ticket, charge: Charge) -> list[Latch]:
        """Goes to one queue; gives whom to wake in the one that it comes from."""
        if ticket.place is charge:
            return []
        woken = self._quit(ticket)
        queue = self._queues.setdefault(charge.key, _Queue())
        bisect.insort(queue.tickets, ticket, key=_number)
        queue.load += charge.cost
        ticket.place = charge
        return woken

    def _quit(self, ticket: Ticket) -> list[Latch]:
        """Leaves its queue; gives whom to wake there."""
        charge, ticket.place = ticket.place, None
        queue = None if charge is None else self._queues.get(charge.key)
        if charge is None or queue is None or ticket not in queue.tickets:  # after a fork it is in none
            return []
        was_first = queue.tickets[0] is ticket
        queue.tickets.remove(ticket)
        queue.load -= charge.cost
        if not queue.tickets:
            del self._queues[charge.key]
            return []
        return [queue.tickets[0].latch] if was_first else []


def _number(ticket: Ticket) -> int:
    return ticket.number


def _open(latches: Iterable[Latch]) -> None:
    """Outside the lock, since it calls back."""
    for latch in latches:
        latch.open()
