"""Which targets are fit to be asked, and how fast they were: what the process has seen of each.

    open ── failed too often, or refused ──▶ closed ── time is up ──▶ half open ── one probe ──▶ open
                                               ▲                                     │
                                               └───────── fails: twice as long ◀─────┘

Not here: whom to ask next (`policy.fallback`), what is fast for whom (`routing.order`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, NamedTuple

from shared_core._locks import new_lock
from shared_core.types import Figures

__all__ = ["HEALTH", "Admission", "Closing", "Health", "Trouble"]

Admission = Literal["open", "probe"]
"""How a target may be asked: by everybody, or by this call alone."""

Trouble = Literal["passing", "throttled", "refused"]
"""What a failure says of its target: it may be chance; it has too much to do; it will not serve this account."""


class Closing(NamedTuple):
    """How a target is closed.

    Args:
        until: From when on it may be probed.
        length: Seconds that it was closed for.
        early: From when on it may be probed where nobody else is left; infinity where the service named its time.
    """

    until: float
    length: float
    early: float


_SLICES = 6  # of the window: old tries are forgotten a slice at a time
_SHARE = 0.2  # of the newest figure in the running one
_RECENT = 64  # durations of a target that are kept


class _Record:
    """One target. Closed means: `length` is above zero."""

    __slots__ = (
        "early",
        "figures",
        "first_tokens",
        "in_a_row",
        "length",
        "next_length",
        "probe_until",
        "reopened",
        "slices",
        "until",
        "wholes",
    )

    def __init__(self) -> None:
        self.length = 0.0  # of the present closing, in seconds
        self.next_length = 0.0
        self.until = -math.inf
        self.early = math.inf  # from when on it may be probed although its time is not up
        self.probe_until = -math.inf
        self.reopened = -math.inf
        self.in_a_row = 0
        self.slices: deque[list[int]] = deque(maxlen=_SLICES)  # [number of the slice, tries, failures]
        self.figures = Figures()
        self.first_tokens: deque[float] = deque(maxlen=_RECENT)
        self.wholes: deque[float] = deque(maxlen=_RECENT)

    @property
    def closed(self) -> bool:
        return self.length > 0

    def reopen(self, now: float) -> None:
        self.length, self.until, self.early = 0.0, -math.inf, math.inf
        self.probe_until = -math.inf
        self.reopened = now
        self.in_a_row = 0
        self.slices.clear()


class Health:
    """The records, safe from threads. `now` is in monotonic seconds throughout.

    Args:
        first: Seconds that a target is closed for the first time; doubles with each closing in a row.
        longest: Seconds at most; what a service itself asks for is heeded up to `longest_heeded`.
        rate: A target is closed when more than this share of its tries in the window failed,
        least: and there were so many tries,
        in_a_row: or when so many failed one after another.
        window: Seconds.
        pause: Seconds between two probes of a target whose time is not up, made when nobody else answers.
        most: Records kept; a process that knows more targets forgets the oldest.

    Attributes:
        is_shared: Whether other processes are told, and listened to; see `policy.stores.shared_health`.

    Source of the numbers: reliability notes, section 2; LiteLLM's router has the same rate and first cooldown.
    """

    is_shared = False

    def __init__(
        self,
        *,
        first: float = 5.0,
        longest: float = 60.0,
        longest_heeded: float = 3600.0,
        rate: float = 0.5,
        least: int = 5,
        in_a_row: int = 3,
        window: float = 60.0,
        pause: float = 1.0,
        most: int = 4096,
    ) -> None:
        self.first, self.longest, self.longest_heeded = first, longest, longest_heeded
        self.rate, self.least, self.in_a_row, self.window = rate, least, in_a_row, window
        self.pause = pause
        self._most = most
        self._records: dict[Hashable, _Record] = {}
        self._lock = new_lock()

    # -- asking -----------------------------------------------------------------------------------------

    def admit(self, key: Hashable, now: float, until: float, *, early: bool = False) -> Admission | None:
        """How the target may be asked now, if it may. Who takes the probe says with `leave` that it is over.

        Args:
            key: The target.
            now: The time.
            until: When the call ends at the latest, and with it the probe.
            early: Whether nobody else is left, so that a probe may come before its time.
        """
        record = self._records.get(key)
        if record is None or not record.closed:
            return "open"
        with self._lock:
            if record.length == 0:  # it has been opened meanwhile
                return "open"
            if now < record.probe_until or now < (min(record.until, record.early) if early else record.until):
                return None
            record.probe_until = until
            return "probe"

    def is_open(self, key: Hashable) -> bool:
        """Whether the target is neither closed nor half open."""
        record = self._records.get(key)
        return record is None or not record.closed

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until a closed target may be probed; 0 for others."""
        record = self._records.get(key)
        return 0.0 if record is None or not record.closed else max(0.0, record.until - now)

    def due(self, key: Hashable, now: float) -> float:
        """Seconds until somebody may ask the target where nobody else is left, be it for a probe; 0 for one that is
        open, or is being probed."""
        record = self._records.get(key)
        return 0.0 if record is None or not record.closed else max(0.0, min(record.until, record.early) - now)

    def closing(self, key: Hashable) -> Closing | None:
        """How the target is closed; None while it is open."""
        record = self._records.get(key)
        if record is None or not record.closed:
            return None
        return Closing(record.until, record.length, record.early)

    # -- telling ----------------------------------------------------------------------------------------

    def answered(
        self, key: Hashable, now: float, figures: Figures | None = None, *, probe: bool = False
    ) -> None:
        """A try was answered: with content (then it has figures), or with a refusal that is the caller's fault.

        Of a closed target, only a probe's answer counts: others were asked before it closed.
        """
        with self._lock:
            record = self._record(key)
            self._count(record, now, failed=0)
            record.in_a_row = 0
            if record.closed and probe:
                record.reopen(now)
            if figures is not None:
                record.figures = _blended(record.figures, figures)
                if figures.first_token is not None:
                    record.first_tokens.append(figures.first_token)
                elif figures.whole is not None:
                    record.wholes.append(figures.whole)

    def outlasted(self, key: Hashable, seconds: float, *, streamed: bool) -> None:
        """An answer was given up after so long. It counts neither as answered nor as failed, but as that slow at least:
        left out, the slow ones would be missing, and what is called slow would sink from day to day."""
        with self._lock:
            record = self._record(key)
            (record.first_tokens if streamed else record.wholes).append(seconds)

    def failed(
        self,
        key: Hashable,
        now: float,
        trouble: Trouble,
        *,
        rivals: Iterable[Hashable] = (),
        retry_after: float | None = None,
        probe: bool = False,
    ) -> bool:
        """A try failed.

        Args:
            key: The target.
            now: The time.
            trouble: What kind of failure.
            rivals: Who else could be asked. While none of them is open, this one is not closed: somebody must be.
            retry_after: Seconds that the service asked for.
            probe: Whether this try was the probe.

        Returns:
            Whether it has just been closed, or for longer.
        """
        with self._lock:
            record = self._record(key)
            self._count(record, now, failed=1)
            record.in_a_row += 1
            if record.closed:
                return self._fails_again(record, now, retry_after, probe=probe)
            if trouble == "passing" and not self._too_often(record, now):
                return False
            if not any(self._is_open(rival) for rival in rivals if rival != key):
                return False
            if now - record.reopened >= self.longest:
                record.next_length = 0.0  # it was well for long enough
            length = self._longer(record)
            if trouble == "refused":  # a token or a licence does not come back in seconds
                length = self.longest
            self._close(record, now, length, retry_after)
            return True

    def take_in(self, key: Hashable, told: Closing | None, now: float) -> bool:
        """What another process has seen: that the target is closed, or (None) that it is well again.

        A closing of our own that lasts longer stays. Whether anybody else is left to be asked is for each call to
        find out: where nobody is, the one that is due first is asked.

        Returns:
            Whether that was news.
        """
        with self._lock:
            record = self._record(key)
            if told is None:
                was_closed = record.closed
                if was_closed:
                    record.reopen(now)
                return was_closed
            if record.closed and record.until >= told.until:
                return False
            record.until, record.length, record.early = told
            if told.early != math.inf:
                record.next_length = max(record.next_length, min(told.length, self.longest))
            return True

    def leave(self, key: Hashable) -> None:
        """A call has done with the target: a probe that ended without a verdict makes room for another."""
        record = self._records.get(key)
        if record is not None and record.closed:
            with self._lock:
                record.probe_until = -math.inf

    def figures(self, key: Hashable) -> Figures:
        """What was measured."""
        record = self._records.get(key)
        return Figures() if record is None else record.figures

    def p95(self, key: Hashable, *, streamed: bool, least: int = 20) -> float | None:
        """Seconds in which 95 of 100 recent answers had come, by the nearest rank among the last 64.

        Args:
            key: The target.
            streamed: Whether the first content of a stream is meant, else the whole answer.
            least: Answers that it must rest on; None where there were fewer.
        """
        record = self._records.get(key)
        if record is None:
            return None
        with self._lock:
            recent = sorted(record.first_tokens if streamed else record.wholes)
        return recent[math.ceil(0.95 * len(recent)) - 1] if len(recent) >= least else None

    def clear(self) -> None:
        """Forgets every target."""
        with self._lock:
            self._records.clear()

    # -- inside, under the lock ---------------------------------------------------------------------------

    def _record(self, key: Hashable) -> _Record:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
            if len(self._records) > self._most:
                del self._records[next(iter(self._records))]
        return record

    def _is_open(self, key: Hashable) -> bool:
        record = self._records.get(key)
        return record is None or not record.closed

    def _count(self, record: _Record, now: float, *, failed: int) -> None:
        number = int(now * _SLICES / self.window)
        slices = record.slices
        if slices and slices[-1][0] == number:
            slices[-1][1] += 1
            slices[-1][2] += failed
        else:
            slices.append([number, 1, failed])

    def _too_often(self, record: _Record, now: float) -> bool:
        if record.in_a_row >= self.in_a_row:
            return True
        oldest = int(now * _SLICES / self.window) - _SLICES
        recent: Sequence[list[int]] = [each for each in record.slices if each[0] > oldest]
        tries = sum(each[1] for each in recent)
        return tries >= self.least and sum(each[2] for each in recent) > self.rate * tries

    def _fails_again(self, record: _Record, now: float, retry_after: float | None, *, probe: bool) -> bool:
        if probe:
            record.probe_until = -math.inf
            self._close(record, now, self._longer(record), retry_after)
            return True
        if (
            retry_after is not None and now + retry_after > record.until
        ):  # one that was under way when it closed
            self._close(record, now, record.length, retry_after)
            return True
        return False

    def _longer(self, record: _Record) -> float:
        record.next_length = min(self.longest, 2 * record.next_length) if record.next_length else self.first
        return record.next_length

    def _close(self, record: _Record, now: float, length: float, retry_after: float | None) -> None:
        if retry_after is not None:
            length = min(max(retry_after, 0.001), self.longest_heeded)
        record.length, record.until = length, now + length
        # A service that named its time means it.
        record.early = math.inf if retry_after is not None else now + self.pause


def _blended(old: Figures, new: Figures) -> Figures:
    def blend(before: float | None, now: float | None) -> float | None:
        return before if now is None else now if before is None else before + _SHARE * (now - before)

    return Figures(
        blend(old.first_token, new.first_token),
        blend(old.whole, new.whole),
        blend(old.speed, new.speed),
        old.seen + 1,
    )


HEALTH = Health()
"""The process's own."""
