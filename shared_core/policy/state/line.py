"""Who waits for which limit, in the order of coming: for threads and tasks of any event loop.

A call stands in the queues of those limits that had no room for it, and of no others: who waits for its user's limit
lets others pass at its provider's. Who is first in all of its queues may try; when it passes or gives up, those
behind it are woken. Only the first one of a queue watches the time.
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
        latch: Open when it should look again.
    """

    __slots__ = ("charges", "latch", "number", "queues")

    def __init__(self, charges: Sequence[Charge], number: int) -> None:
        self.charges = charges
        self.number = number
        self.latch = Latch()
        self.queues: dict[str, _Queue] = {}


class Outlook(NamedTuple):
    """What a call that waits may hope for.

    Args:
        at: When its turn comes; the past when it may try.
        key: The limit that makes it wait longest; "" for none.
        is_first: Whether nobody stands before it.
    """

    at: float
    key: str
    is_first: bool


class _Queue:
    """Those who wait for one limit.

    Attributes:
        opens_at: When the first of them can pass, as far as is known.
        load: What they all will use, in seconds.
    """

    __slots__ = ("load", "opens_at", "tickets")

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.opens_at = -math.inf
        self.load = 0.0


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
        """A place behind those who wait for the same limits already."""
        with self._lock:
            ticket = Ticket(charges, next(self._numbers))
            for charge in charges:
                if charge.key in self._queues:
                    self._join(ticket, charge)
            return ticket

    def is_first(self, ticket: Ticket, now: float) -> bool:
        """Whether the ticket may try now."""
        with self._lock:
            # A new latch before looking: what changes afterwards opens it.
            if ticket.latch.is_open:
                ticket.latch = Latch()
            for charge in ticket.charges:
                queue = ticket.queues.get(charge.key)
                while queue and queue.tickets[0] is not ticket and now > queue.opens_at + PATIENCE:
                    self._quit(queue.tickets[0], charge.key)
            return all(queue.tickets[0] is ticket for queue in ticket.queues.values())

    def outlook(self, ticket: Ticket) -> Outlook:
        """When its turn comes, as far as is known."""
        with self._lock:
            turns = [
                (_turn_of(ticket, charge), charge.key)
                for charge in ticket.charges
                if charge.key in ticket.queues
            ]
            at, key = max(turns, default=(-math.inf, ""))
            return Outlook(at, key, all(queue.tickets[0] is ticket for queue in ticket.queues.values()))

    def had_no_room(self, ticket: Ticket, waits: Sequence[float], now: float) -> None:
        """The ticket has tried: it waits where it has to, and leaves the other queues to others.

        Args:
            ticket: The one that tried.
            waits: Seconds until each of its limits has room for it; 0 where it has.
            now: The time.
        """
        woken: list[Latch] = []
        with self._lock:
            for charge, wait in zip(ticket.charges, waits, strict=True):
                if not wait:
                    woken += self._quit(ticket, charge.key)
                    continue
                self._join(ticket, charge)
                queue = ticket.queues[charge.key]
                if queue.tickets[0] is ticket:
                    queue.opens_at = now + wait
        _open(woken)

    def leave(self, ticket: Ticket, *, passed: bool) -> None:
        """It has passed, or given up."""
        if not ticket.queues:
            return
        woken: list[Latch] = []
        with self._lock:
            for charge in ticket.charges:
                if passed and (queue := ticket.queues.get(charge.key)) is not None:
                    queue.opens_at += charge.cost
                woken += self._quit(ticket, charge.key)
        _open(woken)

    def look_again(self, keys: Iterable[str]) -> None:
        """There may be room earlier than was thought."""
        if self._queues:
            with self._lock:
                queues = [self._queues[key] for key in keys if key in self._queues]
                woken = [queue.tickets[0].latch for queue in queues]
            _open(woken)

    def after_fork(self) -> None:
        """In the child of a fork: who waits there is a thread or task of the parent's."""
        self._lock = threading.Lock()
        self._queues.clear()

    # -- inside, under the lock -----------------------------------------------------------------------------

    def _join(self, ticket: Ticket, charge: Charge) -> None:
        if charge.key in ticket.queues:
            return
        queue = self._queues.setdefault(charge.key, _Queue())
        bisect.insort(queue.tickets, ticket, key=_number)
        queue.load += charge.cost
        ticket.queues[charge.key] = queue

    def _quit(self, ticket: Ticket, key: str) -> list[Latch]:
        """Takes it out of one queue; gives whom to wake."""
        queue = ticket.queues.pop(key, None)
        if queue is None:
            return []
        was_first = queue.tickets[0] is ticket
        queue.tickets.remove(ticket)
        queue.load -= sum(charge.cost for charge in ticket.charges if charge.key == key)
        if not queue.tickets:
            if self._queues.get(key) is queue:
                del self._queues[key]
            return []
        return [queue.tickets[0].latch] if was_first else []


def _number(ticket: Ticket) -> int:
    return ticket.number


def _turn_of(ticket: Ticket, charge: Charge) -> float:
    queue = ticket.queues[charge.key]
    if queue.tickets[-1] is ticket:  # as it is for whoever comes
        return queue.opens_at + queue.load - charge.cost
    before = itertools.takewhile(lambda other: other is not ticket, queue.tickets)
    return queue.opens_at + sum(
        each.cost for other in before for each in other.charges if each.key == charge.key
    )


def _open(latches: Iterable[Latch]) -> None:
    """Outside the lock, since it calls back."""
    for latch in latches:
        latch.open()
