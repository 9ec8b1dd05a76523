"""What a run would ask and may cost, before anybody is asked: for a stranger's file, and for one's own.

Nothing that costs is sent, nothing is downloaded, no code that a file names is run; the catalogue of prices is loaded.

Lives here: sums over a run, for models and judges, and for embedders. Not here: what one call may cost (the client's
`estimate_cost`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.subjects import RouterSubject, Subject
from shared_core.flow import Flow, offload
from shared_core.types import AT_HOME, Budget, Cost, CostEstimate, Message

__all__ = [
    "RunEstimate",
    "SubjectEstimate",
    "at_home",
    "in_own_code",
    "of_prompts",
    "of_question",
    "of_subject",
    "of_vectors",
]

Role = Literal["model", "judge", "embedder"]
Where = Literal["router", "this machine", "your code"]

_UNKNOWN = Cost(note="nobody knows what your own code costs")
_OWN_CODE = CostEstimate(_UNKNOWN, _UNKNOWN, (0, 0), (0, None))
_FREE = CostEstimate(AT_HOME, AT_HOME, (0, 0), (0, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEstimate:
    """What one model, judge or embedder would be asked, and may cost.

    Args:
        name: It.
        role: What it is asked for.
        where: "router" for a model behind the router; "this machine"; "your code" for functions and objects.
        calls: Questions at most; of an embedder, texts at most.
        cost: All of it: unknown at its upper end where a price or a limit is, of which its notes say which.
        download: What would be downloaded first, a repository on the Hub; "" for nothing.
    """

    name: str
    role: Role
    where: Where
    calls: int
    cost: CostEstimate
    download: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "role": self.role,
            "where": self.where,
            "calls": self.calls,
            "prompt_tokens": list(self.cost.prompt_tokens),
            "completion_tokens": list(self.cost.completion_tokens),
            "cost": {"low": self.cost.low.as_dict(), "high": self.cost.high.as_dict()},
            "download": self.download or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimate:
    """What a run would ask, and may cost. Tries that fail and are charged all the same are not in it.

    Args:
        subjects: Who would be asked: models, then a judge, then embedders.
        prompts: How many questions there are, or texts to embed.
        repeats: How often each.
        options: Names of the chat parameters that prompts bring.
        code: What checks would run, such as "checks.py:polite"; nothing of it has been loaded.
        budget: What the run would keep to.
        notes: What else is to be said.

    Example:
        >>> from shared_core.evaluate import Evaluator
        >>> found = Evaluator().estimate(["org/name"], ["Hello!"], options={"max_tokens": 20})  # doctest: +SKIP
        >>> print(found.subjects[0].calls, found.high)  # doctest: +SKIP
        1 $0.0001 (price list of 2026-11-27)
    """

    subjects: tuple[SubjectEstimate, ...]
    prompts: int
    repeats: int = 1
    options: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    budget: Budget | None = None
    notes: tuple[str, ...] = ()

    @property
    def high(self) -> Cost:
        """The most that all of it may cost, whatever the budget; unknown where a part is."""
        return _sum([each.cost for each in self.subjects if each.where != "this machine"]).high

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "prompts": self.prompts,
            "repeats": self.repeats,
            "subjects": [each.as_dict() for each in self.subjects],
            "high": self.high.as_dict(),
            "options": list(self.options),
            "code": list(self.code),
            "budget": None if self.budget is None else self.budget.name,
            "notes": list(self.notes),
        }


def of_question(
    subject: Subject, messages: Sequence[Message], options: Mapping[str, Any]
) -> Flow[CostEstimate]:
    """What one question may cost."""
    if isinstance(subject, RouterSubject):
        return (yield from subject.estimate(messages, options))
    return _OWN_CODE


def of_prompts(subject: Subject, prompts: Iterable[Prompt]) -> Flow[list[CostEstimate]]:
    """What each of some prompts may cost."""
    found: list[CostEstimate] = []
    for prompt in prompts:
        one = yield from of_question(subject, prompt.messages, prompt.options)
        found.append(one)
    return found


def of_subject(
    subject: Subject, role: Role, each: Sequence[CostEstimate], repeats: int = 1
) -> SubjectEstimate:
    """What a subject would be asked.

    Args:
        subject: It.
        role: What for.
        each: What each question may cost.
        repeats: How often each is asked.
    """
    where: Where = "router" if isinstance(subject, RouterSubject) else "your code"
    calls = len(each) * repeats
    return SubjectEstimate(
        name=subject.name, role=role, where=where, calls=calls, cost=_sum(each).times(repeats)
    )


def of_vectors(
    client: Any, model: str | None, name: str, texts: Sequence[str], calls: int
) -> Flow[SubjectEstimate]:
    """What vectors from behind the router may cost.

    Args:
        client: Asks.
        model: Its id; None for the client's own.
        name: What it is called.
        texts: What is embedded, as far as that is known.
        calls: How many texts there will be.
    """
    cost: CostEstimate = yield from client._estimate_cost(texts, model, None, None, refresh=False)
    return SubjectEstimate(name=name, role="embedder", where="router", calls=calls, cost=cost)


def at_home(model: str, name: str, calls: int, revision: str | None = None) -> Flow[SubjectEstimate]:
    """What vectors on this machine take: perhaps a download first.

    Raises:
        ConfigError: It is neither a folder nor a Hub id.
    """
    from shared_core.local.download import is_here

    here = yield from offload(lambda: is_here(model, revision))
    missing = "" if here else model
    return SubjectEstimate(
        name=name, role="embedder", where="this machine", calls=calls, cost=_FREE, download=missing
    )


def in_own_code(name: str, calls: int) -> SubjectEstimate:
    """What vectors of an object take: nobody knows."""
    return SubjectEstimate(name=name, role="embedder", where="your code", calls=calls, cost=_OWN_CODE)


def _sum(each: Sequence[CostEstimate]) -> CostEstimate:
    return reduce(CostEstimate.plus, each) if each else _FREE
