"""The table of sabotages, continued: comparisons of embedding models.

Lives here: those of search, figures, and what is timed. Not here: the rest of the core (`mutants`).
"""

from __future__ import annotations

from mutant import Mutant

__all__ = ["EMBEDDINGS_COMPARED"]

_FIGURES = ("tests/evaluate/test_embed_compare_figures.py",)
_RUN = ("tests/evaluate/test_embed_compare_run.py",)

EMBEDDINGS_COMPARED = (
    Mutant(
        "Embeddings compared: the discount of nDCG begins one rank too early",
        "shared_core/evaluate/embeddings/retrieval.py",
        "grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1)",
        "grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 2)",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: recall is a share of those that were looked at",
        "shared_core/evaluate/embeddings/retrieval.py",
        "for name in found[:k]) / len(relevant)",
        "for name in found[:k]) / k",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: of equally near documents the last ones are kept",
        "shared_core/evaluate/embeddings/retrieval.py",
        "equal[: k - len(above)]",
        "equal[len(above) - k :]",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: a block of documents knows its places from its own start",
        "shared_core/evaluate/embeddings/retrieval.py",
        "best + start])",
        "best])",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: two models are compared on different queries",
        "shared_core/evaluate/embeddings/resampling.py",
        "apart = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)",
        "apart = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)[::-1]",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: what a cache knew is timed as if it had been computed",
        "shared_core/evaluate/embeddings/trial.py",
        "return None if reply.recalled else reply.meta.latency_s",
        "return reply.meta.latency_s",
        _RUN,
    ),
    Mutant(
        "Embeddings compared: queries are embedded as documents",
        "shared_core/evaluate/embeddings/trial.py",
        'reply = yield from ask([query], "query")',
        'reply = yield from ask([query], "document")',
        _RUN,
    ),
    Mutant(
        "Embeddings compared: a model that fails ends the comparison",
        "shared_core/evaluate/embeddings/embedders.py",
        "except (Exception, CancelledError) as error:  # what it had cancelled is its own, and not this run",
        "except (OSError, CancelledError) as error:",
        _RUN,
    ),
    Mutant(
        "Embeddings compared: of five queries a difference is known",
        "shared_core/evaluate/embeddings/resampling.py",
        "outside = int((1 - _LEVEL) / 2 * (len(means) + 1))",
        "outside = max(1, int((1 - _LEVEL) / 2 * (len(means) + 1)))",
        _FIGURES,
    ),
    Mutant(
        "Embeddings compared: the last grade of a pair replaces the first in silence",
        "shared_core/evaluate/embeddings/judgements.py",
        "if known.setdefault(name, grade) != grade:",
        "if known.setdefault(name, grade) == 0 != grade:",
        ("tests/evaluate/test_embed_compare_judgements.py",),
    ),
)
