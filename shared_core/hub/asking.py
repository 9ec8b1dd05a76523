"""Questions to the Hub and to the router's catalogue: fetched side by side, remembered for a while, stale rather than
not at all.

Lives here: the flows. Not here: what the answers mean (`cards`, `search`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from shared_core.catalog import Catalog
from shared_core.client.remembered import Answers, digest_of
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ModelNotServed, RouterError
from shared_core.flow import Flow, gather
from shared_core.hub.cards import EXPAND, HubModel, parse_hub_model
from shared_core.types import endpoint_in

__all__ = ["ANSWERS", "catalog_and", "model_page", "model_pages"]

T = TypeVar("T")

_PAGE = 100  # models asked for at one time


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
        if endpoint_in(client.base_url):  # which knows one model, and would be woken by the question
            return None
        try:
            return (yield from client._models(refresh=False))
        except RouterError:
            return None

    flows: list[Flow[Any]] = [catalog(), question]
    found = yield from gather(flows, at_once=2)
    return found[0], found[1]


def _remembered(client: VectorRouter, what: tuple[str, ...], fetch: Callable[[], Flow[T]]) -> Flow[T]:
    account = yield from client._account()
    key = (client.hub_url, digest_of(account), *what)
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
