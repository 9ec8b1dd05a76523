"""Catalogues that this process has fetched, and when to fetch again.

Lives here: `CatalogCache`, the thread-safe memory, and the one instance that all clients of the process
share.
Not here: fetching. Callers ask `fresh`, fetch when it answers `None`, then tell `remember` or `failed`.

All decisions are taken under the lock, no I/O is done under it. The clock is an argument: unix seconds.
Numbers: 300 s of life, 15 s of rest after a failure, the stale value served meanwhile (source: ml-intern).
Keyed by base URL alone: what a server lists is the same for every account, and a token must not be kept here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from shared_core._locks import new_lock
from shared_core.catalog.models import Catalog

ROUTER_URL = "https://router.huggingface.co/v1"
"""Where the router is, unless a client is told otherwise."""

TTL = 300.0  # seconds
REST_AFTER_FAILURE = 15.0  # seconds
_MOST_SERVERS = 64  # catalogues kept; a process that sees more base URLs forgets the one longest untouched


@dataclass(frozen=True, slots=True)
class _Entry:
    catalog: Catalog | None = None
    stored_at: float = -math.inf
    failed_at: float = -math.inf


class CatalogCache:
    """What is known of each server's catalogue, safe from threads.

    `generation` grows with every stored catalogue, so that what others derived from one can be thrown away.

    Example:
        >>> cache = CatalogCache()
        >>> cache.fresh("http://localhost:8000/v1", now=0.0) is None   # so: fetch, then
        True
        >>> cache.remember("http://localhost:8000/v1", Catalog({}, "example"), now=0.0)
        >>> cache.fresh("http://localhost:8000/v1/", now=299.0) is not None
        True
    """

    __slots__ = ("_entries", "_lock", "generation")

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._lock = new_lock()
        self.generation = 0

    def fresh(self, base_url: str | None, now: float, ttl: float = TTL) -> Catalog | None:
        """The catalogue to serve without fetching; `None` means: fetch.

        That is one younger than `ttl` seconds, or any older one within 15 s after a failed fetch. After a
        failure with nothing stored the answer is `None`; `failed_recently` tells whether to hold back.

        A catalogue from the future (the clock was set back) counts as old.
        """
        with self._lock:
            entry = self._entries.get(server_key(base_url))
            if entry is None:
                return None
            young = 0 <= now - entry.stored_at < ttl
            return entry.catalog if young or _resting(entry, now) else None

    def failed_recently(self, base_url: str | None, now: float) -> bool:
        """Whether the last fetch failed less than 15 s ago."""
        with self._lock:
            entry = self._entries.get(server_key(base_url))
            return entry is not None and _resting(entry, now)

    def remember(self, base_url: str | None, catalog: Catalog, now: float | None = None) -> None:
        """Store a fetched catalogue and forget earlier failures.

        Args:
            base_url: The server; `None` is the router.
            catalog: What it listed.
            now: Unix seconds; by default the catalogue's own `fetched_at`. With neither, it is served by
                `loaded` but never counts as fresh.
        """
        stored_at = now if now is not None else catalog.fetched_at
        with self._lock:
            self._put(server_key(base_url), _Entry(catalog, -math.inf if stored_at is None else stored_at))

    def failed(self, base_url: str | None, now: float) -> None:
        """Note that a fetch failed at `now`; what is stored stays."""
        with self._lock:
            key = server_key(base_url)
            self._put(key, replace(self._entries.get(key, _Entry()), failed_at=now))

    def loaded(self, base_url: str | None) -> Catalog | None:
        """The last catalogue seen, however old: its facts are still newer than the shipped ones."""
        if not self._entries:  # most programs fetch none, and ask for facts with each model they make
            return None
        with self._lock:
            entry = self._entries.get(server_key(base_url))
            return None if entry is None else entry.catalog

    def clear(self) -> None:
        """Forget every server."""
        with self._lock:
            self._entries.clear()
            self.generation += 1

    def _put(self, key: str, entry: _Entry) -> None:
        self._entries.pop(key, None)  # put last again: a dictionary's order is the order of touching
        self._entries[key] = entry
        if len(self._entries) > _MOST_SERVERS:
            del self._entries[next(iter(self._entries))]
        self.generation += 1


def _resting(entry: _Entry, now: float) -> bool:
    return 0 <= now - entry.failed_at < REST_AFTER_FAILURE


def server_key(base_url: str | None) -> str:
    """One spelling for one server: no trailing slash, scheme and host in lower case; `None` is the router.

    A user name and password in the URL are left out: this is a key in a process-wide memory.
    """
    if base_url is None:
        return ROUTER_URL
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:  # a malformed host: whoever connects will say so, a look-up of facts need not
        return base_url
    host = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme.lower(), host, parts.path.rstrip("/"), parts.query, ""))


SHARED = CatalogCache()
"""What the process has fetched, for all of its clients."""


def remember(base_url: str | None, catalog: Catalog, now: float | None = None) -> None:
    """Store a catalogue for the whole process; see `CatalogCache.remember`."""
    SHARED.remember(base_url, catalog, now)


def loaded(base_url: str | None) -> Catalog | None:
    """The process's last catalogue of that server, however old, else `None`."""
    return SHARED.loaded(base_url)
