"""What a comparison says, in sentences: who is cheapest, fastest, fails most, and how far to trust that.

Lives here: words. Not here: figures and ranks (`standing`), how sentences are marked up (`report`). A model's name is a
`Named`, so that whoever shows a sentence can set it apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared_core.evaluate.comparing.standing import CRITERIA, Standing
from shared_core.evaluate.figures import Figures
from shared_core.evaluate.shown import per_thousand, seconds

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["Named", "Sentence", "in_words", "verdict"]

Sentence = tuple[str, ...]
"""Parts of one sentence; those that are names are `Named`."""

_FEW = 5  # answers of a model, under which small differences are called chance
_MOST_NAMES = 4  # of one sentence
_ALMOST = 1.05  # how many times as much is called almost as much


class Named(str):
    """A model's name within a sentence."""

    __slots__ = ()


def in_words(sentence: Sentence) -> str:
    """The sentence as one text."""
    return "".join(sentence)


def verdict(found: PromptComparison) -> list[Sentence]:
    """The sentences, the most important first."""
    models, whole = found.models, found.total
    if not whole.answered:
        return [*_nobody(whole)]
    return [
        *_best(models, "cost", ("Cheapest", "Cost")),
        *_best(models, "first_token", ("Fastest to the first token", "First token")),
        *_best(models, "latency", ("Fastest to the whole answer", "Whole answer")),
        *_front(models),
        *_failures(models, whole),
        *_not_asked(models),
        *_unknown_costs(models),
        *_unequal(models),
        *_few(models),
    ]


def _nobody(whole: Figures) -> Iterator[Sentence]:
    if whole.failed:
        yield (f"Nobody answered: {_count(whole.failed)} failed ({_kinds(whole)}).",)
    if whole.not_asked:
        yield (f"{_count(whole.not_asked)} not asked, since no budget covered the call.",)


def _best(models: Sequence[Standing], criterion: str, titles: tuple[str, str]) -> Iterator[Sentence]:
    """Who is first, and how far behind the next is; of a model alone, its figure."""
    ranked = [one for one in models if one.ranks[criterion] is not None]
    first = [one for one in ranked if one.ranks[criterion] == 1]
    if not first:
        return
    if len(models) == 1:
        yield (f"{titles[1]}: {_figure(first[0], criterion)}.",)
        return
    known = "" if criterion != "cost" or not any(one.figures.unknown_costs for one in models) else " known"
    parts: list[str] = [f"{titles[0]}{known}: ", *_names(first), f", {_figure(first[0], criterion)}"]
    after = [one for one in ranked if one.ranks[criterion] == 1 + len(first)]
    if after:
        parts += ["; ", *_names(after), f" {_behind(after, first[0], criterion)}"]
    yield (*parts, ".")


def _figure(one: Standing, criterion: str) -> str:
    if criterion == "cost":
        return f"{per_thousand(one.figures)} for 1,000 answers"
    spread = one.figures.first_token if criterion == "first_token" else one.figures.latency
    if spread is None:
        return ""
    return f"{seconds(spread.p50)} ({'one answer' if spread.n == 1 else f'median of {spread.n:,}'})"


def _behind(others: Sequence[Standing], first: Standing, criterion: str) -> str:
    """How many times the first one's figure theirs is."""
    verb, much = ("cost", "much") if criterion == "cost" else ("take", "long")
    verb += "s" if len(others) == 1 else ""
    mine, theirs = CRITERIA[criterion](first.figures), CRITERIA[criterion](others[0].figures)
    if not mine or theirs is None:
        return f"{verb} {_figure(others[0], criterion)}"
    times = theirs / mine
    if times < _ALMOST:
        return f"{verb} almost as {much}"
    return f"{verb} {f'{times:,.0f}' if times >= 9.95 else f'{times:.1f}'} times as {much}"


def _front(models: Sequence[Standing]) -> Iterator[Sentence]:
    best = [one for one in models if one.on_front]
    if best and sum(one.ranks["cost"] is not None for one in models) > 1:
        yield ("No other is both cheaper and faster than ", *_names(best, last=" or "), ".")


def _failures(models: Sequence[Standing], whole: Figures) -> Iterator[Sentence]:
    failing = [one for one in models if one.figures.failed]
    if not failing:
        yield (
            f"Nothing failed: all {whole.answered:,} questions were answered."
            if whole.answered > 1 and not whole.not_asked
            else "Nothing failed.",
        )
        return
    if len(models) == 1:
        yield (f"Failed: {_count(whole.failed)} ({_kinds(whole)}).",)
        return
    least = min(one.figures.ok_rate or 0.0 for one in failing)
    worst = [one for one in failing if (one.figures.ok_rate or 0.0) == least]
    others = [one for one in failing if one not in worst]
    if len(worst) == 1:
        figures = worst[0].figures
        told = f", {figures.failed:,} of {figures.answered + figures.failed:,} ({_kinds(figures)})"
    else:
        told = f", {1 - least:.0%} of questions each"
    yield ("Failed most: ", *_names(worst), told, *(("; also ", *_names(others)) if others else ()), ".")


def _not_asked(models: Sequence[Standing]) -> Iterator[Sentence]:
    missed = [one for one in models if one.figures.not_asked]
    if missed:
        total = sum(one.figures.not_asked for one in missed)
        was = "was" if total == 1 else "were"
        yield (f"{_count(total)} {was} not asked, since no budget covered the call: ", *_names(missed), ".")


def _unknown_costs(models: Sequence[Standing]) -> Iterator[Sentence]:
    unknown = [one for one in models if one.figures.unknown_costs]
    if unknown:
        yield ("Not known, and so not ranked, is the cost of ", *_names(unknown), ".")


def _unequal(models: Sequence[Standing]) -> Iterator[Sentence]:
    """Whose figures are of fewer questions than those of others."""
    most = max(one.figures.answered for one in models)
    fewer = [one for one in models if 0 < one.figures.answered < most]
    if fewer:
        yield ("Fewer answers than of others stand behind the figures of ", *_names(fewer), ".")


def _few(models: Sequence[Standing]) -> Iterator[Sentence]:
    least = min(one.figures.answered for one in models if one.figures.answered)
    if len(models) > 1 and least < _FEW:
        many = "1 answer" if least == 1 else f"{least} answers"
        yield (f"With as few as {many} of a model, small differences are chance: ask more, or repeat.",)


def _count(questions: int) -> str:
    return "1 question" if questions == 1 else f"{questions:,} questions"


def _kinds(figures: Figures) -> str:
    return ", ".join(f"{kind} {times:,}" for kind, times, *_ in figures.failures)


def _names(models: Sequence[Standing], last: str = " and ") -> Iterator[str]:
    """Names in a row; of many, the first and how many more there are."""
    shown = models if len(models) <= _MOST_NAMES + 1 else models[:_MOST_NAMES]
    more = len(models) - len(shown)
    for place, one in enumerate(shown):
        if place:
            yield last if place == len(models) - 1 else ", "
        yield Named(one.model)
    if more:
        yield f"{last}{more} others"
