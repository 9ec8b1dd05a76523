"""One embedding model on its way through a comparison: what it is asked, and its figures.

The first query goes alone, which tells how long the model takes to be ready (to load, to look up who serves it, to
connect); then the documents, in long lists; then up to 50 queries one at a time, for their latency; the other queries
as a list. Then exact search.

Not here: search and figures (`retrieval`), intervals (`resampling`), several models (`run`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from shared_core.client.costing import NOTHING_SENT
from shared_core.errors import MalformedResponse, RouterError
from shared_core.evaluate.embeddings.comparison import EmbeddingScore
from shared_core.evaluate.embeddings.embedders import Embedder
from shared_core.evaluate.embeddings.judgements import Judgements
from shared_core.evaluate.embeddings.resampling import Estimate, estimate
from shared_core.evaluate.embeddings.retrieval import FIGURES, Similarity, nearest
from shared_core.evaluate.figures import Spread
from shared_core.flow import Flow, offload
from shared_core.types import Cost, EmbedReply, Kind
from shared_core.types.cost import EXACT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Matter", "Telling", "scored"]

_TIMED = 50  # queries that are asked one at a time
_LIST = 2048  # texts a call


@dataclass(frozen=True, slots=True)
class Matter:
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
    def of(cls, judged: Judgements, ks: tuple[int, ...], similarity: Similarity, seed: int) -> Matter:
        """The matter of some judgements."""
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


class Telling:
    """How many texts are done.

    Args:
        tell: Told (done, total); None tells nobody.
        total: Texts of all models together.
    """

    def __init__(self, tell: Callable[[int, int | None], object] | None, total: int) -> None:
        self._tell = tell
        self._done, self._total = 0, total

    def add(self, texts: int) -> None:
        """So many more are done."""
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
        """What all of them cost; what nothing did, where there are none."""
        kinds = [kind if kind.usd is None else replace(kind, usd=usd) for kind, usd in self.cost.items()]
        total = kinds[0] if kinds else NOTHING_SENT
        for kind in kinds[1:]:
            total = total.plus(kind)
        return total


def scored(embedder: Embedder, matter: Matter, tell: Telling) -> Flow[EmbeddingScore]:
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
            reply = yield from ask([query], "query")
            timed.append(reply)
        vectors = [reply.vectors for reply in (first, *timed)]
        if rest := queries[1 + _TIMED :]:
            vectors.append((yield from _embedded(ask, rest, "query"))[0])
        found = yield from offload(lambda: _found(documents, vectors, matter))
    except RouterError as error:
        why = " ".join(str(error).partition("\nNext: ")[0].split())
        why = "".join(sign if sign.isprintable() else "?" for sign in why)  # a host's words, for a terminal
        return EmbeddingScore(embedder.name, cost=replies.total(), error=type(error).__name__, why=why)
    by_query, figures = yield from offload(lambda: _figures(found, matter))
    return EmbeddingScore(
        embedder.name,
        figures=figures,
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
    documents: NDArray[np.float32], vectors: Sequence[NDArray[np.float32]], matter: Matter
) -> list[list[str]]:
    import numpy as np

    if len({part.shape[1] for part in vectors}) > 1:
        raise MalformedResponse("Queries have vectors of several lengths.", hint="Ask another host.")
    return list(nearest(documents, np.concatenate(vectors), matter.names, matter.ks[-1], matter.similarity))


def _figures(
    found: Sequence[Sequence[str]], matter: Matter
) -> tuple[dict[str, tuple[float, ...]], dict[str, Estimate]]:
    """By query, and their means."""
    by_query = {
        f"{figure}@{k}": tuple(map(FIGURES[figure], found, matter.relevant, [k] * len(found)))
        for figure in FIGURES
        for k in matter.ks
    }
    return by_query, {name: estimate(values, matter.seed) for name, values in by_query.items()}
