"""One call of `embed`: each different text once, those that are known from the cache, the others in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from shared_core.cache import EmbeddingCache, VectorKeys, keep, through
from shared_core.client.batches import LESSONS
from shared_core.client.collected import Collected
from shared_core.client.costing import NOTHING_SENT, Costing
from shared_core.client.spread import Pace, Spread
from shared_core.client.vectors import cost_of_part
from shared_core.errors import RouterError
from shared_core.flow import Flow, offload
from shared_core.policy import Handler, Policy
from shared_core.policy.single_flight import SHARED
from shared_core.providers import Route
from shared_core.types import Call, EmbedReply, EmbedRequest, ReplyMeta
from shared_core.wire.embeddings import Embedded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Embedding", "Memory", "nothing_to_embed"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The cache, and the keys of one way of embedding.

    Args:
        cache: Where vectors are kept.
        keys: Makes the keys.
        prompt: What stands in front of each text and is part of `keys` already.
    """

    cache: EmbeddingCache
    keys: VectorKeys
    prompt: str

    def keys_of(self, texts: Sequence[str]) -> list[bytes]:
        """Keys of texts that have the prompt in front."""
        start = len(self.prompt)
        return self.keys.of(text[start:] for text in texts)


class Embedding:
    """One call, from its request for all texts to its reply.

    Args:
        call: The whole: its request holds every text, its waits the time limits.
        route: Where the texts go.
        exchange: One try with one batch.
        policies: Around each batch, report first.
        pace: How the list is sent.
        costs: Knows the prices.
        remember: The memory of what a route's host made before; None for no cache.
    """

    def __init__(
        self,
        call: Call,
        route: Route,
        exchange: Handler[tuple[Embedded, Mapping[str, str], Route]],
        policies: Sequence[Policy],
        pace: Pace,
        costs: Costing,
        remember: Callable[[Route], Memory] | None = None,
    ) -> None:
        asked = cast(EmbedRequest, call.request)
        first: dict[str, int] = {}  # where each different text stands in the caller's list
        for place, text in enumerate(asked.texts):
            first.setdefault(text, place)
        self._texts, self._places = list(first), list(first.values())
        self._row_at = dict(zip(self._places, range(len(first)), strict=True))
        self._asked, self._route, self._remember = asked, route, remember
        self._memory = None if remember is None else remember(route)
        self._answered_by = route
        self._recalled = 0
        self._call = replace(
            call, request=replace(asked, texts=self._texts, places=self._places, model=route.model)
        )
        self._ledger = Collected(len(first), pace.progress)
        self._exchange, self._policies, self._pace, self._costs = exchange, policies, pace, costs

    def run(self) -> Flow[EmbedReply]:
        """All texts to one array, in their order."""
        missing: Sequence[int] = range(len(self._texts))
        if self._memory is not None:
            missing = yield from self._recall(self._memory)
            self._recalled = len(self._texts) - len(missing)
        if missing:
            try:
                yield from self._spread().send(missing)
            except RouterError as error:
                self._say_how_far(error)
                raise
            finally:
                self._ledger.tell(self._call.progress)
        return self._reply()

    def _spread(self) -> Spread:
        """Not kept, since it refers to us: a circle would hold the vectors until the garbage collector comes."""
        route = self._route
        return Spread(
            self._call,
            self._policies,
            self._exchange,
            self._keep,
            self._ledger,
            route.limits,
            LESSONS.of(route.url, route.model),
            self._pace,
        )

    def _recall(self, memory: Memory) -> Flow[Sequence[int]]:
        """Enters what the cache knows; returns which texts it does not."""
        dimensions = self._asked.dimensions
        known = yield from offload(lambda: through(memory.cache, memory.keys_of(self._texts), dimensions))
        if len(known.vectors):
            missing = frozenset(known.missing)
            self._ledger.enter([row for row in range(len(self._texts)) if row not in missing], known.vectors)
        return known.missing

    def _keep(self, call: Call, answer: tuple[Embedded, Mapping[str, str], Route]) -> Flow[None]:
        embedded, headers, route = answer
        request, memory, notes = cast(EmbedRequest, call.request), self._memory, embedded.notes
        if route is not self._route:
            # Two hosts compute one model differently, so that each has keys of its own.
            memory = None if self._remember is None else self._remember(route)
            notes = (
                *notes,
                *route.notes,
                f"Some texts were embedded at {route.root} in place of {self._route.root}.",
            )
            self._answered_by = route
        self._ledger.enter([self._row_at[place] for place in request.places], embedded.vectors)
        cost = cost_of_part(self._costs, self._asked, route, call, embedded.usage, headers)
        if embedded.shared:
            cost = SHARED
        if besides := call.progress.besides:
            cost, notes = cost.noted(besides), (*notes, f"{besides[0].upper()}{besides[1:]}.")
        self._ledger.note(call, headers, embedded.model, embedded.usage, notes, cost)
        if memory is not None:
            yield from offload(lambda: keep(memory.cache, memory.keys_of(request.texts), embedded.vectors))

    def _say_how_far(self, error: RouterError) -> None:
        done, total = self._ledger.done, len(self._texts)
        if not done:
            return
        if self._memory is None:
            fate = "had their vectors, which are lost: with `embedding_cache` the same call would go on from there."
        else:
            fate = "have their vectors, which are in the cache: the same call goes on from there."
        error.hint = f"{error.hint} {done:,} of {total:,} texts {fate}".lstrip()

    def _reply(self) -> EmbedReply:
        vectors = cast("NDArray[np.float32]", self._ledger.rows)
        if len(self._texts) < len(self._asked.texts):
            row_of = dict(zip(self._texts, range(len(self._texts)), strict=True))
            vectors = vectors[[row_of[text] for text in self._asked.texts]]
        waits, progress = self._call.waits, self._call.progress
        return EmbedReply(
            vectors,
            self._ledger.usage,
            self._ledger.meta(self._answered_by, waits.now() - progress.started),
            notes=(*self._route.notes, *self._ledger.notes),
            recalled=self._recalled,
        )


def nothing_to_embed(request: EmbedRequest, url: str) -> EmbedReply:
    """The reply to an empty list, for which nobody is asked: the length of the vectors is 0 unless it was chosen."""
    import numpy as np

    empty = np.empty((0, request.dimensions or 0), dtype=np.float32)
    return EmbedReply(empty, None, ReplyMeta(request.model, attempts=0, url=url, cost=NOTHING_SENT))
