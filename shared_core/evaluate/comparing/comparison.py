"""What came of asking several models the same: figures by model and prompt, who is best at what, every answer.

Lives here: the result, and its rows. Not here: sums (`figures`), ranks (`standing`), sentences (`verdict`), what
files hold (`written`, `markdown`, `report`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared_core.evaluate.comparing.standing import Standing, standings
from shared_core.evaluate.figures import Figures
from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.running import Asked
from shared_core.evaluate.written import Report
from shared_core.types import BudgetState
from shared_core.types.cost import plain

__all__ = ["PromptComparison"]

_TITLE = "Models on your own prompts"  # of reports


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptComparison(Report):
    """Models compared on a user's own prompts.

    Args:
        asked: Every question and what came of it, by prompt, then model, then repeat.
        prompts: What was asked.
        models: Where each model stands, in the order given.
        cells: The figures of each model on each prompt, by (model, prompt).
        repeats: How often each was asked each.
        options: Chat parameters for the models that are ids.
        max_concurrency: How many questions were under way at one time, at most; None where that is not known.
        started: When the run began, in Unix seconds.
        seconds: How long it took.
        budget: How its budget stands; None without one.
        notes: What else is to be said of the run.

    Example:
        >>> result = evaluator.compare(["org/one", "org/two"], ["Hello!"])  # doctest: +SKIP
        >>> print(result.models[0].figures.cost_per_answer, result.models[0].ranks["latency"])  # doctest: +SKIP
        0.000123 1
    """

    asked: tuple[Asked, ...] = field(repr=False)
    prompts: tuple[Prompt, ...] = field(repr=False)
    models: tuple[Standing, ...]
    cells: Mapping[tuple[str, str], Figures] = field(repr=False)
    repeats: int
    options: Mapping[str, Any] = field(repr=False)
    max_concurrency: int | None
    started: float
    seconds: float
    budget: BudgetState | None
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        asked: Sequence[Asked],
        *,
        subjects: Sequence[str],
        prompts: Sequence[Prompt],
        repeats: int,
        options: Mapping[str, Any],
        started: float,
        seconds: float,
        max_concurrency: int | None = None,
        budget: BudgetState | None = None,
        notes: Sequence[str] = (),
    ) -> PromptComparison:
        """The comparison of what came of a run.

        Args:
            subjects: The names of those who were asked.
            asked, prompts, repeats, options, started, seconds, max_concurrency, budget, notes: See the class.
        """
        by_model: dict[str, list[Asked]] = {name: [] for name in subjects}
        by_cell: dict[tuple[str, str], list[Asked]] = {
            (name, prompt.name): [] for prompt in prompts for name in subjects
        }
        for one in asked:
            by_model[one.subject].append(one)
            by_cell[one.subject, one.prompt].append(one)
        return cls(
            asked=tuple(asked),
            prompts=tuple(prompts),
            models=standings({name: Figures.of(ones) for name, ones in by_model.items()}),
            cells={place: Figures.of(ones) for place, ones in by_cell.items()},
            repeats=repeats,
            options=dict(options),
            max_concurrency=max_concurrency,
            started=started,
            seconds=seconds,
            budget=budget,
            notes=tuple(notes),
        )

    @property
    def total(self) -> Figures:
        """The figures of all together."""
        return Figures.of(self.asked)

    @property
    def asking(self) -> str:
        """How much was asked, such as "2 models × 5 prompts × 3 repeats"."""
        counts = [(len(self.models), "model"), (len(self.prompts), "prompt")]
        counts += [(self.repeats, "repeat")] if self.repeats > 1 else []
        return " × ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts)

    def __str__(self) -> str:
        """The verdict, a sentence a line."""
        return "\n".join(self.verdict())

    def verdict(self) -> list[str]:
        """Who is cheapest, fastest, fails most, and how far to trust that: in sentences."""
        from shared_core.evaluate.comparing.verdict import in_words, verdict

        return [in_words(sentence) for sentence in verdict(self)]

    def rows(self) -> list[dict[str, Any]]:
        """Figures by model and prompt, as flat dictionaries: money as a text, what is not known as None."""
        return [
            {
                "model": standing.model,
                "prompt": prompt.name,
                **self.cells[standing.model, prompt.name].as_dict(),
            }
            for standing in self.models
            for prompt in self.prompts
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "repeats": self.repeats,
            "options": dict(self.options),
            "max_concurrency": self.max_concurrency,
            "budget": None if self.budget is None else _as_dict(self.budget),
            "notes": list(self.notes),
            "verdict": self.verdict(),
            "prompts": [
                {"name": each.name, "messages": list(each.messages), "options": dict(each.options)}
                for each in self.prompts
            ],
            "models": [
                {
                    "model": each.model,
                    "ranks": dict(each.ranks),
                    "on_front": each.on_front,
                    **each.figures.as_dict(),
                }
                for each in self.models
            ],
            "rows": self.rows(),
            "answers": [
                {
                    "model": one.subject,
                    "prompt": one.prompt,
                    "repeat": one.repeat,
                    "kept": one.kept,
                    "answer": {**one.answer.to_dict(), "cost": one.answer.cost.as_dict()},
                }
                for one in self.asked
            ],
        }

    def to_markdown(self, title: str = _TITLE) -> str:
        """The verdict, the table of models and what failed, as Markdown.

        Args:
            title: Its heading.
        """
        from shared_core.evaluate.comparing.markdown import as_markdown

        return as_markdown(self, title)

    def to_html(self, title: str = _TITLE) -> str:
        """A page with plots and every answer, in one file that fetches and runs nothing.

        Args:
            title: Its heading.
        """
        from shared_core.evaluate.comparing.report.page import page

        return page(self, title)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from shared_core.evaluate.comparing.report.page import fragment

        return fragment(self)


def _as_dict(budget: BudgetState) -> dict[str, Any]:
    told = asdict(budget)
    return {name: plain(each) if isinstance(each, Decimal) else each for name, each in told.items()}
