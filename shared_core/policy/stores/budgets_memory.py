"""Budgets in the memory of this process, for all its clients: what is spent goes with it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence

from shared_core.policy.state.holds import Account, Charge, Hold, Posting, Verdict

__all__ = ["MEMORY", "BudgetMemory"]

_FEW = 1024  # accounts that nobody looks through for old ones

_TAKEN = Verdict()


class _Sums:
    """One account."""

    __slots__ = ("granted", "keep_until", "reserved", "spent", "unconfirmed")

    def __init__(self, keep_until: float) -> None:
        self.spent = self.reserved = self.unconfirmed = self.granted = 0
        self.keep_until = keep_until


class BudgetMemory:
    """A `BudgetStore` that never waits.

    A forked child goes on with what was spent, and without what calls of its parent have set aside.
    """

    is_away = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mark = object()
        self._sums: dict[str, _Sums] = {}
        self._many = _FEW
        of_us = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(of_us()))

    def reserve_now(self, hold: Hold) -> Verdict:
        """Sets all lines aside, or none."""
        with self._lock:
            accounts: list[tuple[_Sums, int]] = []
            for account, amount, limit, hard, _, keep_until in hold.lines:
                sums = self._of(account, keep_until, hold.since)
                if hard and amount > limit + sums.granted - sums.spent - sums.reserved:
                    return Verdict(len(accounts), sums.spent, sums.reserved, sums.granted)
                accounts.append((sums, amount))
            for sums, amount in accounts:
                sums.reserved += amount
            hold.owner = self._mark
        return _TAKEN

    reserve = reserve_now

    def settle(self, hold: Hold, charges: Sequence[Charge]) -> None:
        """Puts what it cost in place of what was set aside."""
        if hold.over or hold.owner is not self._mark:
            return
        hold.over = True
        if postings := self.post(hold, charges):
            hold.tell(postings)

    def grant(self, account: str, amount: int, keep_until: float, now: float) -> None:
        """Adds to what may be spent."""
        with self._lock:
            self._of(account, keep_until, now).granted += amount

    def accounts(self, start: str, end: str, now: float) -> list[Account]:  # noqa: ARG002  # nothing lapses
        """Those whose keys begin and end so."""
        with self._lock:
            return [
                Account(key, sums.spent, sums.reserved, sums.unconfirmed, sums.granted)
                for key, sums in self._sums.items()
                if key.startswith(start) and key.endswith(end)
            ]

    def flush(self) -> None:
        """Nothing is ever still to be told."""

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._sums.clear()

    # -- for stores that keep a copy here ----------------------------------------------------------------

    def take(self, hold: Hold) -> None:
        """Sets all lines aside without asking: a shared store has said yes."""
        with self._lock:
            for line in hold.lines:
                self._of(line.account, line.keep_until, hold.since).reserved += line.amount

    def post(self, hold: Hold, charges: Sequence[Charge]) -> list[Posting]:
        """Settles, and tells the caller alone."""
        postings = []
        with self._lock:
            for place, line in enumerate(hold.lines):
                sums = self._of(line.account, line.keep_until, hold.since)
                sums.reserved = max(0, sums.reserved - line.amount)
                if charges:
                    before, (amount, unconfirmed) = sums.spent, charges[place]
                    sums.spent += amount
                    sums.unconfirmed += unconfirmed
                    postings.append(Posting(place, before, sums.spent, sums.granted))
        return postings

    def raise_to(self, account: str, spent: int, granted: int, keep_until: float, now: float) -> None:
        """Learns what others have spent and been granted; what was known to be more stays."""
        with self._lock:
            sums = self._of(account, keep_until, now)
            sums.spent = max(sums.spent, spent)
            sums.granted = max(sums.granted, granted)

    def _of(self, account: str, keep_until: float, now: float) -> _Sums:
        sums = self._sums.get(account)
        if sums is None:
            if len(self._sums) >= self._many:
                self._drop_old(now)
            sums = self._sums[account] = _Sums(keep_until)
        return sums

    def _drop_old(self, now: float) -> None:
        for key, sums in list(self._sums.items()):
            if sums.keep_until < now and not sums.reserved:
                del self._sums[key]
        self._many = max(_FEW, 2 * len(self._sums))

    def _begin_anew(self) -> None:
        self._lock, self._mark = threading.Lock(), object()
        for sums in self._sums.values():
            sums.reserved = 0


def _after_fork(memory: BudgetMemory | None) -> None:
    """In the child, where the threads that had set something aside, or held the lock, do not exist."""
    if memory is not None:
        memory._begin_anew()


MEMORY = BudgetMemory()
"""The process's own."""
