"""What keeps a client within bounds, and tells of its calls: from the arguments to the policies that they mean.

Lives here: which policies a client has besides retries and fallback. Not here: their order (`pipeline`), what they do
(`policy`), where they keep what they know (`policy.state`, `policy.stores`). What a client does not ask for is not
loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared_core.client.checks import checked_hedge, checked_tags
from shared_core.errors import ConfigError
from shared_core.types import SafeguardArguments

if TYPE_CHECKING:
    from shared_core.cache import ChatCache
    from shared_core.client.costing import Costing
    from shared_core.flow import Flow
    from shared_core.observe.events import Hook
    from shared_core.observe.ledger import Ledger
    from shared_core.policy import Policy
    from shared_core.policy.budget import WithinBudgets
    from shared_core.types import ApiKey, Call

__all__ = ["NONE", "Safeguards"]


@dataclass(frozen=True, slots=True)
class Safeguards:
    """The policies of one client.

    Args:
        arguments: What was given, for pickles.
        usage_tags: Whose usage every call is.
        hooks: Told of every call.
        whole: Around a chat call, or a batch of texts, whichever target answers: cache, single flight.
        per_route: Around all tries with one target: budgets.
        within: The one of them that keeps to budgets, which can be asked.
        per_try: Around each try, innermost: rate limits, concurrency.
        hedge: Whether a second target is asked beside a slow one, or after how many seconds.
        opened: A cache of answers that is this client's own to close.
        ledger: One of the hooks, which can be asked.
    """

    arguments: SafeguardArguments = field(default_factory=SafeguardArguments)
    usage_tags: Mapping[str, str] = field(default_factory=dict)
    hooks: tuple[Hook, ...] = ()
    whole: tuple[Policy, ...] = ()
    per_route: tuple[Policy, ...] = ()
    per_try: tuple[Policy, ...] = ()
    within: WithinBudgets | None = None
    hedge: bool | float = False
    opened: ChatCache | None = None
    ledger: Ledger | None = None

    @classmethod
    def of(
        cls, arguments: SafeguardArguments, token: Callable[[Call], Flow[ApiKey]], costs: Costing
    ) -> Safeguards:
        """The policies that these arguments mean.

        Args:
            arguments: As they were given.
            token: The token of a call's account.
            costs: Knows the prices.

        Raises:
            ConfigError: One of them cannot work.
        """
        if unknown := arguments.keys() - SafeguardArguments.__annotations__.keys():
            raise _unknown(min(unknown))
        given = arguments.get("chat_cache")
        if given is False:
            given = None
        # A store that is empty may count as false, and so does a limit of 0, which is a mistake to be told of.
        if given is None and arguments.get("concurrency") is None and not any(arguments.values()):
            return NONE
        hooks = tuple(arguments.get("hooks") or ())
        if not all(callable(hook) for hook in hooks):
            raise ConfigError("hooks must be a list of functions.", hint="Each is called with an event.")
        ledger = _ledger(arguments.get("ledger"))
        if ledger is not None:
            hooks = (*hooks, ledger)
            arguments = {**arguments, "ledger": ledger}  # so that copies write to the same
        if arguments.get("state") is not None:
            from shared_core.policy.stores.opening import open_state

            open_state(arguments["state"])  # which says whether it can be one, and connects to nothing yet
        whole: list[Policy] = []
        opened: ChatCache | None = None
        if given is not None:
            from shared_core.cache.chats import ChatCache

            cache = ChatCache.of(given)
            arguments = {**arguments, "chat_cache": cache}
            opened = None if cache is given else cache
            whole.append(_remember(cache, token))
        within = _within(arguments, token, costs)
        return cls(
            arguments,
            checked_tags(arguments.get("usage_tags")),
            hooks,
            tuple(whole),
            per_route=() if within is None else (within,),
            within=within,
            per_try=_per_try(arguments),
            hedge=checked_hedge(arguments.get("hedge") or False),
            opened=opened,
            ledger=ledger,
        )

    @property
    def writes_later(self) -> bool:
        """Whether something may be still to be written of calls that are over."""
        return self.ledger is not None or self.within is not None

    def write_now(self) -> None:
        """Writes it, and waits: workers that are forked end without Python's exit functions, which do it otherwise."""
        if self.ledger is not None:
            self.ledger.flush()
        if self.within is not None:
            self.within.store.flush()


def _within(
    arguments: SafeguardArguments, token: Callable[[Call], Flow[ApiKey]], costs: Costing
) -> WithinBudgets | None:
    budgets = arguments.get("budgets")
    if not budgets:
        return None
    from shared_core.client.budgeting import within_budgets

    return within_budgets(budgets, arguments.get("state"), token, costs, time.time)


def _remember(cache: ChatCache, token: Callable[[Call], Flow[ApiKey]]) -> Policy:
    from shared_core.policy.cache import Remember

    return Remember(cache, token)


def _per_try(arguments: SafeguardArguments) -> tuple[Policy, ...]:
    limits, concurrency = arguments.get("limits"), arguments.get("concurrency")
    if not limits and concurrency is None:
        return ()
    from shared_core.client.limiting import limiting

    return limiting(limits, concurrency, arguments.get("state"))


def _unknown(name: str) -> ConfigError:
    import difflib

    from shared_core.client.arguments import RouterArguments

    near = difflib.get_close_matches(name, RouterArguments.__annotations__, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "See the docstring of HFRouter for those there are."
    return ConfigError(f"A client has no argument {name!r}.", hint=hint)


def _ledger(wanted: Any) -> Ledger | None:
    if wanted is None or wanted is False:
        return None
    from shared_core.observe.ledger import open_ledger

    return open_ledger(wanted)


NONE = Safeguards()
