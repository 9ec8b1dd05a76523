"""What has come back so far of a call that is many requests: vectors in their places, counts, who answered.

Safe from threads: on the blocking driver, requests end side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from shared_core.client.costing import NOTHING_SENT
from shared_core.errors import MalformedResponse
from shared_core.providers import Route
from shared_core.types import Call, Cost, Progress, ReplyMeta, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Collected"]


class Collected:
    """Collects the parts of one call.

    Args:
        total: How many rows there will be.
        progress: Told (done, total) after each part, one call at a time.

    Attributes:
        rows: The rows in order, of shape (total, width) or (total,); None until the first part.
        usage: The sum of what the host counted; None when it counted nothing.
        done: How many rows are there.
    """

    def __init__(self, total: int, progress: Callable[[int, int], object] | None = None) -> None:
        self.rows: NDArray[np.float32] | None = None
        self.usage: Usage | None = None
        self._total = total
        self.done = 0
        self._progress = progress
        self._notes: dict[str, None] = {}
        self._attempts = self._moves = 0
        self._model = ""
        self._provider: str | None = None
        self._request_id: str | None = None
        self._headers: Mapping[str, str] = {}
        self._cost: Cost | None = None
        self._lock = threading.Lock()

    def enter(self, places: Sequence[int], rows: NDArray[np.float32]) -> None:
        """Puts rows into their places.

        Raises:
            MalformedResponse: They are of another length than earlier ones.
        """
        import numpy as np

        with self._lock:
            if self.rows is None:
                self.rows = np.empty((self._total, *rows.shape[1:]), dtype=np.float32)
            if rows.shape[1:] != self.rows.shape[1:]:
                raise MalformedResponse(
                    f"The vectors from text {places[0]} on have {rows.shape[1]} dimensions, those of earlier "
                    f"texts {self.rows.shape[1]}.",
                    hint="The model has changed behind its name, or the cache holds another one's vectors: "
                    "start anew, with another cache.",
                    reactions=(),
                )
            self.rows[list(places)] = rows
            self.done += len(places)
            if self._progress is not None:
                self._progress(self.done, self._total)

    def note(
        self,
        call: Call,
        headers: Mapping[str, str],
        model: str,
        usage: Usage | None,
        notes: Sequence[str],
        cost: Cost,
    ) -> None:
        """Remembers who answered one request, and what it cost."""
        progress = call.progress
        with self._lock:
            self._model = model or self._model
            self._moves = max(self._moves, progress.moves)
            self._provider = progress.provider or self._provider
            self._request_id = progress.request_id or self._request_id
            self._headers = headers
            self._notes.update(dict.fromkeys(notes))
            self._cost = cost if self._cost is None else self._cost.plus(cost)
            if usage is not None:
                known = self.usage or Usage(0, 0, 0)
                self.usage = Usage(
                    known.prompt_tokens + usage.prompt_tokens,
                    known.completion_tokens + usage.completion_tokens,
                    known.total_tokens + usage.total_tokens,
                    raw=usage.raw if self.usage is None else {},
                )

    def count(self, attempts: int) -> None:
        """Adds to how often something was sent."""
        with self._lock:
            self._attempts += attempts

    def tell(self, progress: Progress) -> None:
        """Says on the whole call's progress how far its requests have come, for calls that break off."""
        with self._lock:
            progress.attempts, progress.moves = self._attempts, self._moves
            progress.usage, progress.cost = self.usage, self._cost
            progress.provider = self._provider or progress.provider
            progress.request_id = self._request_id or progress.request_id

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def meta(self, route: Route, seconds: float) -> ReplyMeta:
        """Who answered, over all requests: attempts and costs are summed, moves are the most of one request, headers
        the last reply's."""
        return ReplyMeta(
            model=self._model or route.model,
            provider=self._provider or route.provider,
            request_id=self._request_id,
            attempts=self._attempts,
            latency_s=seconds,
            headers=self._headers,
            url=route.root,
            cost=NOTHING_SENT if self._cost is None else self._cost,
            moves=self._moves,
            cached=not self._attempts,
        )
