"""One try with one batch of texts at whichever target the fallback policy has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared_core.client.batches import LESSONS
from shared_core.client.exchange import Exchange
from shared_core.client.vectors import EmbedExchange, check_place
from shared_core.flow import Flow
from shared_core.providers import Route
from shared_core.types import Call, EmbedRequest, Target, Waits
from shared_core.wire.embeddings import Embedded

__all__ = ["Detour"]


@dataclass(frozen=True, slots=True)
class Detour:
    """Finds the route to a target when it is first asked: most calls never need the others'.

    Args:
        exchange: Sends, with the token for the target.
        find: The route to a target.
        known: The tries at targets whose route is known, by the target's id. Threads may find one twice, which
            costs a look-up in memory.
    """

    exchange: Exchange
    find: Callable[[Target, Waits], Flow[Route]]
    known: dict[Any, EmbedExchange] = field(default_factory=dict)

    def __call__(self, call: Call) -> Flow[tuple[Embedded, Mapping[str, str], Route]]:
        """One try; what it gives is `EmbedExchange`'s."""
        assert isinstance(call.request, EmbedRequest)
        # An endpoint is at an address of its own by now; what was chosen is its name.
        chosen = call.target.id if call.turn is None else call.turn.key
        send = self.known.get(chosen)
        if send is None:
            route = yield from self.find(call.target, call.waits)
            send = self.known[chosen] = EmbedExchange(
                self.exchange, route, LESSONS.of(route.url, route.model)
            )
        check_place(send.route, call)
        # Each place has a name of its own for the model.
        request = replace(call.request, model=send.route.model)
        target = replace(call.target, base_url=send.route.root)
        return (yield from send(replace(call, request=request, target=target)))
