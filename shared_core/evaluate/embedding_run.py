"""Embedding models one after another on the same judgements: the flow from arguments to `EmbeddingComparison`.

One after another, so that none computes while another is timed. For each model: the first query alone, which tells how
long it takes to be ready (to load, to look up who serves it, to connect); the documents, in long lists; up to 50
queries one at a time, for their latency; the other queries as a list. Then exact search, and the figures.

What an embedding cache knew (of the client, or of a local embedder) is neither computed nor timed again: a comparison
that was broken off and is made again goes on from there.

Not here: search and figures (`retrieval`), intervals (`resampling`), the result (`embedding_comparison`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypedDict

from shared_core.client.checks import checked_count
from shared_core.client.progress import Bar
from shared_core.errors import ConfigError, MalformedResponse, RouterError
from shared_core.evaluate.embedders import Embedder, RouterEmbedder, embedders_of
from shared_core.evaluate.embedding_comparison import EmbeddingComparison, EmbeddingScore, PairedDifference
from shared_core.evaluate.figures import Spread
from shared_core.evaluate.judgements import Judgements, judgements_of
from shared_core.evaluate.resampling import difference, estimate, holm
from shared_core.evaluate.retrieval import FIGURES, Similarity, nearest
from shared_core.flow import Flow, offload
from shared_core.types import Cost, EmbedReply, Kind
from shared_core.types.cost import EXACT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["EmbeddingRunOptions", "compare_embeddings"]

_TIMED = 50  # queries that are asked one at a time
_LIST = 2048  # texts a call


class EmbeddingRunOptions(TypedDict, total=False):
    """How embedding models are compared.

    Args:
        documents: Further documents to search in: texts, a mapping of names to texts, or a file; see
            `shared_core.evaluate.judgements`. The more of them there are, the more a figure tells.
        split: Which judgements of a folder in BEIR's form are used, "test" unless given.
        k: How many found documents are looked at, 10 unless given; or several such numbers.
        similarity: "cosine" unless given, or "dot" for models that were trained with it.
        seed: Of intervals and tests, 0 unless given: the same figures have the same intervals.
        progress: True draws a bar on a terminal's stderr; a function is called with (done, total) texts.
    """

    documents: Any
    split: str
    k: int | Sequence[int]
    similarity: Similarity
    seed: int
    progress: bool | Callable[[int, int], object]


def compare_embeddings(
    client: HFRouter | AsyncHFRouter, models: Any, pairs: Any, how: EmbeddingRunOptions
) -> Flow[EmbeddingComparison]:
    """See `Evaluator.compare_embeddings`."""
    started = time.time()
    if unknown := how.keys() - EmbeddingRunOptions.__annotations__.keys():
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    ks, seed, similarity = _ks(how.get("k", 10)), how.get("seed", 0), how.get("similarity", "cosine")
    if similarity not in ("cosine", "dot"):
        raise ConfigError(f"There is no similarity {similarity!r}.", hint='Choose "cosine" or "dot".')
    if not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed={seed!r} is no whole number from 0 on.")
    embedders = embedders_of(models, client)
    judged = yield from offload(lambda: judgements_of(pairs, how.get("documents"), how.get("split", "test")))
    matter = _Matter.of(judged, ks, similarity, seed)
    tell = _Telling(how.get("progress"), len(embedders) * (len(matter.texts) + len(matter.queries)))
    notes = []
    if any(isinstance(embedder, RouterEmbedder) for embedder in embedders):
        notes += yield from _with_prices(client)
    scores = []
    for number, embedder in enumerate(embedders, 1):
        scores.append((yield from _score(embedder, matter, tell)))
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
        seconds=time.time() - started,
        notes=tuple(notes),
    )


def _ks(k: Any) -> tuple[int, ...]:
    given = [k] if isinstance(k, int) else list(k) if isinstance(k, Sequence) and not isinstance(k, str) else []
    if not given:
        raise ConfigError(f"k={k!r} is neither a number nor a list of some.", hint="Write k=10, or k=[1, 10].")
    return tuple(sorted({checked_count(one, "k") for one in given}))


def _with_prices(client: HFRouter | AsyncHFRouter) -> Flow[list[str]]:
    """Loads the catalogue, by which costs are known; what is to be said where that failed."""
    try:
        yield from client._models(refresh=False)
    except RouterError as error:
        return [f"The server's catalogue was not to be had ({type(error).__name__}): no costs by it."]
    return []


@dataclass(frozen=True, slots=True)
class _Matter:
    """What every model is given, in an order that does not depend on that of the user's lists.

    Args:
        queries: Texts, by their names.
        relevant: What each of them should find.
        texts: Documents; equal ones once.
        names: The names of those that have each text.
        ks, similarity, seed: The user's.
        main: The figure that models are ordered by.
    """

    queries: list[str]
    relevant: list[Mapping[str, float]]
    texts: list[str]
    names: list[list[str]]
    ks: tuple[int, ...]
    similarity: Similarity
    seed: int
    main: str

    @classmethod
    def of(cls, judged: Judgements, ks: tuple[int, ...], similarity: Similarity, seed: int) -> _Matter:
        asked = sorted(judged.queries)
        by_text: dict[str, list[str]] = {}
        for name in sorted(judged.documents):
            by_text.setdefault(judged.documents[name], []).append(name)
        return cls(
            [judged.queries[name] for name in asked],
            [judged.relevant[name] for name in asked],
            list(by_text),
            list(by_text.values()),
            ks,
            similarity,
            seed,
            f"ndcg@{ks[-1]}",
        )


class _Telling:
    """How many texts are done."""

    def __init__(self, wanted: Any, total: int) -> None:
        self._tell = wanted if callable(wanted) else Bar() if wanted else None
        self._done, self._total = 0, total

    def add(self, texts: int) -> None:
        self._done += texts
        if self._tell is not None:
            self._tell(self._done, self._total)

    def reach(self, share: float) -> None:
        """A model is through, perhaps because it failed."""
        missing = round(share * self._total) - self._done
        if missing > 0:
            self.add(missing)


@dataclass(slots=True)
class _Replies:
    """What one model's replies come to."""

    cost: dict[Cost, Decimal] = field(default_factory=dict)
    tokens: int | None = 0
    truncated: int = 0
    recalled: int = 0
    provider: str | None = None
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, reply: EmbedReply) -> None:
        meta = reply.meta
        usd = meta.cost.usd
        kind = meta.cost if usd is None else replace(meta.cost, usd=Decimal(0))
        self.cost[kind] = EXACT.add(self.cost.get(kind, Decimal(0)), usd or Decimal(0))
        if reply.recalled < len(reply):
            known = self.tokens is not None and reply.usage is not None
            self.tokens = self.tokens + reply.usage.total_tokens if known else None  # type: ignore[operator, union-attr]
        self.truncated += len(reply.truncated)
        self.recalled += reply.recalled
        self.provider = meta.provider or self.provider
        self.notes.update(dict.fromkeys(reply.notes))

    def total(self) -> Cost:
        kinds = [kind if kind.usd is None else replace(kind, usd=usd) for kind, usd in self.cost.items()]
        total = kinds[0]
        for kind in kinds[1:]:
            total = total.plus(kind)
        return total


def _score(embedder: Embedder, matter: _Matter, tell: _Telling) -> Flow[EmbeddingScore]:
    """One model's figures, or why there are none."""
    replies = _Replies()

    def ask(texts: Sequence[str], kind: Kind) -> Flow[EmbedReply]:
        reply = yield from embedder.embed(texts, kind)
        if reply.vectors.ndim != 2 or len(reply) != len(texts) or not reply.vectors.size:
            raise MalformedResponse(
                f"{embedder.name} gave vectors of the shape {reply.vectors.shape} for {len(texts)} texts.",
                hint="It should be one a text.",
            )
        replies.add(reply)
        tell.add(len(texts))
        return reply

    queries, texts = matter.queries, matter.texts
    try:
        first = yield from ask(queries[:1], "query")
        documents, speed = yield from _embedded(ask, texts, "document")
        timed = []
        for query in queries[1 : 1 + _TIMED]:
            timed.append((yield from ask([query], "query")))
        vectors = [reply.vectors for reply in (first, *timed)]
        if rest := queries[1 + _TIMED :]:
            vectors.append((yield from _embedded(ask, rest, "query"))[0])
        found = yield from offload(lambda: _found(documents, vectors, matter))
    except RouterError as error:
        why = " ".join(str(error).partition("\nNext: ")[0].split())
        return EmbeddingScore(embedder.name, error=type(error).__name__, why=why)
    by_query = {
        f"{figure}@{k}": tuple(map(FIGURES[figure], found, matter.relevant, [k] * len(found)))
        for figure in FIGURES
        for k in matter.ks
    }
    return EmbeddingScore(
        embedder.name,
        figures={name: estimate(values, matter.seed) for name, values in by_query.items()},
        by_query=by_query,
        dimensions=documents.shape[1],
        index_bytes=sum(map(len, matter.names)) * documents.shape[1] * 4,
        documents_per_s=speed,
        query_s=Spread.of(_seconds(reply) for reply in timed),
        ready_s=_seconds(first),
        tokens=replies.tokens,
        cost=replies.total(),
        truncated=replies.truncated,
        recalled=replies.recalled,
        provider=replies.provider,
        notes=tuple(replies.notes),
    )


def _seconds(reply: EmbedReply) -> float | None:
    return None if reply.recalled else reply.meta.latency_s


def _embedded(
    ask: Callable[[Sequence[str], Kind], Flow[EmbedReply]], texts: Sequence[str], kind: Kind
) -> Flow[tuple[NDArray[np.float32], float | None]]:
    """The vectors of a long list, and how many a second were computed; None where all were in a cache."""
    import numpy as np

    whole: NDArray[np.float32] | None = None
    computed, seconds = 0, 0.0
    for start in range(0, len(texts), _LIST):
        reply = yield from ask(texts[start : start + _LIST], kind)
        if whole is None:
            whole = np.empty((len(texts), reply.vectors.shape[1]), np.float32)
        if reply.vectors.shape[1] != whole.shape[1]:
            raise MalformedResponse(
                f"Some vectors have {reply.vectors.shape[1]} dimensions, others {whole.shape[1]}.",
                hint="The model has changed behind its name.",
            )
        whole[start : start + _LIST] = reply.vectors
        if reply.recalled < len(reply):
            computed, seconds = computed + len(reply) - reply.recalled, seconds + reply.meta.latency_s
    assert whole is not None  # there is at least one text
    return whole, computed / seconds if seconds > 0 else None


def _found(
    documents: NDArray[np.float32], vectors: Sequence[NDArray[np.float32]], matter: _Matter
) -> list[list[str]]:
    import numpy as np

    if len({part.shape[1] for part in vectors}) > 1:
        raise MalformedResponse("Queries have vectors of several lengths.", hint="Ask another host.")
    return list(nearest(documents, np.concatenate(vectors), matter.names, matter.ks[-1], matter.similarity))


def _differences(scores: Sequence[EmbeddingScore], matter: _Matter) -> tuple[PairedDifference, ...]:
    """Each pair of models, the better one first; chances by Holm for that many pairs."""
    pairs = list(combinations([score for score in scores if score.ok], 2))
    apart = [
        difference(one.by_query[matter.main], other.by_query[matter.main], matter.seed)
        for one, other in pairs
    ]
    chances = holm([each.p for each in apart])
    return tuple(_pairs(pairs, [each._replace(p=p) for each, p in zip(apart, chances, strict=True)]))


def _pairs(pairs: Sequence[tuple[EmbeddingScore, EmbeddingScore]], apart: Sequence[Any]) -> Iterator[Any]:
    for (one, other), each in zip(pairs, apart, strict=True):
        yield PairedDifference(one.name, other.name, *each)
