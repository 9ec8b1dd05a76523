"""Embedding models one after another on the same judgements: the flow from arguments to `EmbeddingComparison`.

One after another, so that none computes while another is timed.

What an embedding cache knew (of the client, or of a local embedder) is neither computed nor timed again: a comparison
that was broken off and is made again goes on from there.

Not here: one model's way (`trial`), the result (`comparison`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from shared_core.client.checks import checked_count
from shared_core.errors import ConfigError
from shared_core.evaluate.embeddings.comparison import EmbeddingComparison, EmbeddingScore, PairedDifference
from shared_core.evaluate.embeddings.embedders import Embedder, LocalModel, RouterEmbedder, embedders_of
from shared_core.evaluate.embeddings.judgements import Judgements, judgements_of
from shared_core.evaluate.embeddings.resampling import difference, holm
from shared_core.evaluate.embeddings.retrieval import Similarity
from shared_core.evaluate.embeddings.trial import Matter, Telling, scored
from shared_core.evaluate.estimating import RunEstimate, in_own_code
from shared_core.evaluate.planning import budget_of, check_names, load_prices, progress_of
from shared_core.flow import Flow, offload
from shared_core.types import Budget

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["EmbeddingRunOptions", "compare_embeddings", "estimate_embeddings"]


class EmbeddingRunOptions(TypedDict, total=False):
    """How embedding models are compared.

    Args:
        documents: Further documents to search in: texts, a mapping of names to texts, or a file; see
            `shared_core.evaluate.embeddings.judgements`. The more of them there are, the more a figure tells.
        split: Which judgements of a folder in BEIR's form are used, "test" unless given.
        k: How many found documents are looked at, 10 unless given; or several such numbers.
        similarity: "cosine" unless given, or "dot" for models that were trained with it.
        budget: US dollars that the models behind the client may cost, as a text such as "0.50", or a `Budget`; as in
            `RunOptions`. None sets no limit.
        seed: Of intervals and tests, 0 unless given: the same figures have the same intervals.
        progress: True draws a bar on a terminal's stderr; a function is called with (done, total) texts.
    """

    documents: Any
    split: str
    k: int | Sequence[int]
    similarity: Similarity
    budget: Budget | Mapping[str, Any] | Decimal | str | int | None
    seed: int
    progress: bool | Callable[[int, int], object]


def compare_embeddings(
    client: HFRouter | AsyncHFRouter, models: Any, pairs: Any, how: EmbeddingRunOptions
) -> Flow[EmbeddingComparison]:
    """See `Evaluator.compare_embeddings`."""
    started, begun = time.time(), time.monotonic()
    progress = progress_of(how.get("progress"), "texts")
    _, bound, embedders, judged, matter = yield from _prepared(client, models, pairs, how)
    similarity, seed = matter.similarity, matter.seed
    tell = Telling(progress, len(embedders) * (len(matter.texts) + len(matter.queries)))
    unpriced = yield from _prices(bound, embedders)
    scores = []
    for number, embedder in enumerate(embedders, 1):
        scores.append((yield from scored(embedder, matter, tell)))
        tell.reach(number / len(embedders))
    scores.sort(key=lambda score: -score.figures[matter.main].mean if score.ok else 1.0)
    apart = yield from offload(lambda: _differences(scores, matter))
    return EmbeddingComparison(
        models=tuple(scores),
        differences=apart,
        main=matter.main,
        queries=len(matter.queries),
        documents=len(judged.documents),
        judgements=sum(map(len, judged.relevant.values())),
        similarity=similarity,
        seed=seed,
        started=started,
        seconds=time.monotonic() - begun,
        notes=(unpriced,) if unpriced else (),
    )


def estimate_embeddings(
    client: HFRouter | AsyncHFRouter, models: Any, pairs: Any, how: EmbeddingRunOptions
) -> Flow[RunEstimate]:
    """See `Evaluator.estimate_embeddings`."""
    budget, bound, embedders, _, matter = yield from _prepared(client, models, pairs, how)
    unpriced = yield from _prices(bound, embedders)
    subjects, calls = [], len(matter.queries) + len(matter.texts)
    for embedder in embedders:
        if isinstance(embedder, RouterEmbedder | LocalModel):
            subjects.append((yield from embedder.estimate(matter.queries, matter.texts)))
        else:
            subjects.append(in_own_code(embedder.name, calls))
    notes = (unpriced,) if unpriced else ()
    return RunEstimate(subjects=tuple(subjects), prompts=calls, budget=budget, notes=notes)


class _Prepared(NamedTuple):
    budget: Budget | None
    client: HFRouter | AsyncHFRouter
    embedders: list[Embedder]
    judged: Judgements
    matter: Matter


def _prepared(
    client: HFRouter | AsyncHFRouter, models: Any, pairs: Any, how: EmbeddingRunOptions
) -> Flow[_Prepared]:
    """The arguments, checked and read.

    Raises:
        ConfigError: One of them cannot work.
    """
    check_names(how, EmbeddingRunOptions)
    ks, seed, similarity = _ks(how.get("k", 10)), how.get("seed", 0), how.get("similarity", "cosine")
    if similarity not in ("cosine", "dot"):
        raise ConfigError(f"There is no similarity {similarity!r}.", hint='Choose "cosine" or "dot".')
    if not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed={seed!r} is no whole number from 0 on.")
    budget = budget_of(how.get("budget"))
    bound = client if budget is None else client.within(budget)
    embedders = embedders_of(models, bound)
    judged = yield from offload(lambda: judgements_of(pairs, how.get("documents"), how.get("split", "test")))
    matter = yield from offload(lambda: Matter.of(judged, ks, similarity, seed))
    return _Prepared(budget, bound, embedders, judged, matter)


def _prices(client: HFRouter | AsyncHFRouter, embedders: Sequence[Embedder]) -> Flow[str]:
    if not any(isinstance(embedder, RouterEmbedder) for embedder in embedders):
        return ""
    return (yield from load_prices(client, "no costs by it"))


def _ks(k: Any) -> tuple[int, ...]:
    given = (
        [k] if isinstance(k, int) else list(k) if isinstance(k, Sequence) and not isinstance(k, str) else []
    )
    if not given:
        raise ConfigError(
            f"k={k!r} is neither a number nor a list of some.", hint="Write k=10, or k=[1, 10]."
        )
    return tuple(sorted({checked_count(one, "k") for one in given}))


def _differences(scores: Sequence[EmbeddingScore], matter: Matter) -> tuple[PairedDifference, ...]:
    """Each pair of models, the better one first; chances by Holm for that many pairs."""
    pairs = list(combinations([score for score in scores if score.ok], 2))
    apart = [
        difference(one.by_query[matter.main], other.by_query[matter.main], matter.seed)
        for one, other in pairs
    ]
    chances = holm([each.p for each in apart])
    return tuple(
        PairedDifference(one.name, other.name, each.mean, each.low, each.high, p)
        for (one, other), each, p in zip(pairs, apart, chances, strict=True)
    )
