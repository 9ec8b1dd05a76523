"""Which model is best for your own prompts: models asked side by side, and tests that their answers must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.evaluate.answers import Answer
    from shared_core.evaluate.cases.cases import Case, Cases
    from shared_core.evaluate.cases.checks import Check, Verdict
    from shared_core.evaluate.cases.results import CaseResult, CaseResults, CaseRun
    from shared_core.evaluate.cases.run import CaseOptions
    from shared_core.evaluate.comparing.comparison import PromptComparison
    from shared_core.evaluate.comparing.standing import Standing
    from shared_core.evaluate.embeddings.comparison import (
        EmbeddingComparison,
        EmbeddingScore,
        PairedDifference,
    )
    from shared_core.evaluate.embeddings.embedders import LocalModel, ObjectEmbedder, RouterEmbedder
    from shared_core.evaluate.embeddings.judgements import Judgements
    from shared_core.evaluate.embeddings.mteb_encoder import MTEBEncoder
    from shared_core.evaluate.embeddings.resampling import Estimate
    from shared_core.evaluate.embeddings.run import EmbeddingRunOptions
    from shared_core.evaluate.estimating import RunEstimate, SubjectEstimate
    from shared_core.evaluate.evaluator import AsyncEvaluator, Evaluator
    from shared_core.evaluate.figures import Figures, Spread
    from shared_core.evaluate.planning import RunOptions
    from shared_core.evaluate.prompts import Prompt
    from shared_core.evaluate.running import Asked
    from shared_core.evaluate.subjects import FunctionSubject, RouterSubject, Subject

_ROOMS = {
    "answers": ("Answer",),
    "cases.cases": ("Case", "Cases"),
    "cases.checks": ("Check", "Verdict"),
    "cases.results": ("CaseResult", "CaseResults", "CaseRun"),
    "cases.run": ("CaseOptions",),
    "comparing.comparison": ("PromptComparison",),
    "comparing.standing": ("Standing",),
    "embeddings.comparison": ("EmbeddingComparison", "EmbeddingScore", "PairedDifference"),
    "embeddings.embedders": ("LocalModel", "ObjectEmbedder", "RouterEmbedder"),
    "embeddings.judgements": ("Judgements",),
    "embeddings.mteb_encoder": ("MTEBEncoder",),
    "embeddings.resampling": ("Estimate",),
    "embeddings.run": ("EmbeddingRunOptions",),
    "estimating": ("RunEstimate", "SubjectEstimate"),
    "evaluator": ("AsyncEvaluator", "Evaluator"),
    "figures": ("Figures", "Spread"),
    "planning": ("RunOptions",),
    "prompts": ("Prompt",),
    "running": ("Asked",),
    "subjects": ("FunctionSubject", "RouterSubject", "Subject"),
}
__getattr__, __dir__ = lazily(__name__, _ROOMS)

__all__ = [
    "Answer",
    "Asked",
    "AsyncEvaluator",
    "Case",
    "CaseOptions",
    "CaseResult",
    "CaseResults",
    "CaseRun",
    "Cases",
    "Check",
    "EmbeddingComparison",
    "EmbeddingRunOptions",
    "EmbeddingScore",
    "Estimate",
    "Evaluator",
    "Figures",
    "FunctionSubject",
    "Judgements",
    "LocalModel",
    "MTEBEncoder",
    "ObjectEmbedder",
    "PairedDifference",
    "Prompt",
    "PromptComparison",
    "RouterEmbedder",
    "RouterSubject",
    "RunEstimate",
    "RunOptions",
    "Spread",
    "Standing",
    "Subject",
    "SubjectEstimate",
    "Verdict",
]
