"""One call of `embed`: a list of texts becomes requests, and their replies one array.

each text once ▸ cache ▸ batches ▸ (report ▸ smaller batches ▸ retry ▸ wait_for_model ▸ exchange)

- Smaller batches stand between report and retry: a batch that is refused for its size is no failure yet.
- What has come back is kept at once, so that a run that breaks off has lost no finished batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from shared_core.cache import EmbeddingCache, VectorKeys, keep, through
from shared_core.client.batches import LESSONS, cut, size_of
from shared_core.client.exchange import Exchange
from shared_core.client.ledger import Ledger
from shared_core.client.pipeline import run_through
from shared_core.client.vectors import EmbedExchange
from shared_core.errors import BadRequest, InputTooLong, RouterError
from shared_core.flow import Flow, gather, offload
from shared_core.policy import Policy
from shared_core.providers import EmbedRoute
from shared_core.types import Call, EmbedReply, EmbedRequest, Progress, ReplyMeta
from shared_core.wire.embeddings import Embedded
from shared_core.wire.too_much import TooMuch, why_too_much

if TYPE_CHECKING:
    pass

__all__ = ["Embedding", "Memory", "Pace", "nothing_to_embed"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a long list is sent.

    Args:
        batch_size: Texts a request, at most; None for what the host is known to accept.
        at_once: Requests at one time, at most.
        progress: Told (done, total), one call at a time, from whichever thread a batch ended in.
    """

    batch_size: int | None = None
    at_once: int = 8
    progress: Callable[[int, int], object] | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """The cache, and the keys of one way of embedding.

    Args:
        cache: Where vectors are kept.
        keys: Makes the keys.
        prompt: What stands in front of each text and is part of `keys` already.
    """

    cache: EmbeddingCache
    keys: VectorKeys
    prompt: str

    def keys_of(self, texts: Sequence[str]) -> list[bytes]:
        """Keys of texts that have the prompt in front."""
        start = len(self.prompt)
        return self.keys.of(text[start:] for text in texts)


class Embedding:
    """One call, from its request for all texts to its reply.

    Args:
        call: The whole: its request holds every text, its waits the deadline of all batches.
        route: Where the texts go.
        exchange: Sends.
        policies: Around each batch, report first.
        pace: How the list is sent.
        memory: What was embedded before; None for no cache.
    """

    def __init__(
        self,
        call: Call,
        route: EmbedRoute,
        exchange: Exchange,
        policies: Sequence[Policy],
        pace: Pace,
        memory: Memory | None = None,
    ) -> None:
        self._call = call
        self._request = replace(cast(EmbedRequest, call.request), model=route.model)
        self._route = route
        self._lesson = LESSONS.of(route.url, route.model)
        self._exchange = EmbedExchange(exchange, route, self._lesson)
        self._outer, self._inner = policies[:1], policies[1:]
        self._pace = pace
        self._memory = memory
        # Rows are the different texts; places are positions in the caller's list.
        first: dict[str, int] = {}
        for place, text in enumerate(self._request.texts):
            first.setdefault(text, place)
        self._texts = list(first)
        self._places = list(first.values())
        self._row_at = dict(zip(self._places, range(len(first)), strict=True))
        self._ledger = Ledger(len(first), pace.progress)

    def run(self) -> Flow[EmbedReply]:
        """All texts to one array, in their order."""
        rows: Sequence[int] = range(len(self._texts))
        if self._memory is not None:
            rows = yield from self._recall(self._memory)
        if rows:
            yield from self._embed(rows)
        return self._reply()

    def _recall(self, memory: Memory) -> Flow[Sequence[int]]:
        """Enters what the cache knows; returns the rows that it does not."""
        dimensions = self._request.dimensions
        known = yield from offload(lambda: through(memory.cache, memory.keys_of(self._texts), dimensions))
        if len(known.vectors):
            missing = set(known.missing)
            self._ledger.enter([row for row in range(len(self._texts)) if row not in missing], known.vectors)
        return known.missing

    def _embed(self, rows: Sequence[int]) -> Flow[None]:
        sizes = [size_of(self._texts[row]) for row in rows]
        order = list(range(len(rows)))
        most_texts, most_bytes = self._limits()
        if len(rows) <= most_texts and sum(sizes) <= most_bytes:  # one request, which needs no thread
            return (yield from self._send([rows[position] for position in order]))
        # Long ones first: texts of one length share a batch, and nobody waits for a late heavy one.
        order.sort(key=sizes.__getitem__, reverse=True)
        parts = cut([sizes[position] for position in order], self._limits)
        children = (self._send([rows[position] for position in order[part]]) for part in parts)
        yield from gather(children, at_once=self._pace.at_once)
        return None

    def _limits(self) -> tuple[int, int]:
        """(texts, bytes) that a request may hold by now."""
        limits = self._route.limits
        if self._pace.batch_size is not None:
            limits = replace(limits, texts=self._pace.batch_size)
        return self._lesson.within(limits)

    def _send(self, rows: Sequence[int]) -> Flow[None]:
        """One batch, with its own clockwork inside the deadline of all."""
        waits = self._call.waits.shared()
        request = replace(
            self._request,
            texts=[self._texts[row] for row in rows],
            places=[self._places[row] for row in rows],
        )
        call = replace(self._call, request=request, waits=waits, progress=Progress(waits.now()))
        try:
            yield from run_through(self._outer, call, self._batch)
        finally:
            self._ledger.count(call.progress.attempts)

    def _batch(self, call: Call) -> Flow[None]:
        """A batch, in halves where the host finds it too much."""
        request = cast(EmbedRequest, call.request)
        try:
            answer = yield from run_through(self._inner, call, self._exchange)
        except (InputTooLong, BadRequest) as error:
            refusal, why = error, why_too_much(error)
        else:
            return (yield from self._keep(call, request, *answer))
        if why is None or len(request.texts) == 1:
            raise self._explained(refusal, request, why)
        self._learn(why, request)
        yield from self._halves(call, request, refusal, why)
        return None

    def _halves(self, call: Call, request: EmbedRequest, refusal: RouterError, why: TooMuch) -> Flow[None]:
        middle = len(request.texts) // 2
        first, second = (
            replace(request, texts=request.texts[part], places=request.places[part])
            for part in (slice(middle), slice(middle, None))
        )
        try:
            yield from self._batch(replace(call, request=first))
        except BadRequest as error:
            if why.of != "unclear" or self._ledger.begun or len(first.texts) > 1:
                raise
            # Is it the text, or something that every request shares? Another text tells.
            try:
                yield from self._batch(replace(call, request=second))
            except BadRequest:
                raise refusal from None
            raise self._explained(error, first, why) from None
        yield from self._batch(replace(call, request=second))

    def _learn(self, why: TooMuch, request: EmbedRequest) -> None:
        count = len(request.texts)
        if why.of == "texts":
            told = why.most is not None and 0 < why.most < count
            self._lesson.fewer_texts(why.most if told and why.most else count // 2)
        elif why.of == "bytes":
            self._lesson.less_text(sum(map(size_of, request.texts)) // 2)

    def _explained(self, error: RouterError, request: EmbedRequest, why: TooMuch | None) -> RouterError:
        """The error, with the text that it is about, where that is known."""
        if "dimension" in error.message.lower() and request.dimensions is not None:
            error.hint = "This host or model has one length of vectors only: leave `dimensions` out."
        elif why is not None and len(request.texts) == 1 and (why.of != "unclear" or self._ledger.begun):
            named = f"Text {request.place(0)} was refused. {error.message}"
            error.message, error.args = named, (named,)
            if isinstance(error, InputTooLong):
                error.hint = "Cut that text into passages, or pass truncate=True where the host can cut."
        return error

    def _keep(
        self, call: Call, request: EmbedRequest, embedded: Embedded, headers: Mapping[str, str]
    ) -> Flow[None]:
        rows = [self._row_at[place] for place in request.places]
        self._ledger.enter(rows, embedded.vectors)
        self._ledger.note(call, headers, embedded.model, embedded.usage, embedded.notes)
        memory = self._memory
        if memory is not None:
            yield from offload(lambda: keep(memory.cache, memory.keys_of(request.texts), embedded.vectors))

    def _reply(self) -> EmbedReply:
        import numpy as np

        vectors = self._ledger.rows
        if (
            vectors is None
        ):  # nothing was asked, so that the length of the vectors is known only if it was chosen
            vectors = np.empty((0, self._request.dimensions or 0), dtype=np.float32)
        if len(self._texts) < len(self._request.texts):
            row_of = dict(zip(self._texts, range(len(self._texts)), strict=True))
            vectors = vectors[[row_of[text] for text in self._request.texts]]
        waits, progress = self._call.waits, self._call.progress
        return EmbedReply(
            vectors,
            self._ledger.usage,
            self._ledger.meta(self._route.model, self._route.url, waits.now() - progress.started),
            notes=(*self._route.notes, *self._ledger.notes),
        )


def nothing_to_embed(request: EmbedRequest, url: str) -> EmbedReply:
    """The reply to an empty list, for which nobody is asked: the length of the vectors is 0 unless it was chosen."""
    import numpy as np

    empty = np.empty((0, request.dimensions or 0), dtype=np.float32)
    return EmbedReply(empty, None, ReplyMeta(request.model, attempts=0, url=url))
