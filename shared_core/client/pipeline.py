"""The order of the policies, outermost first, and why.

[record ▸] report ▸ whole ▸ [share ▸] [hedge ▸] fallback
    ▸ per route ▸ retry ▸ [share ▸] watch ▸ wait_for_model ▸ per try ▸ locate ▸ exchange

- record outside all, once around what a user calls, however many requests that is; so it is no part of the stack.
- report outside the rest: an error is completed once, when nothing more will be tried.
- whole (single flight ▸ cache) outside fallback: what is remembered costs no budget and no slot.
- hedge around fallback, whose targets it shares out; inside what calls share: one second request for all.
- fallback outside retry: how often one target is tried depends on whether others are left.
- per route (budget) inside fallback, since a price belongs to a route; outside retry: one reservation a route.
- share outside fallback: what other workers know of targets matters before one is chosen.
- retry outside watch: the health of a target is made of its tries.
- share once more, right around watch: what a try has shown is told before anything else is done.
- retry outside wait_for_model: waiting for a model that loads uses up no retry.
- per try (rate limit ▸ concurrency) inside all of them: each try takes a slot anew, and no slot is held by who waits.
- locate inside all of them: a dedicated endpoint goes by its name, also where it cannot be found.

Without other targets there is neither fallback nor watch, and without `state` no sharing; without `safeguards`,
nothing of what they add.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from shared_core.client.safeguards import NONE, Safeguards
from shared_core.flow import Flow
from shared_core.policy import Handler, Policy
from shared_core.policy.locate import Finder, Locate
from shared_core.policy.report import Report
from shared_core.policy.retry import Retry
from shared_core.policy.state import HEALTH, Health
from shared_core.policy.wait_for_model import WaitForModel
from shared_core.routing import ENDPOINTS_URL, HUB_URL
from shared_core.types import Call

if TYPE_CHECKING:
    from shared_core.client.costing import Costing
    from shared_core.client.exchange import Exchange
    from shared_core.policy.fallback import Fallback
    from shared_core.policy.stores.shared_health import SharedHealth

__all__ = ["locating", "policies", "run_through"]

T = TypeVar("T")


def policies(
    *,
    max_retries: int,
    patience: float,
    paid: bool = False,
    fallback: Fallback | None = None,
    safeguards: Safeguards = NONE,
    whole: bool = False,
    costs: Costing | None = None,
    locate: Locate | None = None,
) -> tuple[Policy, ...]:
    """The stack for one client; a policy that cannot act is left out.

    Args:
        max_retries: How often a transient failure is tried again.
        patience: Seconds to wait for a model that loads.
        paid: Whether each time it is done costs money, so that it is never done twice.
        fallback: How to go on to other targets; None where there are none.
        safeguards: What else the client asked for.
        whole: Whether what is asked may be remembered and shared: chats and vectors.
        costs: Knows the prices, where `hedge` is to say what a second request would cost.
        locate: Finds dedicated endpoints; None where no target can be one.
    """
    health = fallback.health if fallback else HEALTH
    share = _shares(health) if health.is_shared else ()
    return (
        Report(),
        *(safeguards.whole if whole else ()),
        *share,
        *((_hedged(fallback, safeguards.hedge, costs) if whole else fallback,) if fallback else ()),
        *safeguards.per_route,
        *((Retry(attempts=max_retries + 1, only_unsent=paid, health=health),) if max_retries else ()),
        *share,
        *(_watches(health) if fallback else ()),
        *((WaitForModel(patience),) if patience else ()),
        *safeguards.per_try,
        *((locate,) if locate else ()),
    )


def locating(exchange: Exchange, hub_url: str | None, endpoints_url: str | None, max_retries: int) -> Locate:
    """The policy that finds dedicated endpoints.

    Args:
        exchange: Sends its questions.
        hub_url: The Hub; None is huggingface.co.
        endpoints_url: The API of endpoints; None is Hugging Face's.
        max_retries: How often a question is tried again.
    """

    def finder() -> Finder:
        from shared_core.client.locating import EndpointFinder

        return EndpointFinder(exchange, hub_url or HUB_URL, endpoints_url or ENDPOINTS_URL, max_retries)

    return Locate(finder)


def _hedged(fallback: Fallback, hedge: bool | float, costs: Costing | None) -> Policy:
    if not hedge:
        return fallback
    from shared_core.policy.hedge import Hedge

    price = None if costs is None else costs.of_tokens
    return Hedge(fallback, None if hedge is True else hedge, price=price)


def _watches(health: Health) -> tuple[Policy, ...]:
    from shared_core.policy.watch import Watch

    return (Watch(health),)


def _shares(health: Health) -> tuple[Policy, ...]:
    from shared_core.policy.share import Share

    return (Share(cast("SharedHealth", health)),)


def run_through(stack: Sequence[Policy], call: Call, exchange: Handler[T]) -> Flow[T]:
    """The exchange inside its policies."""
    handler = exchange
    for policy in reversed(stack):
        handler = functools.partial(policy, inner=handler)
    return handler(call)
