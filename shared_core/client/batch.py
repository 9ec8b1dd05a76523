"""Many mixed requests as one flow: several at a time, in order, kept as they come.

Lives here: the run of a batch, and what it gives. Not here: what a request asks for (`batch_requests`), the file
(`batch_file`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from shared_core.client.batch_file import BatchFile, read_reply
from shared_core.client.batch_requests import BatchRequest, flow_of, key_of, read_request
from shared_core.client.costing import NOTHING_SENT
from shared_core.errors import RouterError
from shared_core.flow import Flow, gather, offload
from shared_core.types import Cost

if TYPE_CHECKING:
    from shared_core.client.task_router import TaskRouter

__all__ = ["Batch", "BatchReplies"]

Progress = Callable[[int, int | None], object]


class BatchReplies(Sequence[Any]):
    """What came of a batch, in the order of its requests: for each a reply, or the error that befell it.

    Those that were kept in a file are read when they are looked at.

    Attributes:
        sent: How many requests this run has made; the others were in the file.

    Example:
        >>> replies = router.batch([{"messages": [{"role": "user", "content": "Hi"}]}])  # doctest: +SKIP
        >>> [reply.text for reply in replies], replies.failed, str(replies.cost)  # doctest: +SKIP
        (['Hello!'], [], '$0.00002 (price list of 2026-08-22)')
    """

    def __init__(self, outcomes: Sequence[Any], path: Path | None, sent: int) -> None:
        self._outcomes, self._path = outcomes, path
        self.sent = sent

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self._read(outcome) for outcome in self._outcomes[place]]
        return self._read(self._outcomes[place])

    def __len__(self) -> int:
        return len(self._outcomes)

    def __repr__(self) -> str:
        return f"BatchReplies({len(self)} replies, {len(self.failed)} failed, {self.sent} sent)"

    @property
    def failed(self) -> list[int]:
        """The places of those that failed."""
        return [place for place, outcome in enumerate(self._outcomes) if isinstance(outcome, RouterError)]

    @property
    def cost(self) -> Cost:
        """What the replies cost together, those of earlier runs included."""
        total = NOTHING_SENT
        for reply in self:
            if not isinstance(reply, RouterError):
                total = total.plus(reply.meta.cost)
        return total

    def _read(self, outcome: Any) -> Any:
        return (
            read_reply(self._path, outcome)
            if self._path is not None and isinstance(outcome, int)
            else outcome
        )


@dataclass(slots=True)
class Batch:
    """One batch on its way.

    Args:
        client: Who is asked.
        requests: Taken one by one, each when its turn has come.
        at_once: How many are under way, at most.
        path: Where answers are kept; None for memory alone.
        progress: Told (done, total), the total None where it is unknown.
        stop_on_error: Whether the first failure ends the rest, and is raised.
    """

    client: TaskRouter
    requests: Iterable[BatchRequest]
    at_once: int
    path: Path | None
    progress: Progress | None
    stop_on_error: bool
    _outcomes: list[Any] = field(default_factory=list, init=False)
    _seen: dict[str, int] = field(default_factory=dict, init=False)
    _done: int = field(default=0, init=False)
    _sent: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self) -> Flow[BatchReplies]:
        """All of them."""
        path = self.path
        file = None if path is None else (yield from offload(lambda: BatchFile(path)))
        try:
            yield from gather(self._items(file), at_once=self.at_once)
        finally:
            if file is not None:
                file.close()
        if self.progress is not None and not isinstance(self.requests, Sized):
            self.progress(self._done, self._done)
        return BatchReplies(self._outcomes, path, self._sent)

    def _items(self, file: BatchFile | None) -> Iterator[Flow[None]]:
        """The flows of those that are to be sent."""
        for place, request in enumerate(self.requests):
            self._outcomes.append(None)
            key = ""
            try:
                task, arguments = read_request(request)
                if file is not None:
                    key = self._key(task, arguments)
            except RouterError as error:
                self._fail(place, error)
                continue
            if file is not None and (kept := file.known.get(key)) is not None:
                self._enter(place, kept)
            else:
                yield self._item(place, task, arguments, file, key)

    def _item(
        self, place: int, task: str, arguments: dict[str, Any], file: BatchFile | None, key: str
    ) -> Flow[None]:
        with self._lock:
            self._sent += 1
        try:
            reply = yield from flow_of(self.client, task, arguments)
        except RouterError as error:
            return self._fail(place, error)
        if file is not None:
            reply = yield from offload(lambda: file.add(key, reply))
        return self._enter(place, reply)

    def _key(self, task: str, arguments: dict[str, Any]) -> str:
        """Requests that are alike are told apart by how many came before: each has an answer of its own."""
        key = key_of(self.client, task, arguments)
        before = self._seen[key] = self._seen.get(key, -1) + 1
        return f"{key}-{before}"

    def _fail(self, place: int, error: RouterError) -> None:
        if self.stop_on_error:
            error.add_note(f"This befell request {place} of the batch.")
            raise error
        self._enter(place, error)

    def _enter(self, place: int, outcome: Any) -> None:
        with self._lock:
            self._outcomes[place] = outcome
            self._done += 1
            if self.progress is not None:
                self.progress(self._done, len(self.requests) if isinstance(self.requests, Sized) else None)
