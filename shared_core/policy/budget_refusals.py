"""The errors of calls that no budget allows: which one, how much is left, what is needed, what to do."""

from __future__ import annotations

from collections.abc import Iterable

from shared_core.errors import BudgetExceeded, Reaction
from shared_core.policy.budget_alerts import Part
from shared_core.policy.state.holds import Line, Spending, Verdict
from shared_core.types.budget import out_of_units, shown

__all__ = ["refusal", "unpriced"]


def unpriced(part: Part, model: str, *, elsewhere: bool) -> BudgetExceeded:
    """Nobody knows what the call may cost.

    Args:
        part: The budget.
        model: Whose price is not known; "" where none was named.
        elsewhere: Whether it is worth asking another target.
    """
    return BudgetExceeded(
        f"No price of {model or 'this call'} is known, so that the {part.named} cannot tell what it may cost. "
        "Nothing was sent.",
        hint=f'Give one with prices={{"{model.partition(":")[0]}": ...}}, load the catalogue with `models()`, or let '
        'such calls pass with Budget(..., unpriced="allow").',
        budget=part.budget.name,
        value=part.value,
        reactions=_reactions(elsewhere=elsewhere),
    )


def refusal(
    part: Part, line: Line, verdict: Verdict, most: Spending, *, now: float, elsewhere: bool
) -> BudgetExceeded:
    """Not enough is left.

    Args:
        part: The budget.
        line: What was to be set aside.
        verdict: What was found.
        most: What the call may take.
        now: Unix time in seconds.
        elsewhere: Whether it is worth asking another target.
    """
    budget, unit = part.budget, part.budget.unit
    if verdict.unreachable:
        return BudgetExceeded(
            f"The {part.named} is kept in a place that cannot be reached. Nothing was sent.",
            hint='Try again shortly; Budget(..., unreachable="local") goes on with what each process knows.',
            budget=budget.name,
            value=part.value,
        )
    limit = line.limit + verdict.granted
    left = out_of_units(max(0, limit - verdict.spent - verdict.reserved), unit)
    need = out_of_units(line.amount, unit)
    return BudgetExceeded(
        f"The {part.named} has {shown(left, unit)} left of {shown(out_of_units(limit, unit), unit)}, and this call may "
        f"take {shown(need, unit)}. Nothing was sent.",
        hint=" ".join(_advice(part, line, verdict, most)),
        budget=budget.name,
        value=part.value,
        need=need,
        left=left,
        retry_after=None if part.span.ends is None else max(0.0, part.span.ends - now),
        reactions=_reactions(elsewhere=elsewhere),
    )


def _advice(part: Part, line: Line, verdict: Verdict, most: Spending) -> Iterable[str]:
    if line.amount <= line.limit + verdict.granted - verdict.spent:
        yield "Calls in flight hold what is missing: try again when they are done."
    if part.budget.unit != "requests" and most.completion:
        yield "Lower max_tokens." if most.bounded else "Pass max_tokens, so that less is set aside."
    if part.span.until:
        yield f"It begins anew at {part.span.until}."
    yield "More is allowed by `grant()`, or by a larger budget."


def _reactions(*, elsewhere: bool) -> Iterable[Reaction]:
    return ("other_route",) if elsewhere else ()
