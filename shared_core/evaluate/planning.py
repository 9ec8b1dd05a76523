"""How a run is made: the arguments that all evaluations share, checked; the budget it keeps to; what stands in its way.

Lives here: from a user's arguments to a `Run`. Not here: the run (`running`), what is made of its
answers (`comparing`, `cases`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from shared_core.client.checks import checked_count
from shared_core.client.progress import Bar
from shared_core.errors import ConfigError, RouterError
from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.running import Run
from shared_core.evaluate.subjects import RouterSubject, Subject, subjects_of
from shared_core.flow import Flow
from shared_core.types import Budget, BudgetState
from shared_core.types.budget import budget_from

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = [
    "Plan",
    "RunOptions",
    "beyond",
    "budget_of",
    "check_names",
    "load_prices",
    "planned",
    "progress_of",
]


class RunOptions(TypedDict, total=False):
    """How a run is made.

    Args:
        repeats: How often each is asked each, 1 unless given: models do not answer alike twice.
        budget: US dollars that the run may spend, as a text such as "0.50"; or a `Budget`. What may cost more than is
            left is not asked, and the result says so; nor is a model whose price nobody knows, unless it is given as
            `Budget(usd=..., per="total", unpriced="allow")`. None sets no limit.
        options: Chat parameters ("temperature", "max_tokens", ...) for every call of the models that are given by
            their ids; those of a prompt go before, and to all.
        max_concurrency: Questions under way at one time, at most; 8 unless given.
        path: A file where each answer is kept as soon as it is there. The same run made again, after a crash or a
            failure, asks only what is missing. It holds prompts' answers: keep it as you would them.
        progress: True draws a bar on a terminal's stderr; a function is called with (done, total).
    """

    repeats: int
    budget: Budget | Mapping[str, Any] | Decimal | str | int | None
    options: Mapping[str, Any] | None
    max_concurrency: int
    path: str | os.PathLike[str] | None
    progress: bool | Callable[[int, int | None], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that may begin.

    Args:
        run: It.
        client: Who asks for models that are ids, bound by the budget.
        budget: What it keeps to.
        options: Chat parameters for the models that are ids.
    """

    run: Run
    client: HFRouter | AsyncHFRouter
    budget: Budget | None
    options: Mapping[str, Any]

    def with_prices(self, *others: Subject | None) -> Flow[str]:
        """Loads the catalogue, by which costs are known and budgets kept; what is to be said where that failed.

        Args:
            others: Who else is asked, besides the run's own.
        """
        if not any(isinstance(subject, RouterSubject) for subject in (*self.run.subjects, *others)):
            return ""
        return (yield from load_prices(self.client, "costs go by what is known here"))

    def balance(self) -> Flow[BudgetState | None]:
        """How the budget stands; None without one, or where nothing was counted."""
        if self.budget is None:
            return None
        states = yield from self.client._budget_states()
        return next((state for state in states if state.budget == self.budget.name), None)


def planned(
    client: HFRouter | AsyncHFRouter, models: Sequence[Any], prompts: Sequence[Prompt], how: RunOptions
) -> Plan:
    """The plan of a run.

    Args:
        client: Asks for models that are ids.
        models: Ids, functions and subjects.
        prompts: What is asked.
        how: The rest.

    Raises:
        ConfigError: An argument cannot work.
    """
    check_names(how, RunOptions)
    path, options = how.get("path"), how.get("options") or {}
    if not isinstance(path, str | os.PathLike | None):
        raise ConfigError(f"path={path!r} is no path. Nothing was sent.")
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise ConfigError(
            "options= is no mapping of names.", hint='Write {"temperature": 0}. Nothing was sent.'
        )
    budget = budget_of(how.get("budget"))
    bound = client if budget is None else client.within(budget)
    run = Run(
        subjects_of(models, bound, options),
        prompts,
        checked_count(how.get("repeats", 1), "repeats"),
        checked_count(how.get("max_concurrency", 8), "max_concurrency"),
        None if path is None else Path(path).expanduser().absolute(),
        progress_of(how.get("progress"), "answers"),
    )
    return Plan(run, bound, budget, dict(options))


def beyond(plan: Plan) -> list[str]:
    """What does not reach those who are not asked through the client."""
    others = [subject.name for subject in plan.run.subjects if not isinstance(subject, RouterSubject)]
    told = []
    if others and plan.budget is not None:
        told.append(f"The budget does not hold {', '.join(others)}: only the router's models are counted.")
    if others and plan.options:
        told.append(
            f"The options were not given to {', '.join(others)}: only the router's models have them, and those of a "
            "prompt all."
        )
    return told


def check_names(how: Mapping[str, Any], known: type) -> None:
    """Raises a TypeError for an option that a `TypedDict` of options does not have."""
    if unknown := how.keys() - known.__annotations__.keys():
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")


def progress_of(wanted: Any, of: str) -> Callable[[int, int | None], object] | None:
    """Whom to tell (done, total).

    Args:
        wanted: A function, True for a bar, or False or None for nobody.
        of: What a bar counts.

    Raises:
        ConfigError: It is something else.
    """
    if callable(wanted):
        return wanted  # type: ignore[no-any-return]
    if wanted not in (True, False, None):
        raise ConfigError(f"progress={wanted!r} is neither a function nor True. Nothing was sent.")
    return Bar(of=of) if wanted else None


def load_prices(client: HFRouter | AsyncHFRouter, otherwise: str) -> Flow[str]:
    """Loads the catalogue, by which costs are known; what is to be said where that failed.

    Args:
        client: Whose catalogue.
        otherwise: What that means for costs.
    """
    try:
        yield from client._models(refresh=False)
    except RouterError as error:
        return f"The server's catalogue was not to be had ({type(error).__name__}): {otherwise}."
    return ""


def budget_of(told: Any) -> Budget | None:
    """The budget that is meant: a sum of US dollars becomes one of its own, which no other run has spent from.

    Raises:
        ConfigError: It is none.
    """
    if told is None or isinstance(told, Budget):
        return told
    if isinstance(told, Mapping):
        return budget_from(told)
    return Budget(usd=told, per="total", name=f"evaluation {uuid.uuid4().hex[:12]}", alert_at=())
