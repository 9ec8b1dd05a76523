"""One call of `rerank`: the documents in batches, each scored against the same query, and the best of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from shared_core.client.batches import LESSONS, size_of
from shared_core.client.collected import Collected
from shared_core.client.costing import NOTHING_SENT
from shared_core.client.exchange import Exchange
from shared_core.client.spread import Pace, Spread
from shared_core.client.vectors import RerankExchange, cost_of_part
from shared_core.flow import Flow
from shared_core.policy import Policy
from shared_core.providers import Route
from shared_core.types import Call, ReplyMeta, RerankReply, RerankRequest
from shared_core.wire.rerank import Ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Reranking", "nothing_to_rerank"]


class Reranking:
    """One call, from its request for all documents to its reply.

    Args:
        call: The whole: its request holds every document, its waits the time limits.
        route: Where they go.
        exchange: Sends.
        policies: Around each batch, report first.
        pace: How the list is sent.
        top_n: How many of the best are named; None for all.
    """

    def __init__(
        self,
        call: Call,
        route: Route,
        exchange: Exchange,
        policies: Sequence[Policy],
        pace: Pace,
        top_n: int | None,
    ) -> None:
        self._asked = cast(RerankRequest, call.request)
        request = replace(self._asked, model=route.model)
        self._call, self._route, self._top_n = replace(call, request=request), route, top_n
        self._documents = len(request.texts)
        self._ledger = Collected(self._documents, pace.progress)
        self._exchange, self._policies, self._pace = exchange, policies, pace

    def run(self) -> Flow[RerankReply]:
        """Scores of all documents, and which are the best."""
        try:
            yield from self._spread().send(range(self._documents))
        finally:
            self._ledger.tell(self._call.progress)
        scores = cast("NDArray[np.float32]", self._ledger.rows)
        waits, progress = self._call.waits, self._call.progress
        meta = self._ledger.meta(self._route, waits.now() - progress.started)
        return RerankReply(scores, _best(scores, self._top_n), self._ledger.usage, meta)

    def _spread(self) -> Spread:
        route, query = self._route, cast(RerankRequest, self._call.request).query
        room = max(1, route.limits.size - size_of(query))  # the query stands in each request
        return Spread(
            self._call,
            self._policies,
            RerankExchange(self._exchange, route),
            self._keep,
            self._ledger,
            replace(route.limits, size=room),
            LESSONS.of(route.url, route.model),
            self._pace,
        )

    def _keep(self, call: Call, answer: tuple[Ranked, Mapping[str, str]]) -> Flow[None]:
        ranked, headers = answer
        self._ledger.enter(cast(RerankRequest, call.request).places, ranked.scores)
        cost = cost_of_part(self._exchange.costs, self._asked, self._route, call, ranked.usage, headers)
        self._ledger.note(call, headers, ranked.model, ranked.usage, (), cost)
        yield from ()


def nothing_to_rerank(model: str, url: str) -> RerankReply:
    """The reply to an empty list, for which nobody is asked."""
    import numpy as np

    meta = ReplyMeta(model, attempts=0, url=url, cost=NOTHING_SENT)
    return RerankReply(np.empty(0, np.float32), np.empty(0, np.int64), None, meta)


def _best(scores: NDArray[np.float32], top_n: int | None) -> NDArray[np.int64]:
    import numpy as np

    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:top_n].astype(np.int64)
    return order
