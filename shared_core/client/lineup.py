"""The targets of one client: from what its user wrote to the places that a call may go to.

Lives here: reading and checking `fallback`, `tiers`, `tier` and `routing`; what a target inherits from its client;
the targets of one call. Not here: when a call moves on (`policy.fallback`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared_core.client.checks import checked_bill_to, checked_headers, checked_url
from shared_core.errors import ConfigError
from shared_core.policy.fallback import Choice
from shared_core.policy.state import HEALTH, Health
from shared_core.routing import is_hugging_face, wire_model
from shared_core.routing.abilities import lacks, needs_of
from shared_core.routing.order import ROUTINGS, in_order
from shared_core.routing.passing_on import Skipped
from shared_core.types import Call, ModelRef, Routing, Target, TargetSpec, endpoint_in, origin_of

__all__ = ["Lineup", "Plan", "anchored", "checked_routing", "checked_targets", "resolved"]


@dataclass(frozen=True, slots=True)
class Lineup:
    """The targets besides the call's own, as they were written.

    Args:
        targets: The tier's, then the fallback's.
        routing: In which order they are asked.
    """

    targets: tuple[Target, ...]
    routing: Routing = "fallback"
    _last: list[tuple[Target, str, bool, Sequence[Target]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        fallback: Sequence[TargetSpec],
        tiers: Mapping[str, Sequence[TargetSpec]],
        tier: str | None,
        routing: Routing,
    ) -> Lineup:
        """The lineup that the settings mean.

        Raises:
            ConfigError: One of them cannot work.
        """
        known = {name: checked_targets(listed, f"tiers[{name!r}]") for name, listed in dict(tiers).items()}
        if tier is not None and tier not in known:
            raise ConfigError(
                f"There is no tier {tier!r}.",
                hint=f"There are {', '.join(known)}."
                if known
                else 'Pass tiers={"fast": ["org/name", ...], ...}.',
            )
        chosen = () if tier is None else known[tier]
        return cls((*chosen, *checked_targets(fallback, "fallback")), checked_routing(routing))

    def first_model(self, own_url: str) -> str | None:
        """The model of the first target, as its host calls it; None when it names none."""
        if not self.targets or not self.targets[0].model:
            return None
        return resolved(self.targets[0], Target(own_url), "").model

    def places(self, own: Target, model: str, *, own_too: bool = True) -> Sequence[Target]:
        """All targets, complete, each once.

        Args:
            own: The client's own host and account.
            model: The call's model, as it goes on the wire.
            own_too: Whether the call's own model is asked first; False where the user named none.
        """
        for (
            last
        ) in self._last:  # the same for most calls of a client; replaced as a whole, so that threads may
            if last[0] is own and last[1] == model and last[2] is own_too:
                return last[3]
        found = self._found(own, model, own_too=own_too)
        self._last[:] = [(own, model, own_too, found)]
        return found

    def _found(self, own: Target, model: str, *, own_too: bool) -> Sequence[Target]:
        places = [replace(own, model=model)] if own_too else []
        places += [resolved(target, own, model) for target in self.targets]
        once: dict[object, Target] = {}
        for place in places:
            once.setdefault(place.id, place)
        return tuple(once.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """The targets of a call: those that can do what it asks for, in the order of the routing.

    Args:
        lineup: The client's.
        own_too: Whether the call's own model is one of them.
        health: What was seen of each.
        draw: A random number in [0, 1).
    """

    lineup: Lineup
    own_too: bool = True
    health: Health = HEALTH
    draw: Callable[[], float] = random.random

    def __call__(self, call: Call) -> Choice:
        return self.among(call, self.lineup.places(call.target, call.request.model, own_too=self.own_too))

    def among(self, call: Call, places: Sequence[Target]) -> Choice:
        """The same for targets that are found already."""
        needs = needs_of(call.request) if len(places) > 1 else None
        able, skipped = places, []
        if needs:
            reasons = [(place, lacks(place, needs)) for place in places]
            able = [place for place, reason in reasons if not reason]
            skipped = [Skipped(place, f"known to be unfit: {reason}") for place, reason in reasons if reason]
            if not able:  # the catalogue may be wrong, and the hosts will say so themselves
                able, skipped = places, []
        if len(able) > 1 and self.lineup.routing != "fallback":
            able = in_order(
                self.lineup.routing, call, able, lambda target: self.health.figures(target.id), self.draw
            )
        return Choice(able, skipped)


def checked_targets(specs: Sequence[TargetSpec], argument: str) -> tuple[Target, ...]:
    """The targets that were written, each checked.

    Args:
        specs: As the user gave them.
        argument: What the user calls them.

    Raises:
        ConfigError: One is no target, or cannot work.
    """
    if isinstance(specs, str | Mapping) or not isinstance(specs, Sequence):
        raise ConfigError(
            f"{argument} must be a list of targets, not {specs!r}.",
            hint=f"A single one goes into a list: {argument}=[...].",
        )
    return tuple(_checked(Target.of(spec), argument) for spec in specs)


def anchored(target: Target, home: Target) -> Target:
    """A target that is at home though calls start elsewhere: with its host's address and account in it."""
    url = target.base_url or home.base_url
    if origin_of(url) != origin_of(home.base_url):
        return target
    key = home.key if target.key.source == "ambient" else target.key
    bill_to = target.bill_to or (home.bill_to if key == home.key else None)
    return replace(target, base_url=url, key=key, bill_to=bill_to, headers={**home.headers, **target.headers})


def checked_routing(routing: Routing) -> Routing:
    """A way of ordering targets.

    Raises:
        ConfigError: There is none of this name.
    """
    if callable(routing) or routing in ROUTINGS:
        return routing
    raise ConfigError(
        f"There is no routing {routing!r}.",
        hint=f"Choose one of {', '.join(ROUTINGS)}, or pass a function of the call and its targets.",
    )


def _checked(target: Target, argument: str) -> Target:
    url = checked_url(target.base_url, f"base_url in {argument}") if target.base_url else ""
    if target.model:
        wire_model(target.model, target.provider)
    elif not url and target.provider is None:
        raise ConfigError(f"A target in {argument} names neither a model nor a provider nor a base_url.")
    headers = checked_headers(target.headers, f"headers in {argument}")
    return replace(target, base_url=url, bill_to=checked_bill_to(target.bill_to), headers=headers)


def resolved(target: Target, own: Target, model: str) -> Target:
    """The target with what it takes over from the client, where it is on the client's own host."""
    url = target.base_url or own.base_url
    at_home = origin_of(url) == origin_of(own.base_url)
    key = own.key if at_home and target.key.source == "ambient" else target.key
    same_account = at_home and key == own.key
    return Target(
        url,
        key,
        target.bill_to or (own.bill_to if same_account else None),
        {**own.headers, **target.headers} if at_home else target.headers,
        _model_at(target, url, own.base_url, model),
        None,
        target.weight,
    )


def _model_at(target: Target, url: str, own_url: str, model: str) -> str:
    if target.model:
        return wire_model(target.model, target.provider)
    if endpoint_in(url):
        return url  # its own model, which is known when the endpoint has been found
    if not model:
        return ""
    if target.provider is not None:
        return wire_model(ModelRef.parse(model).repo, target.provider)
    # A provider's name means something to the router alone; elsewhere a colon belongs to the model's own name.
    return ModelRef.parse(model).repo if is_hugging_face(own_url) and not is_hugging_face(url) else model
