"""Questions to the Hub and to the router's catalogue: fetched side by side, remembered for a while, stale rather than
not at all.

Lives here: the flows, and the process's memory of answers. Not here: what the answers mean (`cards`, `search`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from shared_core._locks import new_lock
from shared_core.catalog import Catalog
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ModelNotServed, RouterError
from shared_core.flow import Flow, gather
from shared_core.hub.cards import EXPAND, HubModel, parse_hub_model

__all__ = ["ANSWERS", "Answers", "catalog_and", "model_page", "model_pages"]

T = TypeVar("T")

_FRESH = 300.0  # seconds
_KEPT = 512  # answers
_PAGE = 100  # models asked for at one time


class Answers(Generic[T]):
    """What was fetched, by question and account; safe from threads.

    Args:
        fresh: Seconds that an answer is given without asking again. Older ones are kept for when nobody answers.
        most: Answers that are kept.
    """

    def __init__(self, fresh: float = _FRESH, most: int = _KEPT) -> None:
        self._fresh, self._most = fresh, most
        self._kept: dict[tuple[str, ...], tuple[float, T]] = {}
        self._lock = new_lock()

    def fresh(self, key: tuple[str, ...], now: float) -> T | None:
        """The answer, while it is young. `now` is in unix seconds."""
        with self._lock:
            at, answer = self._kept.get(key, (0.0, None))
        return answer if answer is not None and 0 <= now - at < self._fresh else None

    def stale(self, key: tuple[str, ...]) -> T | None:
        """The answer, however old."""
        with self._lock:
            return self._kept.get(key, (0.0, None))[1]

    def keep(self, key: tuple[str, ...], answer: T, now: float) -> None:
        """Remembers an answer."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (now, answer)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._kept.clear()


ANSWERS: Answers[Any] = Answers()
"""The process's own."""


def model_pages(client: VectorRouter, filters: Sequence[tuple[str, str]], most: int) -> Flow[list[HubModel]]:
    """The Hub's list of models.

    Args:
        client: Whose Hub, and whose token.
        filters: Parameters of `/api/models`.
        most: How many to fetch, at most.
    """
    wanted = [*filters, *(("expand[]", name) for name in EXPAND), ("limit", str(min(most, _PAGE)))]
    path = f"/api/models?{urlencode(wanted)}"

    def fetch() -> Flow[list[HubModel]]:
        found: list[HubModel] = []
        following = path
        while following and len(found) < most:
            rows, following = yield from client._hub_page(following)
            found += [model for row in rows if (model := parse_hub_model(row)) is not None]
        return found[:most]

    return (yield from _remembered(client, ("list", path, str(most)), fetch))


def model_page(client: VectorRouter, name: str) -> Flow[HubModel]:
    """What the Hub says of one model; a renamed one is found under its new name.

    Raises:
        ModelNotServed: There is no such model, or the token may not see it.
    """
    path = f"/api/models/{quote(name, safe='/')}?{urlencode([('expand[]', key) for key in EXPAND])}"

    def fetch() -> Flow[HubModel]:
        payload, _ = yield from client._hub_page(path, name)
        model = parse_hub_model(payload)
        if model is None:
            raise ModelNotServed(f"The Hub's answer about {name!r} names no model.", hint="Check `hub_url`.")
        return model

    return (yield from _remembered(client, ("model", path), fetch))


def catalog_and(client: VectorRouter, question: Flow[T]) -> Flow[tuple[Catalog | None, T]]:
    """The catalogue and another answer, asked for at the same time. Without a catalogue there are no prices, and
    the rest still holds."""

    def catalog() -> Flow[Catalog | None]:
        try:
            return (yield from client._models(refresh=False))
        except RouterError:
            return None

    flows: list[Flow[Any]] = [catalog(), question]
    found = yield from gather(flows, at_once=2)
    return found[0], found[1]


def _remembered(client: VectorRouter, what: tuple[str, ...], fetch: Callable[[], Flow[T]]) -> Flow[T]:
    account = yield from client._account()
    key = (client.hub_url, blake2b(account.encode(), digest_size=16).hexdigest(), *what)
    known: T | None = ANSWERS.fresh(key, time.time())
    if known is not None:
        return known
    try:
        answer = yield from fetch()
    except RouterError as error:
        stale: T | None = ANSWERS.stale(key)
        # What is not there is no trouble that passes.
        if stale is None or isinstance(error, ModelNotServed):
            raise
        return stale
    ANSWERS.keep(key, answer, time.time())
    return answer
