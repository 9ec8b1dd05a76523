"""What came of comparing embedding models: figures, intervals, speed and cost by model, and who differs from whom.

Lives here: the result, and its rows. Not here: the run (`run`), what files hold (`report`, `written`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared_core.evaluate.embeddings.resampling import Estimate
from shared_core.evaluate.embeddings.retrieval import Similarity
from shared_core.evaluate.figures import Spread
from shared_core.evaluate.written import Report
from shared_core.types import Cost

__all__ = ["EmbeddingComparison", "EmbeddingScore", "PairedDifference"]

_ALPHA = 0.05
_TITLE = "Embedding models compared"  # of reports


@dataclass(frozen=True, slots=True)
class EmbeddingScore:
    """One model's figures, or why there are none.

    Args:
        name: What it is called.
        figures: Means over all queries with their intervals, by names such as "ndcg@10", "recall@10", "mrr@10"; empty
            where the model failed.
        by_query: The same figures of each query, in the order of the queries' names.
        dimensions: Length of its vectors.
        index_bytes: What the documents' vectors take as float32, without anything that an index adds.
        documents_per_s: Different texts a second, as a caller sees it: waiting and retries are in it; None where all
            came from a cache.
        query_s: Seconds for one query alone, of up to 50 of them; None where none was timed.
        ready_s: Seconds to the first vector: loading a model or finding its provider is in it.
        tokens: Read, of what was computed now; None where nobody says.
        cost: US dollars for all of it, also where it failed in the end, and how they are known. A model on this machine
            has none that is known here.
        truncated: How many texts are known to have been cut at the model's limit.
        recalled: How many vectors came from a cache.
        provider: Who served.
        notes: What replies said besides.
        error: The kind of failure, such as "ModelNotServed"; "" for none.
        why: What befell, in one line.
    """

    name: str
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    by_query: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    dimensions: int = 0
    index_bytes: int = 0
    documents_per_s: float | None = None
    query_s: Spread | None = None
    ready_s: float | None = None
    tokens: int | None = None
    cost: Cost = field(default_factory=Cost)
    truncated: int = 0
    recalled: int = 0
    provider: str | None = None
    notes: tuple[str, ...] = ()
    error: str = ""
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether there are figures."""
        return not self.error

    def as_dict(self) -> dict[str, Any]:
        """Its row: plain JSON values, money as a text, what is not known as null."""
        figures = {
            column: value
            for name, figure in self.figures.items()
            for column, value in (
                (name, figure.mean),
                (f"{name}_low", figure.low),
                (f"{name}_high", figure.high),
            )
        }
        known_by = self.cost.basis if self.cost.usd is not None else self.cost.note or "unknown"
        spent = {"cost": self.cost.as_dict()["usd"], "cost_known_by": known_by}
        if not self.ok:
            return {"model": self.name, **spent, "error": self.error, "why": self.why}
        return {
            "model": self.name,
            **figures,
            "documents_per_s": self.documents_per_s,
            "query_p50_s": None if self.query_s is None else self.query_s.p50,
            "query_p95_s": None if self.query_s is None else self.query_s.p95,
            "queries_timed": 0 if self.query_s is None else self.query_s.n,
            "ready_s": self.ready_s,
            "dimensions": self.dimensions,
            "index_bytes": self.index_bytes,
            "tokens": self.tokens,
            **spent,
            "truncated": self.truncated,
            "recalled": self.recalled,
            "provider": self.provider,
            "error": "",
            "why": "",
        }


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How far two models are apart on the same queries, by the comparison's main figure.

    Args:
        better, worse: Their names; the first has the larger mean.
        mean: How much larger.
        low, high: The 95 % interval of that.
        p: How often chance alone would make as large a difference, made larger for how many pairs there are (Holm).
    """

    better: str
    worse: str
    mean: float
    low: float
    high: float
    p: float

    @property
    def beyond_chance(self) -> bool:
        """Whether chance would do it in less than 5 of 100 comparisons of models that are alike."""
        return self.p < _ALPHA

    def __str__(self) -> str:
        told = f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f}, p = {self.p:.2g})"
        if self.beyond_chance:
            return f"{self.better} is better than {self.worse}: {told}"
        return f"{self.better} and {self.worse} cannot be told apart: {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingComparison(Report):
    """Embedding models compared on a user's own pairs.

    Args:
        models: The best by the main figure first, those that failed last.
        differences: Each pair of models that have figures.
        main: The figure that orders them: nDCG of the largest k.
        queries, documents, judgements: How many there were.
        similarity: What was near.
        seed: Of intervals and tests.
        started: When the run began, in Unix seconds.
        seconds: How long it took.
        notes: What else is to be said of the run.

    Example:
        >>> result = evaluator.compare_embeddings(["org/one", "local:org/two"], "pairs.jsonl")  # doctest: +SKIP
        >>> print(result)  # doctest: +SKIP
    """

    models: tuple[EmbeddingScore, ...]
    differences: tuple[PairedDifference, ...]
    main: str
    queries: int
    documents: int
    judgements: int
    similarity: Similarity
    seed: int
    started: float
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[EmbeddingScore, ...]:
        """The model with the best main figure, and those that it cannot be told apart from."""
        fine = [score for score in self.models if score.ok]
        if not fine:
            return ()
        behind = {
            each.worse for each in self.differences if each.better == fine[0].name and each.beyond_chance
        }
        return tuple(score for score in fine if score.name not in behind)

    def rows(self) -> list[dict[str, Any]]:
        """A flat dictionary for each model, all with the same keys: money as a text, what is not known as None."""
        rows = [score.as_dict() for score in self.models]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        return [{key: row.get(key) for key in keys} for row in rows]

    def as_dict(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "main": self.main,
            "queries": self.queries,
            "documents": self.documents,
            "judgements": self.judgements,
            "similarity": self.similarity,
            "seed": self.seed,
            "notes": list(self.notes),
            "models": [
                {**score.as_dict(), "notes": list(score.notes), "cost": score.cost.as_dict()}
                for score in self.models
            ],
            "differences": [
                {
                    "better": each.better,
                    "worse": each.worse,
                    "difference": each.mean,
                    "low": each.low,
                    "high": each.high,
                    "p": each.p,
                    "beyond_chance": each.beyond_chance,
                }
                for each in self.differences
            ],
        }

    def to_markdown(self, title: str = _TITLE) -> str:
        """A table, and who differs from whom, as Markdown.

        Args:
            title: Its heading.
        """
        from shared_core.evaluate.embeddings.report import as_markdown

        return as_markdown(self, title)

    def to_html(self, title: str = _TITLE) -> str:
        """A page that fetches and runs nothing. Whatever a name or an error says is text in it.

        Args:
            title: Its heading.
        """
        from shared_core.evaluate.embeddings.report import as_html

        return as_html(self, title)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from shared_core.evaluate.embeddings.report import fragment

        return fragment(self)

    def __str__(self) -> str:
        """The table and the remarks, as text."""
        from shared_core.evaluate.embeddings.report import as_text

        return as_text(self)
