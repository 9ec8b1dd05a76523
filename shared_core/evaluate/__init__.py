"""Which model is best for your own prompts: models asked side by side, and tests that their answers must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.evaluate.answers import Answer
    from shared_core.evaluate.case_results import CaseResult, CaseResults, CaseRun
    from shared_core.evaluate.case_run import CaseOptions
    from shared_core.evaluate.cases import Case, Cases
    from shared_core.evaluate.checks import Check, Verdict
    from shared_core.evaluate.comparison import PromptComparison
    from shared_core.evaluate.embedders import LocalModel, ObjectEmbedder, RouterEmbedder
    from shared_core.evaluate.embedding_comparison import (
        EmbeddingComparison,
        EmbeddingScore,
        PairedDifference,
    )
    from shared_core.evaluate.embedding_run import EmbeddingRunOptions
    from shared_core.evaluate.evaluator import AsyncEvaluator, Evaluator
    from shared_core.evaluate.figures import Figures, Spread
    from shared_core.evaluate.judgements import Judgements
    from shared_core.evaluate.mteb_encoder import MTEBEncoder
    from shared_core.evaluate.planning import RunOptions
    from shared_core.evaluate.prompts import Prompt
    from shared_core.evaluate.resampling import Estimate
    from shared_core.evaluate.running import Asked
    from shared_core.evaluate.standing import Standing
    from shared_core.evaluate.subjects import FunctionSubject, RouterSubject, Subject

_ROOMS = {
    "answers": ("Answer",),
    "case_results": ("CaseResult", "CaseResults", "CaseRun"),
    "case_run": ("CaseOptions",),
    "cases": ("Case", "Cases"),
    "checks": ("Check", "Verdict"),
    "comparison": ("PromptComparison",),
    "embedders": ("LocalModel", "ObjectEmbedder", "RouterEmbedder"),
    "embedding_comparison": ("EmbeddingComparison", "EmbeddingScore", "PairedDifference"),
    "embedding_run": ("EmbeddingRunOptions",),
    "evaluator": ("AsyncEvaluator", "Evaluator"),
    "figures": ("Figures", "Spread"),
    "judgements": ("Judgements",),
    "mteb_encoder": ("MTEBEncoder",),
    "planning": ("RunOptions",),
    "prompts": ("Prompt",),
    "resampling": ("Estimate",),
    "running": ("Asked",),
    "standing": ("Standing",),
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
    "RunOptions",
    "Spread",
    "Standing",
    "Subject",
    "Verdict",
]
