"""One call of a task that may become a job: sent once, asked after until it is done, fetched.

    send ▸ (a result at once | a job: ask ▸ wait longer ▸ ask … ▸ done) ▸ results

- What may have run is never sent again: what is made is paid for each time. The retry policy knows (`paid`).
- From the moment a provider has accepted a job, every error carries it (`.job`), and it can be resumed.
- A question about a job costs nothing: it is repeated, and a few that fail in a row are passed over.
- A result that is fetched costs nothing more: that is tried again like any question.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from shared_core.client.downloads import Keep, file_of
from shared_core.client.exchange import Exchange
from shared_core.client.job_errors import advise, lost, paid_for, raise_failure
from shared_core.client.pipeline import run_through
from shared_core.client.task_exchange import Answer, TaskExchange
from shared_core.client.waiters import Waiter, Waiters, carry, stopped
from shared_core.errors import (
    ConnectionLost,
    JobFailed,
    MalformedResponse,
    Overloaded,
    ProviderFailed,
    RouterError,
    TimedOut,
)
from shared_core.flow import Effect, Flow, sleep
from shared_core.media import MediaFile
from shared_core.observe import log
from shared_core.policy import Policy
from shared_core.providers.dialects import DIALECTS, PLAIN, Dialect
from shared_core.types import Call, Job, JobReport, LookupRequest, Output, Places, Progress, Remote

__all__ = ["Finished", "JobRun"]

T = TypeVar("T")

_LONGEST_WAIT = 10.0  # seconds between two questions
_LONGER = 1.3
_MOST_FAILURES = 5  # questions in a row that nobody answered
_PATIENCE = 60.0  # seconds for one question, its repetitions included


class Finished(NamedTuple):
    """A task that is done.

    Args:
        raw: The provider's last JSON; empty where it answered with bytes.
        files: The results, where they are files.
        headers: Of the first reply.
        report: What the dialect read; None where the answer was bytes, or JSON that is no medium.
        job: The job, where it was one.
    """

    raw: Any
    files: tuple[MediaFile, ...]
    headers: Mapping[str, str]
    report: JobReport | None = None
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One call.

    Args:
        call: The task, the router's address, the time limits.
        exchange: Sends.
        policies: Around each question.
        keep: What becomes of files; None for tasks whose result is JSON.
        waiters: Who waits for which job in this client.
        waiter: Who waits here.
        tell: Told of each report.
        jitter: A random number in [0, 1): jobs that began together are not asked after in the same moment.
    """

    call: Call
    exchange: Exchange
    policies: Sequence[Policy]
    keep: Keep | None
    waiters: Waiters
    waiter: Waiter
    tell: Callable[[JobReport], object] | None = None
    jitter: Callable[[], float] = random.random

    def run(self, task: TaskExchange, policies: Sequence[Policy]) -> Flow[Finished]:
        """Sends the task and waits for its result.

        Args:
            task: Sends it.
            policies: Around that, made for what is paid.
        """
        return (yield from self.go_on(task, (yield from self.send(task, policies))))

    def go_on(self, task: TaskExchange, answer: Answer) -> Flow[Finished]:
        """Waits for the result of a task that was answered."""
        if answer.file is not None:
            return Finished({}, (answer.file,), answer.headers)
        dialect = _dialect(task.served.provider)
        try:
            places = dialect.places(answer.value)
            report = dialect.read(answer.value) if places is None and self.keep is not None else None
            if report is not None and not report.over:
                raise MalformedResponse(f"{task.served.provider} accepted a job and did not say which.")
        except MalformedResponse as error:
            error.provider, error.model = task.served.provider, task.request.model
            raise paid_for(error) from None
        if places is None:
            try:
                return (yield from self._finished(answer.headers, answer.value, report))
            except RouterError as error:
                error.provider, error.model = task.served.provider, task.request.model
                raise
        job = self._job(task, places)
        return (yield from self._kept(job, self._accepted(dialect, job, answer)))

    def accepted(self, task: TaskExchange, answer: Answer) -> Job:
        """The job that a task's answer speaks of.

        Raises:
            JobFailed: It was answered at once.
        """
        places = None if answer.file is not None else _dialect(task.served.provider).places(answer.value)
        if places is None:
            raise JobFailed(
                f"{task.served.provider} answered at once, and gave no job to be kept.",
                hint="Call the task's own method, which returns the result.",
            )
        self.waiter.job = self.call.progress.job = job = self._job(task, places)
        return job

    def resume(self, job: Job) -> Flow[Finished]:
        """Waits for a job that was submitted before, here or elsewhere."""
        begun = JobReport("queued", job=job)
        return (
            yield from self._kept(job, self._until_done(_dialect(job.provider), job, begun, {}, at_once=True))
        )

    def send(self, task: TaskExchange, policies: Sequence[Policy]) -> Flow[Answer]:
        """Sends the task, once for certain."""
        try:
            return (yield from run_through(policies, self.call, task))
        except (ConnectionLost, TimedOut, ProviderFailed, MalformedResponse, Overloaded) as error:
            refused = isinstance(error, Overloaded) and error.retry_after is not None
            if task.paid and not self.call.waits.opening and not refused:
                raise paid_for(error) from None
            raise

    def _accepted(self, dialect: Dialect, job: Job, answer: Answer) -> Flow[Finished]:
        try:
            report = replace(dialect.read(answer.value), job=job)
        except MalformedResponse:
            report = JobReport("queued", job=job)  # asking costs nothing
        return (yield from self._until_done(dialect, job, report, answer.headers))

    def _until_done(
        self, dialect: Dialect, job: Job, report: JobReport, headers: Mapping[str, str], at_once: bool = False
    ) -> Flow[Finished]:
        self._say(report)
        report = yield from self._watched(dialect, job, report, job.status, at_once)
        if report.phase == "done" and job.result:
            known = JobReport("running", job=job)
            report = yield from self._watched(dialect, job, known, job.result, at_once=True)
        return (yield from self._finished(headers, report.raw, report))

    def _watched(
        self, dialect: Dialect, job: Job, report: JobReport, path: str, at_once: bool
    ) -> Flow[JobReport]:
        """Asks until the job is over, and gives the last word.

        Args:
            report: What is known of it.
            path: Where to ask.
            at_once: Whether the first question needs no wait.
        """
        wait, failures = min(dialect.first_wait, _LONGEST_WAIT), 0
        while not report.over:
            if not at_once:
                yield from self._pause(wait, job)
                wait = min(wait * _LONGER, _LONGEST_WAIT)
            at_once = False
            if self.waiter.stopped:
                raise stopped(job)
            try:
                report = replace(dialect.read((yield from self._ask(path))), job=job)
            except RouterError as error:
                failures += 1
                # A word that is unknown, or half a reply, may be another one the next time.
                passing = "retry" in error.reactions or isinstance(error, MalformedResponse)
                if not passing or failures >= _MOST_FAILURES:
                    raise lost(error, job) from None
                continue
            failures = 0
            if path == job.status:
                self._say(report)
        return report

    def _pause(self, seconds: float, job: Job) -> Flow[None]:
        waits = self.call.waits
        left = waits.until_deadline()
        if left <= 0:
            raise TimedOut(
                f"The job was not done within {waits.limits.total:g} s; it goes on at {job.provider}.",
                hint="Wait for it with `router.resume(error.job)`, or end it with `router.cancel(error.job)`.",
                reactions=(),
            )
        yield from sleep(min(seconds * (0.75 + self.jitter() / 2), left))

    def _finished(self, headers: Mapping[str, str], raw: Any, report: JobReport | None) -> Flow[Finished]:
        if report is None:
            return Finished(raw, (), headers)
        raise_failure(report)
        if self.keep is not None and not report.outputs:
            raise paid_for(
                MalformedResponse("The provider calls it done, and gives no result.", reactions=())
            )
        files: list[MediaFile] = []
        try:
            for number, output in enumerate(report.outputs if self.keep is not None else ()):
                files.append((yield from self._fetched(output, number, report.job)))
        except BaseException:
            for file in files:  # else their names would be taken when the job is resumed
                file.discard()
            raise
        return Finished(raw, tuple(files), headers, report, report.job)

    def _fetched(self, output: Output, number: int, job: Job | None) -> Flow[MediaFile]:
        assert self.keep is not None
        keep = self.keep
        call = replace(self.call, progress=Progress(self.call.waits.now()))
        try:
            return (
                yield from run_through(
                    self.policies, call, lambda call: file_of(self.exchange, call, output, keep, number)
                )
            )
        except RouterError as error:
            if job is not None:
                advise(error, "Fetch it again with `router.resume(error.job)`.")
            elif isinstance(output, Remote):
                advise(error, f"It is paid for: the provider has it for a while, it says at {output.url}")
            else:
                advise(error, "It is paid for; call again to pay for another.")
            raise

    def _ask(self, path: str) -> Flow[Any]:
        waits = self.call.waits.part(_PATIENCE)
        request = LookupRequest(path, token_needed=True, model=self.call.request.model)
        # The job is here and nowhere else: from now on no other target can take over.
        call = replace(self.call, request=request, waits=waits, progress=Progress(waits.now()), turn=None)
        return (yield from run_through(self.policies, call, self.exchange.look_up))

    def _job(self, task: TaskExchange, places: Places) -> Job:
        job = Job(
            task.served.provider,
            task.request.task,
            task.request.model,
            places.id,
            places.status,
            places.result,
            places.cancel,
            time.time(),
        )
        log.job_accepted(job)
        return job

    def _kept(self, job: Job, flow: Flow[T]) -> Flow[T]:
        """The flow, every error of which carries the job, and which another thread or task may stop."""
        self.call.progress.job = job
        self.waiters.enter(job, self.waiter)
        try:
            return (yield from _noting(flow, job))
        except RouterError as error:
            if self.waiter.stopped:  # what was waited for was broken off
                raise stopped(job) from None
            error.job = job
            error.provider = error.provider or job.provider
            error.model = error.model or job.model
            raise
        finally:
            self.waiters.leave(job, self.waiter)

    def _say(self, report: JobReport) -> None:
        if self.tell is not None:
            self.tell(report)


def _dialect(provider: str) -> Dialect:
    return DIALECTS.get(provider, PLAIN)


def _noting(flow: Flow[T], job: Job) -> Generator[Effect, Any, T]:
    """Passes the flow on; what ends it from outside (an interrupt, a callback's error) is told how to go on."""
    try:
        return (yield from flow)
    except (RouterError, GeneratorExit):
        raise
    except BaseException as error:
        carry(error, job)
        raise
