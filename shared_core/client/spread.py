"""A long list of texts, sent in batches: several at a time, and in halves where a host finds one too much.

    batches ▸ (report ▸ smaller batches ▸ retry ▸ wait_for_model ▸ exchange)

- Smaller batches stand between report and retry: a batch that is refused for its size is no failure yet.
- What has come back is kept at once, so that a run that breaks off has lost no finished batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from shared_core.client.batches import Lesson, cut, size_of
from shared_core.client.collected import Collected
from shared_core.client.pipeline import run_through
from shared_core.errors import BadRequest, InputTooLong, RouterError
from shared_core.flow import Flow, gather
from shared_core.policy import Handler, Policy
from shared_core.providers import Limits
from shared_core.types import Call, EmbedRequest, Progress, RerankRequest, Timeouts, Waits
from shared_core.wire.too_much import TooMuch, why_too_much

__all__ = ["Pace", "Spread"]

Listed = EmbedRequest | RerankRequest


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
class Spread:
    """One list on its way.

    Args:
        call: The whole: its request holds every text and where each stands in the caller's list, its waits the
            time limits.
        policies: Around each batch, report first.
        exchange: One try with one batch.
        keep: Takes in the answer to a batch.
        ledger: Where answers are entered.
        limits: What one request may hold.
        lesson: What the host has taught so far.
        pace: How the list is sent.
    """

    call: Call
    policies: Sequence[Policy]
    exchange: Handler[Any]
    keep: Callable[[Call, Any], Flow[None]]
    ledger: Collected
    limits: Limits
    lesson: Lesson
    pace: Pace

    def send(self, rows: Sequence[int]) -> Flow[None]:
        """Sends the texts at these positions of the request, and returns when all are answered."""
        texts = _request(self.call).texts
        sizes = [size_of(texts[row]) for row in rows]
        most_texts, most_bytes = self._most()
        if len(rows) <= most_texts and sum(sizes) <= most_bytes:  # one request, which needs no thread
            return (yield from self._send(rows))
        # Long ones first: texts of one length share a batch, and nobody waits for a late heavy one.
        order = sorted(range(len(rows)), key=sizes.__getitem__, reverse=True)
        parts = cut([sizes[position] for position in order], self._most)
        batches = (self._send([rows[position] for position in order[part]]) for part in parts)
        yield from gather(batches, at_once=self.pace.at_once)
        return None

    def _most(self) -> tuple[int, int]:
        """(texts, bytes) that a request may hold by now."""
        wanted = self.pace.batch_size
        return self.lesson.within(self.limits if wanted is None else replace(self.limits, texts=wanted))

    def _send(self, rows: Sequence[int]) -> Flow[None]:
        """One batch, with a stopwatch of its own."""
        waits = self._waits()
        part = _picked(_request(self.call), rows)
        call = replace(self.call, request=part, waits=waits, progress=Progress(waits.now()))
        try:
            yield from run_through(self.policies[:1], call, self._batch)
        finally:
            self.ledger.count(call.progress.attempts)

    def _waits(self) -> Waits:
        """A limit that a user set is the whole list's. The usual one is each request's: it is made for one, and
        would end a long list in the midst of success."""
        whole = self.call.waits
        if whole.limits == Timeouts():
            return Waits(whole.limits, whole.now, streamed=False)
        return whole.shared()

    def _batch(self, call: Call) -> Flow[None]:
        """A batch, in halves where the host finds it too much."""
        request = _request(call)
        try:
            answer = yield from run_through(self.policies[1:], call, self.exchange)
        except (InputTooLong, BadRequest) as error:
            refusal, why = error, why_too_much(error)
        else:
            return (yield from self.keep(call, answer))
        if why is None or len(request.texts) == 1:
            raise self._explained(refusal, request, why)
        yield from self._halves(call, refusal, why)
        self._learn(why, request.texts)  # not before less was taken: a host in trouble refuses every size
        return None

    def _halves(self, call: Call, refusal: RouterError, why: TooMuch) -> Flow[None]:
        request = _request(call)
        middle = len(request.texts) // 2
        first, second = _picked(request, range(middle)), _picked(request, range(middle, len(request.texts)))
        try:
            yield from self._batch(replace(call, request=first))
        except (InputTooLong, BadRequest) as error:
            if why.of != "unclear" or self.ledger.done or len(first.texts) > 1:
                raise
            # Is it this text, or something that every request shares? Another text tells.
            try:
                yield from self._batch(replace(call, request=second))
            except (InputTooLong, BadRequest):
                raise self._explained(refusal, request, None) from None
            raise self._explained(error, first, why) from None
        yield from self._batch(replace(call, request=second))

    def _learn(self, why: TooMuch, texts: Sequence[str]) -> None:
        if why.of == "texts":
            told = why.most is not None and 0 < why.most < len(texts)
            self.lesson.fewer_texts(cast(int, why.most) if told else len(texts) // 2)
        elif why.of == "bytes":
            self.lesson.less_text(sum(map(size_of, texts)) // 2)

    def _explained(self, error: RouterError, request: Listed, why: TooMuch | None) -> RouterError:
        """The error, with the text that it is about, where that is known."""
        said = error.message.lower()
        if getattr(request, "dimensions", None) is not None and ("dimension" in said or "matryoshka" in said):
            error.hint = "This host or model has one length of vectors only: leave `dimensions` out."
        elif why is not None and len(request.texts) == 1 and (why.of != "unclear" or self.ledger.done):
            named = f"Text {request.place(0)} was refused. {error.message}"
            error.message, error.args = named, (named,)
            if isinstance(error, InputTooLong):
                error.hint = "Cut that text into passages, or pass truncate=True where the host can cut."
        return error


def _request(call: Call) -> Listed:
    return cast(Listed, call.request)


def _picked(request: Listed, rows: Sequence[int]) -> Listed:
    """The request for some of its texts."""
    return replace(
        request, texts=[request.texts[row] for row in rows], places=[request.place(row) for row in rows]
    )
