"""Questions to the Hub and to the router's catalogue: fetched side by side, by one for all who ask the same at the
same time, remembered for a while, stale rather than late or not at all.

Lives here: the flows. Not here: what is remembered (`memory`), what answers mean (`cards`, `search`).

These are flows over our own transports and not calls of huggingface_hub's `HfApi`, which has no asynchronous half: it
would hold up event loops or need a thread for each question, ends neither with a deadline nor when its task is
cancelled, and neither maps errors to ours nor keeps tokens out of them. What is sent are the same routes and
parameters (huggingface_hub 2.4.0, `hf_api.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

from shared_core.catalog import Catalog
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import (
    ConfigError,
    ConnectionLost,
    MalformedResponse,
    ModelNotServed,
    Overloaded,
    ProviderFailed,
    RateLimited,
    RouterError,
    TimedOut,
)
from shared_core.flow import Flow, gather
from shared_core.hub.cards import EXPAND, LIST_EXPAND, HubModel, parse_hub_model
from shared_core.hub.memory import ANSWERS
from shared_core.types import endpoint_in

__all__ = ["Listing", "catalog_and", "list_path", "model_page", "models_of", "more_of"]

T = TypeVar("T")

_PAGE = 100  # models asked for at one time; the Hub may give fewer
_HASTY = 1.5  # seconds to wait for a newer answer where one is known that is not
_OLD = 3600.0  # seconds old: then it is waited for, or a Hub that is always slow would never be read again
_PASSING = (ConnectionLost, MalformedResponse, Overloaded, ProviderFailed, RateLimited, TimedOut)
"""Troubles in which an old answer is better than none. A token that was withdrawn is none of them."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What of a list was read so far.

    Args:
        models: In the Hub's order.
        following: The path of the next page; "" at the end of the list.
        broken: Why the rest could not be had; None where it was not needed or is here.
    """

    models: tuple[HubModel, ...]
    following: str = ""
    broken: RouterError | None = None


def list_path(filters: Sequence[tuple[str, str]], most: int) -> str:
    """The path of a list's first page.

    Args:
        filters: Parameters of `/api/models`.
        most: How many models are wanted at most.
    """
    wanted = [*filters, *(("expand[]", name) for name in LIST_EXPAND), ("limit", str(min(most, _PAGE)))]
    return f"/api/models?{urlencode(wanted, errors='replace')}"  # half a character is in nobody's name


def models_of(client: VectorRouter, path: str) -> Flow[Listing]:
    """One page of the Hub's list of models.

    Args:
        client: Whose Hub, and whose token.
        path: From `list_path`, or what followed another page.
    """

    def read(payload: Any, following: str) -> Listing:
        if not isinstance(payload, list):
            raise MalformedResponse(
                f"The Hub's list of models is a JSON {type(payload).__name__}.", hint="Check `hub_url`."
            )
        models = tuple(model for row in payload if (model := parse_hub_model(row)) is not None)
        return Listing(models, following)

    return (yield from _remembered(client, path, "", read))


def more_of(
    client: VectorRouter,
    path: str,
    begun: Listing,
    most: int,
    enough: Callable[[Sequence[HubModel]], bool],
) -> Flow[Listing]:
    """A list, read on page by page: each names the next, so that they cannot be asked for side by side.

    What breaks off in the middle leaves what was read, with the reason.

    Args:
        client: As in `models_of`.
        path, begun: The first page's, and what stood there.
        most: How many models to read at most.
        enough: Whether no more are needed.
    """
    models = {model.id: model for model in begun.models}
    following, seen = begun.following, {"", path}
    broken = None
    # A page that leads back to an earlier one, or one that says nothing new, would be read on from for ever. The order
    # may change between two pages, so that a model comes twice.
    while following not in seen and len(models) < most and not enough([*models.values()]):
        seen.add(following)
        try:
            page = yield from models_of(client, following)
        except RouterError as error:
            broken = error
            break
        known = len(models)
        models |= {model.id: model for model in page.models}
        following = page.following
        if len(models) == known:
            break
    return Listing(tuple(models.values())[:most], following, broken)


def model_page(client: VectorRouter, name: str) -> Flow[HubModel]:
    """What the Hub says of one model; a renamed one is found under its new name.

    Raises:
        ConfigError: The name cannot be a model's.
        ModelNotServed: There is no such model, or the token may not see it.
    """
    parts = name.split("/")
    no_name = any(part.strip() in ("", ".", "..") for part in parts) or not name.isprintable()
    if len(parts) > 2 or no_name:  # no way to another route
        raise ConfigError(f"{name[:200]!r} is no model's id.", hint="Write it as on its page, `org/name`.")
    path = f"/api/models/{quote(name, safe='/')}?{urlencode([('expand[]', key) for key in EXPAND])}"

    def read(payload: Any, following: str) -> HubModel:  # noqa: ARG001
        model = parse_hub_model(payload)
        if model is None:
            raise ModelNotServed(f"The Hub's answer about {name!r} names no model.", hint="Check `hub_url`.")
        return model

    return (yield from _remembered(client, path, name, read))


def catalog_and(client: VectorRouter, question: Flow[T]) -> Flow[tuple[Catalog | None, T]]:
    """The catalogue and another answer, asked for at the same time. Without a catalogue there are no prices, and
    the rest still holds."""

    def catalog() -> Flow[Catalog | None]:
        if endpoint_in(client.base_url):  # which knows one model, and would be woken by the question
            return None
        try:
            return (yield from client._models(refresh=False, hasty=_HASTY))
        except RouterError:
            return None

    flows: list[Flow[Any]] = [catalog(), question]
    found = yield from gather(flows, at_once=2)
    return found[0], found[1]


def _remembered(client: VectorRouter, path: str, model: str, read: Callable[[Any, str], T]) -> Flow[T]:
    account = yield from client._account()
    key = (client.hub_url, account, path)
    known = cast("T | None", ANSWERS.fresh(key, time.time()))
    if known is not None:
        return known
    stale = cast("tuple[T, float] | None", ANSWERS.stale(key, time.time()))
    hasty = stale is not None and time.time() - stale[1] < _OLD
    try:
        page = yield from client._hub_page(
            path, model, key="\n".join(key).encode(), seconds=_HASTY if hasty else None
        )
        answer = read(*page)
    except RouterError as error:
        if stale is None or not isinstance(error, _PASSING):
            raise
        ANSWERS.failed(key, time.time())
        return stale[0]
    ANSWERS.keep(key, answer, time.time())
    return answer
