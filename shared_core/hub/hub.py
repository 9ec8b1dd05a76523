"""`Hub` and `AsyncHub`: questions about models, for threads and for event loops. One line a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Unpack

from shared_core.client import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError
from shared_core.flow import Flow, gather
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.hub.asking import catalog_and, model_page
from shared_core.hub.compare import Comparison, compared
from shared_core.hub.cost_report import CostReport, cost_report
from shared_core.hub.filters import SearchOptions, checked_limit, fitting
from shared_core.hub.joined import FoundModel, Usage, joined
from shared_core.hub.recommend import Recommendations, recommended
from shared_core.hub.search import SearchResult, search
from shared_core.types import ModelRef

if TYPE_CHECKING:
    from shared_core.client.vector_router import VectorRouter
    from shared_core.hub.endpoints import AsyncEndpoints, Endpoints

__all__ = ["AsyncHub", "Hub"]

_AT_ONCE = 8  # questions to the Hub at one time
_TASK = "text-generation"
_RANKED = 5  # models that a recommendation names
_CANDIDATES = 100  # models that are ranked


class Hub:
    """What the Hub and the router say of models. Answers are remembered for five minutes, for the whole process.

    Args:
        router: Whose Hub, catalogue and token; None is a client with its defaults.

    Example:
        >>> hub = Hub()
        >>> for model in hub.search_models(task="text-generation", capability=["tools"]):  # doctest: +SKIP
        ...     print(model.id, model.cheapest())
    """

    def __init__(self, router: HFRouter | None = None) -> None:
        self.router = router or HFRouter()

    @property
    def endpoints(self) -> Endpoints:
        """The dedicated endpoints of the same account."""
        from shared_core.hub.endpoints import Endpoints

        return Endpoints(self.router)

    def search_models(self, query: str | None = None, **options: Unpack[SearchOptions]) -> SearchResult:
        """Models of the Hub, with who serves them at what price.

        Args:
            query: Part of a name; None for any.
            options: What must hold; see `SearchOptions`.

        Raises:
            ConfigError: An argument cannot work.
            RouterError: The Hub did not answer, and nothing was remembered.
        """
        return BlockingRun(search(self.router, query, options), self.router._sender()).finish()

    def model_info(self, model: str) -> FoundModel:
        """One model: its card, and who serves it. A renamed one is found under its new name.

        Raises:
            ModelNotServed: There is no such model, or the token may not see it.
        """
        return BlockingRun(_info(self.router, model), self.router._sender()).finish()

    def compare_models(
        self, models: Sequence[str], usage: Usage | None = None, weights: Mapping[str, float] | None = None
    ) -> Comparison:
        """Models side by side, a row for each provider.

        Args:
            models: Ids; a suffix (`org/name:groq`) looks at that provider alone.
            usage: Tokens that costs are for, such as {"input": 1e6, "output": 2e5}; None is a million each.
            weights: What the overall order rests on, by "cost", "speed", "latency", "context"; None is the usual.

        Raises:
            ModelNotServed: One of them is not there.
            ConfigError: An argument cannot work.
        """
        return BlockingRun(_compare(self.router, models, usage, weights), self.router._sender()).finish()

    def recommend(
        self,
        *,
        prefer: str = "balanced",
        usage: Usage | None = None,
        **constraints: Unpack[SearchOptions],
    ) -> Recommendations:
        """Which model to take, with reasons and alternatives.

        Args:
            prefer: "balanced", "cost", "speed", or "quality", which goes by proxies that the reasons name.
            usage: As in `compare_models`.
            constraints: As in `search_models`; who is recommended fulfils them all alone. `task` is "text-generation"
                unless another is given; `limit` is how many are named.
        """
        flow = _recommend(self.router, prefer, usage, constraints)
        return BlockingRun(flow, self.router._sender()).finish()

    def cost_report(
        self, models: Sequence[str], tokens_per_month: Usage, machine_usd: Decimal | str | None = None
    ) -> CostReport:
        """What the same work costs in a month at each provider, and from when on a machine of one's own pays.

        The router's own `prices` go before the catalogue's, which lists chat models alone: give those of embedding
        models, to set them against embeddings on a machine of yours.

        Args:
            models: Ids, with or without a provider.
            tokens_per_month: By "input" and "output"; embeddings have no output.
            machine_usd: What such a machine costs a month; None leaves break-evens out.
        """
        flow = _cost_report(self.router, models, tokens_per_month, machine_usd)
        return BlockingRun(flow, self.router._sender()).finish()


class AsyncHub:
    """The same for event loops."""

    def __init__(self, router: AsyncHFRouter | None = None) -> None:
        self.router = router or AsyncHFRouter()

    @property
    def endpoints(self) -> AsyncEndpoints:
        """See `Hub.endpoints`."""
        from shared_core.hub.endpoints import AsyncEndpoints

        return AsyncEndpoints(self.router)

    async def search_models(self, query: str | None = None, **options: Unpack[SearchOptions]) -> SearchResult:
        """See `Hub.search_models`."""
        return await AsyncRun(search(self.router, query, options), self.router._sender()).finish()

    async def model_info(self, model: str) -> FoundModel:
        """See `Hub.model_info`."""
        return await AsyncRun(_info(self.router, model), self.router._sender()).finish()

    async def compare_models(
        self, models: Sequence[str], usage: Usage | None = None, weights: Mapping[str, float] | None = None
    ) -> Comparison:
        """See `Hub.compare_models`."""
        return await AsyncRun(_compare(self.router, models, usage, weights), self.router._sender()).finish()

    async def recommend(
        self,
        *,
        prefer: str = "balanced",
        usage: Usage | None = None,
        **constraints: Unpack[SearchOptions],
    ) -> Recommendations:
        """See `Hub.recommend`."""
        flow = _recommend(self.router, prefer, usage, constraints)
        return await AsyncRun(flow, self.router._sender()).finish()

    async def cost_report(
        self, models: Sequence[str], tokens_per_month: Usage, machine_usd: Decimal | str | None = None
    ) -> CostReport:
        """See `Hub.cost_report`."""
        flow = _cost_report(self.router, models, tokens_per_month, machine_usd)
        return await AsyncRun(flow, self.router._sender()).finish()


def _info(client: VectorRouter, model: str) -> Flow[FoundModel]:
    catalog, card = yield from catalog_and(client, model_page(client, _ref(model).repo))
    return joined([card], catalog)[0]


def _all(client: VectorRouter, models: Sequence[str]) -> Flow[list[tuple[FoundModel, str | None]]]:
    """Models by their ids, each with the provider that its suffix names."""
    if isinstance(models, str) or not isinstance(models, Iterable) or not models:
        raise ConfigError("There are no models to look at.", hint='Give a list of ids: ["org/name", ...].')
    refs = [_ref(model) for model in models]
    pages = gather([model_page(client, ref.repo) for ref in refs], at_once=_AT_ONCE)
    catalog, cards = yield from catalog_and(client, pages)
    return list(zip(joined(cards, catalog), (ref.provider for ref in refs), strict=True))


def _ref(model: object) -> ModelRef:
    if not isinstance(model, str):
        raise ConfigError(f"{model!r} is no model's id.", hint="Write it as on its page, `org/name`.")
    return ModelRef.parse(model)


def _compare(
    client: VectorRouter, models: Sequence[str], usage: Usage | None, weights: Mapping[str, float] | None
) -> Flow[Comparison]:
    return compared((yield from _all(client, models)), usage, weights)


def _recommend(
    client: VectorRouter, prefer: str, usage: Usage | None, constraints: SearchOptions
) -> Flow[Recommendations]:
    limit = checked_limit(constraints.get("limit", _RANKED))
    options: SearchOptions = {"task": _TASK, **constraints, "limit": _CANDIDATES, "served": True}
    found = yield from search(client, None, options)
    models = [fit for model in found.models if (fit := fitting(model, options)) is not None]
    return recommended(models, prefer, usage, limit)


def _cost_report(
    client: VectorRouter, models: Sequence[str], tokens: Usage, machine: Decimal | str | None
) -> Flow[CostReport]:
    found = yield from _all(client, models)
    kept = [model if provider is None else model.at(provider) for model, provider in found]
    return cost_report(kept, tokens, machine, client._exchange.costs.own_price)
