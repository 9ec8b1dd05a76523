"""Send no more in a minute than may be sent: the rate limit policy.

Lives here: what a call uses of which limits, and what is said when its turn comes too late. Not here: how it waits
(`turnstile`), how much is used (`state.buckets`, `stores`), who is next (`state.line`).

A call whose turn would come after its deadline is refused at once, before it has waited. Where other targets could
take it, it waits for this one no longer than a moment. A provider's own `Retry-After` holds for all calls to the same
model and account, not for the one alone that was told.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from shared_core.errors import LimitReached, RateLimited
from shared_core.flow import Flow
from shared_core.policy import Handler
from shared_core.policy.scopes import digest, is_meant, value_of
from shared_core.policy.state.buckets import Charge
from shared_core.policy.tokens import tokens_before, tokens_used
from shared_core.policy.turnstile import Late, Turnstile
from shared_core.types import TAG, Call, Limit, LookupRequest

__all__ = ["RateLimit", "end_of_patience", "in_seconds"]

T = TypeVar("T")

_PATIENCE_WITH_OTHERS = 1.0  # seconds that a call waits while another target could take it
_LONGEST_PAUSE = 3600.0  # seconds for which a provider's wish is heeded
_MOST_KNOWN = 4096


class _Meter(NamedTuple):
    """One count of one limit. A pause, which a provider sets, has no limit."""

    limit: Limit | None
    value: str
    key: str


class _Meters(NamedTuple):
    """What the calls to one place use.

    Args:
        each: The counts.
        charges: One for each, for a call of no tokens.
        tokens: Which of them count tokens, by their place, and the seconds in which one token comes free again.
    """

    each: Sequence[_Meter]
    charges: Sequence[Charge]
    tokens: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Lets each try through when all limits that it falls under have room.

    Args:
        limits: The user's.
        turnstile: Where it waits.
    """

    limits: tuple[Limit, ...]
    turnstile: Turnstile
    _known: dict[Hashable, _Meters] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        if isinstance(call.request, LookupRequest):
            return (yield from inner(call))
        meters, now = self._meters(call), call.waits.now()
        guess, charges = _use(call, meters)
        if not self.turnstile.is_open(charges, now):
            yield from self._wait(call, meters, charges)
            now = call.waits.now()
        free_at = {place: self._free_at(charges[place], now) for place in meters.tokens} if guess else {}
        try:
            result = yield from inner(call)
        except RateLimited as error:
            if isinstance(error, LimitReached):  # nothing was sent
                yield from self._give_back(_unspent(charges, call.waits.now() - now), call)
            else:
                yield from self._give_back(_unused(meters, charges, guess, free_at, call.waits.now()), call)
                yield from self._pause(call, meters, error)
            raise
        used = tokens_used(result) if meters.tokens else None
        if used is not None and used > guess:
            more = [_of_tokens(meters, place, used - guess) for place in meters.tokens]
            yield from self.turnstile.correct(more, call.waits.now())
        elif used is not None and used < guess:
            surplus = _unused(meters, charges, guess - used, free_at, call.waits.now())
            yield from self._give_back(surplus, call)
        return result

    def pass_again(self, call: Call, held_up: float) -> Flow[None]:
        """Takes the turn anew, for a call that was not sent when it had passed: many that were held up together would
        go out together.

        Args:
            call: Who.
            held_up: Seconds since it passed.
        """
        meters = self._meters(call)
        _, charges = _use(call, meters)
        unspent = _unspent(charges, held_up)
        yield from self._give_back(unspent, call)
        try:
            yield from self._wait(call, meters, charges)
        except RateLimited:  # `__call__` gives back what is left
            if unspent:
                again = [each._replace(cost=-each.cost) for each in unspent]
                yield from self.turnstile.correct(again, call.waits.now())
            raise

    def _give_back(self, charges: Sequence[Charge], call: Call) -> Flow[None]:
        if charges:
            yield from self.turnstile.correct(charges, call.waits.now())

    def _wait(self, call: Call, meters: _Meters, charges: Sequence[Charge]) -> Flow[None]:
        waits, started = call.waits, call.waits.now()
        by_key = {meter.key: meter for meter in meters.each}

        def until(key: str) -> float:
            return end_of_patience(call, started, passes_on=_passes_on(by_key[key]))

        try:
            late = yield from self.turnstile.passed(charges, waits.now, until)
        finally:
            call.progress.waited += waits.now() - started
        if late is not None:
            raise _reached(by_key[late.key], late, waits.until_deadline())

    def _free_at(self, charge: Charge, now: float) -> float:
        return now + self.turnstile.buckets.used(charge.key, now)

    def _pause(self, call: Call, meters: _Meters, error: RateLimited) -> Flow[None]:
        """Keeps all from asking before the provider wants to be asked."""
        if error.retry_after:
            seconds = min(error.retry_after, _LONGEST_PAUSE)
            yield from self.turnstile.close(meters.each[-1].key, seconds, call.waits.now())

    def _meters(self, call: Call) -> _Meters:
        target = call.target
        place = (
            target.base_url,
            call.request.model,
            target.provider,
            target.key,
            target.bill_to,
            *call.usage_tags.items(),
        )
        meters = self._known.get(place)
        if meters is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            meters = self._known[place] = self._new_meters(call)
        return meters

    def _new_meters(self, call: Call) -> _Meters:
        each = [
            _Meter(limit, value, digest(f"{limit!r} {value}"))
            for limit in self.limits
            if is_meant(limit.only, limit.of, value := value_of(limit.of, call))
        ]
        model = value_of("model", call)
        each.append(_Meter(None, model, digest(f"pause {value_of('key', call)} {model}")))
        tokens = {
            place: meter.limit.seconds_each
            for place, meter in enumerate(each)
            if meter.limit is not None and meter.limit.tokens
        }
        return _Meters(each, [_charge(meter) for meter in each], tokens)


def end_of_patience(call: Call, started: float, *, passes_on: bool) -> float:
    """When it is no longer worth waiting for a limit.

    Args:
        call: Who waits.
        started: Since when.
        passes_on: Whether other targets may not fall under it.
    """
    others = call.turn is not None and call.turn.tries is not None
    deadline = call.waits.deadline
    if call.progress.hurried:
        return started
    return min(deadline, started + _PATIENCE_WITH_OTHERS) if others and passes_on else deadline


def in_seconds(seconds: float) -> str:
    """A time in words.

    Example:
        >>> in_seconds(3599.6), in_seconds(2.512)
        ('3,600 s', '2.51 s')
    """
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def _use(call: Call, meters: _Meters) -> tuple[int, Sequence[Charge]]:
    """The tokens that a call is guessed to use, and all that it will be charged."""
    guess = tokens_before(call.request) if meters.tokens else 0
    if not guess:
        return 0, meters.charges
    charges = list(meters.charges)
    for place in meters.tokens:
        charges[place] = _of_tokens(meters, place, guess)
    return guess, charges


def _unspent(charges: Sequence[Charge], seconds: float) -> Sequence[Charge]:
    """What may be given back of charges that are so old: time has freed the rest, and others may use that by now."""
    return [each._replace(cost=seconds - each.cost) for each in charges if each.cost > seconds]


def _unused(
    meters: _Meters, charges: Sequence[Charge], tokens: int, free_at: Mapping[int, float], now: float
) -> Sequence[Charge]:
    """What may be given back of tokens that were charged and not used.

    Args:
        meters: The counts.
        charges: What was charged.
        tokens: How many were not used.
        free_at: When time has freed each of the charges for tokens.
        now: The time.
    """
    given = []
    for place, at in free_at.items():
        key, cost, depth = charges[place]
        seconds = min(tokens * meters.tokens[place], cost, at - now)
        if seconds > 0:
            given.append(Charge(key, -seconds, depth))
    return given


def _charge(meter: _Meter) -> Charge:
    limit = meter.limit
    if limit is None:
        return Charge(meter.key, 0.0, 0.0)
    each = limit.seconds_each
    return Charge(meter.key, 0.0 if limit.tokens else each, limit.at_once * each)


def _of_tokens(meters: _Meters, place: int, tokens: int) -> Charge:
    """What so many tokens are charged at the meter in this place."""
    key, _, depth = meters.charges[place]
    return Charge(key, tokens * meters.tokens[place], depth)


def _passes_on(meter: _Meter) -> bool:
    """Whether another target may have room."""
    return meter.limit is None or not (meter.limit.of == "all" or meter.limit.of.startswith(TAG))


def _reached(meter: _Meter, late: Late, left: float) -> LimitReached:
    limit = meter.limit
    if limit is None:
        what = f"{meter.value} asked for a pause that lasts {in_seconds(late.seconds)} more"
        hint = "Wait, or name other targets with `fallback`."
    else:
        whom = f" ({limit.of.removeprefix(TAG)} {meter.value})" if limit.of not in ("all", "key") else ""
        what = f"The limit of {limit}{whom} would let this call pass in {in_seconds(late.seconds)}"
        hint = ""
    if late.seconds < left:
        when = "other targets can be asked sooner"
    else:
        when = f"its time is up in {in_seconds(left)}" if left > 0 else "its time is up"
    return LimitReached(
        f"{what}, and {when}. Nothing was sent.",
        hint=hint,
        retry_after=late.seconds,
        reactions=None if _passes_on(meter) else (),
    )
