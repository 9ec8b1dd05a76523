"""The ways that the calls of one client with several targets can go: its pipeline with the fallback policy in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared_core.client.costing import Costing
from shared_core.client.lineup import Lineup, Plan, anchored, checked_targets
from shared_core.client.pipeline import policies
from shared_core.client.safeguards import Safeguards
from shared_core.client.settings import Keyring
from shared_core.errors import ConfigError, Unauthorized
from shared_core.policy import Policy
from shared_core.policy.fallback import Choice, Fallback
from shared_core.policy.locate import Locate
from shared_core.policy.state import HEALTH, Health
from shared_core.routing import ROUTER_URL
from shared_core.types import Call, ModelRef, Target, TargetSpec, endpoint_in

if TYPE_CHECKING:
    from shared_core.client.base import RouterBase

__all__ = ["Ways"]


@dataclass(frozen=True, slots=True)
class Ways:
    """Made once for a client.

    Args:
        lineup: The targets besides the client's own.
        max_retries: How often a transient failure is tried again.
        patience: Seconds to wait for a model that loads.
        with_own: The pipeline of calls whose own model is asked too.
        without_own: The pipeline of calls that name none.
        safeguards: What else the client asked for.
        costs: Knows the prices.
        health: What is known of targets: the process's own, or shared with other workers (`state`).
        locate: Finds dedicated endpoints.
    """

    lineup: Lineup
    max_retries: int
    patience: float
    with_own: Sequence[Policy]
    without_own: Sequence[Policy]
    safeguards: Safeguards
    costs: Costing
    health: Health
    locate: Locate

    @classmethod
    def of(cls, client: RouterBase) -> Ways:
        """The ways that a client's settings mean.

        Raises:
            ConfigError: One of them cannot work.
        """
        fallback, tiers = _at_the_router(client)
        lineup = Lineup.of(fallback, tiers, client.tier, client.routing)
        costs = client._exchange.costs
        health = _health(client._safeguards.arguments.get("state"))

        def stack(*, own_too: bool) -> Sequence[Policy]:
            plan = Plan(lineup, own_too, health)
            fallback = Fallback(plan, continue_elsewhere=client.continue_elsewhere, health=health)
            return policies(
                max_retries=client.max_retries,
                patience=client._patience,
                fallback=fallback,
                safeguards=client._safeguards,
                whole=True,
                costs=costs,
                locate=client._locate,
            )

        with_own, without = stack(own_too=True), stack(own_too=False)
        return cls(
            lineup,
            client.max_retries,
            client._patience,
            with_own,
            without,
            client._safeguards,
            costs,
            health,
            client._locate,
        )

    def stack(self, *, own_too: bool) -> Sequence[Policy]:
        """The pipeline of a chat call.

        Args:
            own_too: Whether the call, or the client, names a model.
        """
        return self.with_own if own_too or not self.lineup.targets else self.without_own

    def first_model(self, own_url: str) -> str | None:
        """The model that stands for a call which names none."""
        return self.lineup.first_model(own_url)

    def places(self, own: Target, model: str) -> Sequence[Target]:
        """All targets of a call that names, or does not name, its model.

        Args:
            own: The client's host and account.
            model: The model on the wire; "" where the host has but one, or none is named.
        """
        return self.lineup.places(own, model)

    def of_same_model(self, own: Target, model: str) -> list[Target]:
        """Targets whose vectors can stand beside the call's own: those of the same model."""
        repo = ModelRef.parse(model).repo
        return [
            place
            for place in self.places(own, model)
            if not place.model or ModelRef.parse(place.model).repo.lower() == repo.lower()
        ]

    def among(self, places: Sequence[Target]) -> Callable[[Call], Choice]:
        """The plan of calls whose targets are found already."""
        plan = Plan(self.lineup, health=self.health)
        return lambda call: plan.among(call, places)

    def around(
        self, plan: Callable[[Call], Choice], *, paid: bool = False, whole: bool = False
    ) -> Sequence[Policy]:
        """A pipeline for a task.

        Args:
            plan: The targets.
            paid: Whether each time it is done costs money.
            whole: As for `policies`.
        """
        return policies(
            max_retries=self.max_retries,
            patience=self.patience,
            paid=paid,
            fallback=Fallback(plan, only_unsent=paid, health=self.health),
            safeguards=self.safeguards,
            whole=whole,
            costs=self.costs,
            locate=self.locate,
        )


def _at_the_router(
    client: RouterBase,
) -> tuple[Sequence[TargetSpec], Mapping[str, Sequence[TargetSpec]]]:
    """The targets that were written. Beside an endpoint, which serves one model, those without a host are the
    router's.

    Raises:
        ConfigError: One names no model, and the client none either.
    """
    home = client._base_url or ""
    if not endpoint_in(home):
        return client.fallback, client.tiers

    def there(specs: Sequence[TargetSpec], argument: str) -> list[TargetSpec]:
        targets = checked_targets(specs, argument)
        for target in targets:
            if not target.model and not endpoint_in(target.base_url) and client.model == home:
                raise ConfigError(
                    f"A target in {argument} names no model, and what the endpoint serves is not known yet.",
                    hint="Name the model of each target.",
                )
        return [anchored(target, Target(ROUTER_URL, client._key)) for target in targets]

    tiers = {name: there(listed, f"tiers[{name!r}]") for name, listed in client.tiers.items()}
    return there(client.fallback, "fallback"), tiers


def _health(state: Any) -> Health:
    """What is known of targets, for a client with this `state`."""
    if state is None:
        return HEALTH
    from shared_core.policy.stores.shared_health import shared_health

    return shared_health(state, _ambient_token)


def _ambient_token() -> str:
    """Whose account it is where a target names no token of its own."""
    try:
        return Keyring().find().reveal()
    except Unauthorized:
        return ""
