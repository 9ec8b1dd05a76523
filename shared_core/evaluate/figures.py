"""What several answers come to: how many, how long, how many tokens, what they cost, why others failed.

Lives here: sums and percentiles. Pure. Not here: who is best (`comparing.standing`).

A percentile is the nearest rank: p95 of n values is the ceil(0.95 n)-th smallest, a time that was really measured. Of
fewer than 20 values it is the largest, so that figures carry their n.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, NamedTuple, Self

from shared_core.evaluate.answers import Answer
from shared_core.evaluate.running import Asked
from shared_core.types import Cost
from shared_core.types.cost import EXACT, plain

__all__ = ["Failure", "Figures", "Spread", "percentile"]

_SHARES = Context(prec=28)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that at least this share of all does not exceed.

    Args:
        values: At least one.
        share: From 0 to 1.

    Example:
        >>> percentile([3.0, 1.0, 2.0], 0.5), percentile([3.0, 1.0, 2.0], 0.95)
        (2.0, 3.0)
    """
    ordered = sorted(values)
    # The share of n is rounded first: 0.95 * 20 must be 19, whatever the binary fraction says.
    return ordered[max(0, math.ceil(round(share * len(ordered), 9)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """How some values are spread.

    Args:
        n: How many there are.
        least, p50, p95, most: Of them; see the head of this module.

    Example:
        >>> Spread.of([0.5, 0.1, 0.3])
        Spread(n=3, least=0.1, p50=0.3, p95=0.5, most=0.5)
    """

    n: int
    least: float
    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Self | None:
        """The spread of those that are known; None where none is."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return cls(len(known), min(known), percentile(known, 0.5), percentile(known, 0.95), max(known))


class Failure(NamedTuple):
    """Failures of one kind.

    Args:
        kind: Such as "RateLimited".
        times: How many.
        example: What one of them said.
        hint: What to do about that one.
    """

    kind: str
    times: int
    example: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What some answers come to. Times, tokens and costs are those of answers, not of failures.

    Args:
        answered, failed, not_asked: How many; of those who were not asked no budget covered the call.
        kept: How many of the answers are of an earlier run, times and costs included.
        latency: Seconds to the complete answer.
        first_token: Seconds to the first content, of answers that came in pieces.
        throughput: Tokens a second after the first.
        prompt_tokens, completion_tokens: Read and written, of answers that say so.
        unknown_tokens: How many answers do not.
        known_cost: US dollars of those whose cost is known; None where none is.
        unknown_costs: How many answers' cost is not known.
        bases: How costs are known, such as "price list of 2026-08-22", and what else is to be said of them: of how
            many answers.
        spent: US dollars of the known costs that are of this run.
        failures: By kind, the most frequent first.
        refusals: Those who were not asked, by what would help; the most frequent first.
        providers: How many answers are whose; "" where nobody says.
        served_as: How many answers are of which model, in the providers' words: with `fallback`, it may be another.
        finishes: How many answers ended why.
    """

    answered: int
    failed: int
    not_asked: int
    kept: int
    latency: Spread | None
    first_token: Spread | None
    throughput: Spread | None
    prompt_tokens: int
    completion_tokens: int
    unknown_tokens: int
    known_cost: Decimal | None
    unknown_costs: int
    bases: Mapping[str, int]
    spent: Decimal
    failures: tuple[Failure, ...] = field(repr=False)  # a provider's words may repeat a prompt
    refusals: tuple[Failure, ...] = field(repr=False)
    providers: Mapping[str, int]
    served_as: Mapping[str, int]
    finishes: Mapping[str, int]

    @classmethod
    def of(cls, asked: Iterable[Asked]) -> Self:
        """The figures of some questions and what came of them."""
        every = list(asked)
        fine = [one.answer for one in every if one.answer.ok]
        costs = [answer.cost.usd for answer in fine if answer.cost.usd is not None]
        usages = [answer.usage for answer in fine if answer.usage is not None]
        failed = [one.answer for one in every if one.answer.asked and not one.answer.ok]
        refused = [one.answer for one in every if not one.answer.asked]
        fresh = [one.answer.cost.usd for one in every if one.answer.ok and not one.kept]
        return cls(
            answered=len(fine),
            failed=len(failed),
            not_asked=len(refused),
            kept=sum(one.kept for one in every),
            latency=Spread.of(answer.seconds for answer in fine),
            first_token=Spread.of(answer.first_token_s for answer in fine),
            throughput=Spread.of(answer.tokens_per_s for answer in fine),
            prompt_tokens=sum(usage.prompt_tokens for usage in usages),
            completion_tokens=sum(usage.completion_tokens for usage in usages),
            unknown_tokens=len(fine) - len(usages),
            known_cost=_sum(costs) if costs else None,
            unknown_costs=len(fine) - len(costs),
            bases=dict(Counter(_basis(answer.cost) for answer in fine).most_common()),
            spent=_sum(usd for usd in fresh if usd is not None),
            failures=_alike(failed, lambda answer: (answer.error,)),
            refusals=_alike(refused, lambda answer: (answer.error, answer.hint)),
            providers=dict(Counter(answer.provider or "" for answer in fine).most_common()),
            served_as=dict(Counter(answer.model for answer in fine).most_common()),
            finishes=dict(Counter(answer.finish_reason or "" for answer in fine).most_common()),
        )

    @property
    def ok_rate(self) -> float | None:
        """The share of those asked who answered, from 0 to 1; None where nobody was asked."""
        asked = self.answered + self.failed
        return self.answered / asked if asked else None

    @property
    def cost(self) -> Decimal | None:
        """US dollars of all answers; None where that of any is unknown, or there is none."""
        return None if self.unknown_costs else self.known_cost

    @property
    def cost_per_answer(self) -> Decimal | None:
        """US dollars for an answer, to 28 digits; None where the cost of any is unknown."""
        return None if self.cost is None else _SHARES.divide(self.cost, Decimal(self.answered))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: money as a text, what is not known as null."""
        spreads = {
            f"{name}_{part}": None if (spread := getattr(self, name)) is None else getattr(spread, part)
            for name in ("latency", "first_token", "throughput")
            for part in Spread.__slots__
        }
        return {
            **{name: getattr(self, name) for name in ("answered", "failed", "not_asked", "kept", "ok_rate")},
            **spreads,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "unknown_tokens": self.unknown_tokens,
            "cost": _plain(self.cost),
            "cost_per_answer": _plain(self.cost_per_answer),
            "known_cost": _plain(self.known_cost),
            "unknown_costs": self.unknown_costs,
            "cost_known_by": dict(self.bases),
            "spent": _plain(self.spent),
            "failures": [failure._asdict() for failure in self.failures],
            "not_asked_why": [refusal._asdict() for refusal in self.refusals],
            "providers": dict(self.providers),
            "served_as": dict(self.served_as),
            "finish_reasons": dict(self.finishes),
        }


def _sum(costs: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for usd in costs:
        total = EXACT.add(total, usd)
    return total


def _plain(usd: Decimal | None) -> str | None:
    return None if usd is None else plain(usd)


def _basis(cost: Cost) -> str:
    """How a cost is known, without the sum."""
    said = str(cost)
    return said.partition(" (")[2].removesuffix(")") if cost.usd is not None else said


def _alike(answers: Sequence[Answer], kind: Callable[[Answer], tuple[str, ...]]) -> tuple[Failure, ...]:
    """How many are of each kind, each with the first of them."""
    kinds = Counter(kind(answer) for answer in answers)
    first = {kind(answer): answer for answer in reversed(answers)}
    return tuple(
        Failure(first[each].error, times, first[each].why, first[each].hint)
        for each, times in kinds.most_common()
    )
