"""What the server thread and the test share: the record of requests, the queue of faults, the counters."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from .bill import Bill, BillEntry
from .dedicated.fleet import Fleet
from .embedding.quirks import EmbedQuirks
from .faults import Fault
from .hub_quirks import HubQuirks
from .quirks import Quirks
from .record import Received
from .tasks.jobs import Works
from .tasks.quirks import MediaQuirks

CHAT_PATH = "/v1/chat/completions"
Scripted = Fault | Quirks | EmbedQuirks | MediaQuirks | HubQuirks


@dataclass(slots=True)
class _Queued:
    faults: tuple[Scripted, ...]
    left: int
    match: str | None
    path: str


class State:
    """Shared by two threads: every change is made under the lock, and reading gives copies."""

    def __init__(self, token: str | None, aliases: Mapping[str, str] | None = None) -> None:
        self.token = token
        self.aliases = dict(aliases or {})
        self.works = Works()
        self.fleet = Fleet()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._open_connections = 0
        self._received: list[Received] = []
        self._queue: list[_Queued] = []
        self._connections = 0
        self._in_flight = 0
        self._in_flight_max = 0
        self._crashes: list[BaseException] = []
        self._bill: dict[str, BillEntry] = {}

    def connection_opened(self) -> int:
        """Count a new connection and give it its number."""
        with self._lock:
            self._connections += 1
            self._open_connections += 1
            return self._connections

    def connection_closed(self) -> None:
        """A connection is gone."""
        with self._changed:
            self._open_connections -= 1
            self._changed.notify_all()

    def arrived(self, received: Received) -> tuple[Scripted, ...]:
        """Record a request; returns the faults that were scripted for it."""
        with self._lock:
            self._received.append(received)
            self._in_flight += 1
            self._in_flight_max = max(self._in_flight_max, self._in_flight)
            for item in self._queue:
                if fnmatchcase(received.path, item.path) and item.match in (None, received.model):
                    item.left -= 1
                    if not item.left:
                        self._queue.remove(item)
                    received.faults = item.faults
                    return item.faults
        return ()

    def answered(self) -> None:
        """A request is done with, well or not."""
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def charge(self, entry: BillEntry) -> None:
        """Add a line to the bill."""
        with self._lock:
            self._bill[entry.request_id] = replace(entry, at=time.time())

    def crashed(self, error: BaseException) -> None:
        """The server itself failed: kept, and raised where the server is stopped."""
        with self._lock:
            self._crashes.append(error)

    def queue(
        self, faults: Sequence[Scripted | Sequence[Scripted]], times: int, match: str | None, path: str
    ) -> None:
        """Append to the script."""
        items = [
            _Queued((item,) if isinstance(item, Scripted) else tuple(item), times, match, path)
            for item in faults
        ]
        with self._lock:
            self._queue += items

    def forget(self) -> None:
        """Drop the record, the script, the bill, jobs and files, and endpoints."""
        self.works.forget()
        self.fleet.clear()
        with self._lock:
            self._received.clear()
            self._queue.clear()
            self._bill.clear()
            self._in_flight_max = self._in_flight

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no request is being answered; False when that did not come in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_flight, timeout)

    def wait_closed(self, left: int, timeout: float) -> bool:
        """Wait until at most so many connections are open; False when that did not come in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open_connections <= left, timeout)

    @property
    def open_connections(self) -> int:
        """TCP connections that are open now."""
        with self._lock:
            return self._open_connections

    @property
    def received(self) -> list[Received]:
        """Every request so far."""
        with self._lock:
            return list(self._received)

    @property
    def bill(self) -> Bill:
        """What was charged so far."""
        with self._lock:
            return Bill(dict(self._bill))

    @property
    def queued(self) -> int:
        """Scripted items that no request has used up yet."""
        with self._lock:
            return len(self._queue)

    @property
    def crashes(self) -> list[BaseException]:
        """Failures of the server itself."""
        with self._lock:
            return list(self._crashes)

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        with self._lock:
            return self._connections

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        with self._lock:
            return self._in_flight

    @property
    def in_flight_max(self) -> int:
        """The most requests that were being answered at one time."""
        with self._lock:
            return self._in_flight_max
