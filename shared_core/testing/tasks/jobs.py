"""Jobs and files that outlive a request: handed in once, asked after by later requests, fetched at the end.

A job advances by being asked after, never by the clock: tests see the same steps every time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from shared_core.testing.studio.made import Made, Order

from .quirks import MediaQuirks

__all__ = ["Job", "Stored", "Works"]


@dataclass(slots=True)
class Job:
    """One submission, as it was handed in and as it stands.

    Attributes:
        id: The provider's id for it.
        provider: The provider.
        task: The task.
        model: The model's name on the Hub.
        body: The request's body, as it was sent.
        order: What is to be made.
        quirks: What was scripted for it.
        polls: Status requests so far.
        cancels: Cancel requests so far.
        cancelled: Whether one came before it was done.
        fetched: Requests for its result so far.
        url: Where its result lies, once it is done.
    """

    id: str
    provider: str
    task: str
    model: str
    body: Any
    order: Order
    quirks: MediaQuirks
    polls: int = 0
    cancels: int = 0
    cancelled: bool = False
    fetched: int = 0
    url: str = ""
    made: Made | None = field(default=None, repr=False)

    @property
    def done(self) -> bool:
        """Whether it has come to its end, well or not."""
        return not self.quirks.never and (self.cancelled or self.polls > self.quirks.polls)

    @property
    def waiting(self) -> bool:
        """Whether it has not even begun: true in the first half of its polls."""
        return not self.done and self.polls <= (self.quirks.polls + 1) // 2


@dataclass(frozen=True, slots=True)
class Stored:
    """A result file on the second origin, and what goes otherwise with fetching it."""

    made: Made
    quirks: MediaQuirks


class Works:
    """All jobs and files of a router, shared by the server's thread and the test's."""

    def __init__(self) -> None:
        self.files_root = ""
        self.files_port = 0
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, Stored] = {}
        self._number = 0

    def submit(
        self, provider: str, task: str, model: str, body: Any, order: Order, quirks: MediaQuirks
    ) -> Job:
        """Record a submission under a new id."""
        with self._lock:
            self._number += 1
            job = Job(_id(provider, self._number), provider, task, model, body, order, quirks)
            self._jobs[job.id] = job
            return job

    def find(self, provider: str, job_id: str) -> Job | None:
        """The provider's job of that id, None when it is not known or lost."""
        with self._lock:
            job = self._jobs.get(job_id)
        return None if job is None or job.provider != provider or job.quirks.lost else job

    def polled(self, job: Job) -> None:
        """Note a status request, by which it advances."""
        with self._lock:
            job.polls += 1

    def cancelled(self, job: Job) -> bool:
        """Note a cancel request; whether it came in time."""
        with self._lock:
            job.cancels += 1
            in_time = not job.done
            job.cancelled = job.cancelled or in_time
            return in_time

    def store(self, made: Made, quirks: MediaQuirks, number: int = 0) -> str:
        """Put a file on the second origin; its URL."""
        with self._lock:
            name = f"{len(self._files):04x}/{number or 'out'}.{made.ending}"
            self._files[name] = Stored(made, quirks)
            return f"{self.files_root}/files/{name}"

    def stored(self, name: str) -> Stored | None:
        """A file by the end of its URL."""
        with self._lock:
            return self._files.get(name)

    def at(self, url: str) -> Made | None:
        """The file behind one of our own URLs: how a job reads another's result."""
        root = f"{self.files_root}/files/"
        found = self.stored(url[len(root) :]) if self.files_root and url.startswith(root) else None
        return found.made if found is not None else None

    @property
    def jobs(self) -> list[Job]:
        """Every job so far, in the order of submission."""
        with self._lock:
            return list(self._jobs.values())

    def forget(self) -> None:
        """Drop jobs and files."""
        with self._lock:
            self._jobs.clear()
            self._files.clear()


def _id(provider: str, number: int) -> str:
    """An id that looks as the provider's own do."""
    if provider == "fal-ai":
        return f"00000000-0000-4000-8000-{number:012x}"
    if provider == "replicate":
        return f"offline{number:019d}"
    if provider == "zai-org":
        return f"{81390000000000 + number}-{9000000000000000000 + number}"
    return f"{provider.partition('-')[0]}-{number:024x}"
