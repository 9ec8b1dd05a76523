"""`Evaluator` and `AsyncEvaluator`: which model is best for your own prompts. One line a method."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from shared_core.client import AsyncHFRouter, HFRouter
from shared_core.evaluate.cases.estimate import estimate_cases
from shared_core.evaluate.cases.run import run_cases
from shared_core.evaluate.comparing.compare import compare, estimate
from shared_core.evaluate.embeddings.run import compare_embeddings, estimate_embeddings
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun

if TYPE_CHECKING:
    from shared_core.evaluate.cases.cases import Cases
    from shared_core.evaluate.cases.results import CaseResults
    from shared_core.evaluate.cases.run import CaseOptions
    from shared_core.evaluate.comparing.comparison import PromptComparison
    from shared_core.evaluate.embeddings.comparison import EmbeddingComparison
    from shared_core.evaluate.embeddings.run import EmbeddingRunOptions
    from shared_core.evaluate.estimating import RunEstimate
    from shared_core.evaluate.planning import RunOptions

__all__ = ["AsyncEvaluator", "Evaluator"]


class Evaluator:
    """Asks models your own prompts, and says what came of it.

    Args:
        router: Asks for models that are given by their ids; None is a client with its defaults.

    Example:
        >>> evaluator = Evaluator()
        >>> result = evaluator.compare(  # doctest: +SKIP
        ...     ["openai/gpt-oss-120b:cheapest", "Qwen/Qwen3-32B:fastest"], ["Why is the sky blue?"], budget="0.10"
        ... )
        >>> result.save("report.html")  # doctest: +SKIP
    """

    def __init__(self, router: HFRouter | None = None) -> None:
        self.router = router or HFRouter()

    def compare(
        self,
        models: Sequence[Any],
        prompts: str | os.PathLike[str] | Sequence[Any],
        **how: Unpack[RunOptions],
    ) -> PromptComparison:
        """Models side by side on the same prompts: answers, failures, times, tokens and costs.

        Args:
            models: Ids, with or without a provider; functions of messages; or whatever has `name`, `key` and `ask`,
                such as `langchain_hfrouter.LangChainSubject`.
            prompts: Texts, mappings and `Prompt`s, or the path of a file of them (see `shared_core.evaluate.prompts`).
            how: Repeats, budget, chat parameters, a file to go on from; see `RunOptions`.

        Raises:
            ConfigError: An argument cannot work, or the file cannot be used. What befalls single questions is in the
                result.
        """
        return BlockingRun(compare(self.router, models, prompts, how), self.router._sender()).finish()

    def compare_embeddings(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        pairs: Any,
        **how: Unpack[EmbeddingRunOptions],
    ) -> EmbeddingComparison:
        """Embedding models side by side on your own queries and documents: nDCG, recall, speed, cost.

        With an embedding cache (`HFRouter(embedding_cache=True)`) nothing is paid for twice, and a comparison that was
        broken off goes on from there.

        Args:
            models: Ids for the router; "local:" and a Hub id or a folder for this machine; mappings such as
                {"model": "org/name", "query_prompt": "query: "}; clients, `LocalEmbedder`s, embedding models of
                LangChain, LlamaIndex or sentence-transformers. A mapping of names to these names them.
            pairs: What each query should find: a list of (query, document), or the path of a file, or of a folder in
                BEIR's form; see `shared_core.evaluate.embeddings.judgements`.
            how: Further documents, k, similarity, seed, progress; see `EmbeddingRunOptions`.

        Raises:
            ConfigError: An argument cannot work, or a file cannot be read. A model that fails has that in the result.

        Example:
            >>> pairs = [("How far is it?", "Forty miles."), ("When do we eat?", "At noon.")]
            >>> result = Evaluator().compare_embeddings(  # doctest: +SKIP
            ...     ["BAAI/bge-m3", "local:sentence-transformers/all-MiniLM-L6-v2"], pairs, k=[1, 10]
            ... )
            >>> print(result)  # doctest: +SKIP
        """
        flow = compare_embeddings(self.router, models, pairs, how)
        return BlockingRun(flow, self.router._sender()).finish()

    def run_cases(
        self,
        cases: Cases | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
        models: Sequence[Any] | None = None,
        **how: Unpack[CaseOptions],
    ) -> CaseResults:
        """Tests of models on your own cases: what their answers must fulfil, how often they do, and how sure that is.

        Args:
            cases: The path of a file of cases, or what one would hold (see `shared_core.evaluate.cases.cases`).
            models: Whom to ask, as for `compare`; None for those that the file names.
            how: Repeats, budget, judge, embedder and the like; see `CaseOptions`.

        Raises:
            ConfigError: A case or an argument cannot work; nothing was sent. What befalls single questions is in the
                results.
        """
        return BlockingRun(run_cases(self.router, cases, models, how), self.router._sender()).finish()

    def estimate(
        self,
        models: Sequence[Any],
        prompts: str | os.PathLike[str] | Sequence[Any],
        **how: Unpack[RunOptions],
    ) -> RunEstimate:
        """What `compare` with the same arguments would ask, and may cost. Nobody is asked; the catalogue of prices is
        loaded.

        Raises:
            ConfigError: As of `compare`.
        """
        return BlockingRun(estimate(self.router, models, prompts, how), self.router._sender()).finish()

    def estimate_cases(
        self,
        cases: Cases | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
        models: Sequence[Any] | None = None,
        **how: Unpack[CaseOptions],
    ) -> RunEstimate:
        """What `run_cases` with the same arguments would ask, may cost, download and run. Nothing of it happens: of a
        stranger's file, no code is loaded either.

        Raises:
            ConfigError: As of `run_cases`.
        """
        return BlockingRun(estimate_cases(self.router, cases, models, how), self.router._sender()).finish()

    def estimate_embeddings(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        pairs: Any,
        **how: Unpack[EmbeddingRunOptions],
    ) -> RunEstimate:
        """What `compare_embeddings` with the same arguments would embed, may cost and download. Nothing of it happens.

        Raises:
            ConfigError: As of `compare_embeddings`.
        """
        flow = estimate_embeddings(self.router, models, pairs, how)
        return BlockingRun(flow, self.router._sender()).finish()


class AsyncEvaluator:
    """The same for event loops."""

    def __init__(self, router: AsyncHFRouter | None = None) -> None:
        self.router = router or AsyncHFRouter()

    async def compare(
        self,
        models: Sequence[Any],
        prompts: str | os.PathLike[str] | Sequence[Any],
        **how: Unpack[RunOptions],
    ) -> PromptComparison:
        """See `Evaluator.compare`."""
        return await AsyncRun(compare(self.router, models, prompts, how), self.router._sender()).finish()

    async def compare_embeddings(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        pairs: Any,
        **how: Unpack[EmbeddingRunOptions],
    ) -> EmbeddingComparison:
        """See `Evaluator.compare_embeddings`."""
        flow = compare_embeddings(self.router, models, pairs, how)
        return await AsyncRun(flow, self.router._sender()).finish()

    async def run_cases(
        self,
        cases: Cases | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
        models: Sequence[Any] | None = None,
        **how: Unpack[CaseOptions],
    ) -> CaseResults:
        """See `Evaluator.run_cases`."""
        return await AsyncRun(run_cases(self.router, cases, models, how), self.router._sender()).finish()

    async def estimate(
        self,
        models: Sequence[Any],
        prompts: str | os.PathLike[str] | Sequence[Any],
        **how: Unpack[RunOptions],
    ) -> RunEstimate:
        """See `Evaluator.estimate`."""
        return await AsyncRun(estimate(self.router, models, prompts, how), self.router._sender()).finish()

    async def estimate_cases(
        self,
        cases: Cases | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
        models: Sequence[Any] | None = None,
        **how: Unpack[CaseOptions],
    ) -> RunEstimate:
        """See `Evaluator.estimate_cases`."""
        return await AsyncRun(estimate_cases(self.router, cases, models, how), self.router._sender()).finish()

    async def estimate_embeddings(
        self,
        models: Sequence[Any] | Mapping[str, Any],
        pairs: Any,
        **how: Unpack[EmbeddingRunOptions],
    ) -> RunEstimate:
        """See `Evaluator.estimate_embeddings`."""
        flow = estimate_embeddings(self.router, models, pairs, how)
        return await AsyncRun(flow, self.router._sender()).finish()
