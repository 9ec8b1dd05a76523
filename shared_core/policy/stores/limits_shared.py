"""Limits that processes share; while their place is away, each process keeps to its own share of them.

Lives here: going on alone, and coming back. Not here: the places (`limits_sqlite`, `limits_redis`).

What a process is told of a limit it remembers, so that alone it does not begin with all of it unused. Alone, its
share is one of the processes' that were seen at the place lately, and one more: slower than need be, never too fast.
What it used alone it reports when the place is there again; the same mends a place that has lost its memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from shared_core.policy.state.buckets import Charge, MemoryBuckets

__all__ = ["SEEN_LATELY", "Busy", "Entry", "Mode", "Place", "SharedBuckets", "Told"]

SEEN_LATELY = 600.0
"""Seconds for which a process counts as one of those that share."""

Mode = Literal["take", "correct", "close"]


class Busy(Exception):
    """It would take a wait; nothing was done."""


class Entry(NamedTuple):
    """One limit in a question to the place.

    Args:
        key: The limit's.
        cost: Seconds; see `Charge`. To close a limit, for how long.
        depth: Seconds; see `Charge`.
        known: Seconds for which it is in use, as far as the asking process knows.
        is_news: Whether the place cannot know that, too.
    """

    key: str
    cost: float
    depth: float
    known: float
    is_news: bool


class Told(NamedTuple):
    """An answer of the place.

    Args:
        waits: Seconds until each limit has room; empty when all were taken.
        used: Seconds for which each is in use now.
        sharers: Processes that were seen lately, the asking one included.
    """

    waits: Sequence[float]
    used: Sequence[float]
    sharers: int


class Place(Protocol):
    """Where limits are kept for several processes."""

    def ask(self, mode: Mode, entries: Sequence[Entry], *, wait: bool = True) -> Told | None:
        """What the place says; None when it cannot be asked. Never raises for that, and never hangs.

        Raises:
            Busy: It would take a wait, and there is to be none.
        """
        ...


class SharedBuckets:
    """Buckets at a place, for threads.

    Args:
        place: Where.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._alone = MemoryBuckets()
        self._news: set[str] = set()
        self._sharers = 1

    def take(self, charges: Sequence[Charge], now: float) -> Sequence[float]:
        """See `Buckets`."""
        return self._take(charges, now, wait=True)

    def take_now(self, charges: Sequence[Charge], now: float) -> Sequence[float] | None:
        """See `Buckets`."""
        try:
            return self._take(charges, now, wait=False)
        except Busy:
            return None

    def correct(self, charges: Sequence[Charge], now: float) -> None:
        """See `Buckets`."""
        self._correct(charges, now, wait=True)

    def correct_now(self, charges: Sequence[Charge], now: float) -> bool:
        """See `Buckets`."""
        try:
            self._correct(charges, now, wait=False)
        except Busy:
            return False
        return True

    def close(self, key: str, seconds: float, now: float) -> None:
        """See `Buckets`."""
        if self._ask("close", [Charge(key, seconds, 0.0)], now, wait=True) is None:
            self._alone.close(key, seconds, now)

    def close_now(self, key: str, seconds: float, now: float) -> bool:  # noqa: ARG002
        """See `Buckets`. It happens so seldom that nobody is spared the wait."""
        return False

    def used(self, key: str, now: float) -> float:
        """See `Buckets`."""
        return self._alone.used(key, now)

    def after_fork(self) -> None:
        """See `Buckets`."""
        self._alone.after_fork()

    def _take(self, charges: Sequence[Charge], now: float, *, wait: bool) -> Sequence[float]:
        told = self._ask("take", charges, now, wait=wait)
        return self._alone.take(self._shares(charges), now) if told is None else told.waits

    def _correct(self, charges: Sequence[Charge], now: float, *, wait: bool) -> None:
        if self._ask("correct", charges, now, wait=wait) is None:
            self._alone.correct(self._shares(charges), now)

    def _ask(self, mode: Mode, charges: Sequence[Charge], now: float, *, wait: bool) -> Told | None:
        entries = [
            Entry(*charge, self._alone.used(charge.key, now), charge.key in self._news) for charge in charges
        ]
        told = self._place.ask(mode, entries, wait=wait)
        if told is None:
            self._news.update(charge.key for charge in charges)
            return None
        self._sharers = told.sharers
        for charge, used in zip(charges, told.used, strict=True):
            self._news.discard(charge.key)
            self._alone.put(charge.key, used, now)
        return told

    def _shares(self, charges: Sequence[Charge]) -> list[Charge]:
        share = 1 if self._sharers == 1 else self._sharers + 1
        return [charge._replace(cost=charge.cost * share) for charge in charges]
