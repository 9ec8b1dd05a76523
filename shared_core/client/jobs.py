"""One call of a task that may become a job: sent once, asked after until it is done, fetched.

    send ▸ (a result at once | a job: ask ▸ wait longer ▸ ask … ▸ done) ▸ results

- What may have run is never sent again: what is made is paid for each time. The retry policy knows (`paid`).
- From the moment a provider has accepted a job, every error carries it (`.job`), and it can be resumed.
- A question about a job costs nothing: it is repeated, and a few that fail in a row are passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from shared_core.client.downloads import Keep, file_of
from shared_core.client.exchange import Exchange
from shared_core.client.pipeline import run_through
from shared_core.client.task_exchange import Answer, TaskExchange
from shared_core.client.waiters import Waiter, Waiters
from shared_core.errors import ConnectionLost, JobFailed, ProviderFailed, Refused, RouterError, TimedOut
from shared_core.flow import Effect, Flow, sleep
from shared_core.media import MediaFile
from shared_core.observe import log
from shared_core.policy import Policy
from shared_core.providers.dialects import DIALECTS, PLAIN, Dialect
from shared_core.types import Call, Job, JobReport, LookupRequest, Places, Progress

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
    """

    call: Call
    exchange: Exchange
    policies: Sequence[Policy]
    keep: Keep | None
    waiters: Waiters
    waiter: Waiter
    tell: Callable[[JobReport], object] | None = None

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
        places = dialect.places(answer.value)
        if places is None:
            return (
                yield from self._finished(answer.headers, answer.value, self._read(dialect, answer.value))
            )
        job = self._job(task, places)
        report = replace(dialect.read(answer.value), job=job)
        return (yield from self._kept(job, self._until_done(dialect, job, report, answer.headers)))

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
        return self._job(task, places)

    def resume(self, job: Job) -> Flow[Finished]:
        """Waits for a job that was submitted before, here or elsewhere."""
        dialect = _dialect(job.provider)
        return (
            yield from self._kept(
                job, self._until_done(dialect, job, JobReport("queued", job=job), {}, at_once=True)
            )
        )

    def send(self, task: TaskExchange, policies: Sequence[Policy]) -> Flow[Answer]:
        """Sends the task, once for certain."""
        try:
            return (yield from run_through(policies, self.call, task))
        except (ConnectionLost, TimedOut, ProviderFailed) as error:
            if task.paid and not self.call.waits.opening:
                error.reactions = frozenset()
                error.hint = (
                    "It may have run, and be billed: it was not sent again. Look at the provider's own pages, or "
                    "call again to pay for another."
                )
            raise

    def _until_done(
        self, dialect: Dialect, job: Job, report: JobReport, headers: Mapping[str, str], at_once: bool = False
    ) -> Flow[Finished]:
        self._say(report)
        wait, failures = dialect.first_wait, 0
        waits = self.call.waits
        while not report.over:
            if not at_once:
                left = waits.until_deadline()
                if left <= 0:
                    raise TimedOut(
                        f"The job was not done within {waits.limits.total:g} s; it goes on at {job.provider}.",
                        hint="Wait for it with `router.resume(error.job)`, or end it with `router.cancel(error.job)`.",
                        reactions=(),
                    )
                yield from sleep(min(wait, left))
                wait = min(wait * _LONGER, _LONGEST_WAIT)
            at_once = False
            if self.waiter.stopped:
                raise JobFailed("The job was cancelled from elsewhere in this program.", code="canceled")
            try:
                reply = yield from self._ask(job.status)
            except RouterError as error:
                failures += 1
                if "retry" not in error.reactions or failures >= _MOST_FAILURES:
                    raise _lost(error, job) from None
                continue
            failures = 0
            report = replace(dialect.read(reply), job=job)
            self._say(report)
        if report.phase == "done" and job.result:
            report = replace(dialect.read((yield from self._ask(job.result))), job=job)
        return (yield from self._finished(headers, report.raw, report))

    def _finished(self, headers: Mapping[str, str], raw: Any, report: JobReport | None) -> Flow[Finished]:
        if report is not None:
            _raise_failure(report)
        files: list[MediaFile] = []
        if self.keep is not None and report is not None:
            for number, output in enumerate(report.outputs):
                files.append((yield from file_of(self.exchange, self.call, output, self.keep, number)))
        return Finished(raw, tuple(files), headers, report, report.job if report else None)

    def _read(self, dialect: Dialect, value: Any) -> JobReport | None:
        """What stands in an immediate answer; JSON that is no medium is for others to read."""
        return None if self.keep is None else dialect.read(value)

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
        self.waiters.enter(job, self.waiter)
        try:
            return (yield from _noting(flow, job))
        except RouterError as error:
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
        error.add_note(
            f"The job goes on. To fetch its result: router.resume(Job.from_json({job.to_json()!r}))"
        )
        raise


def _raise_failure(report: JobReport) -> None:
    said = f": {report.message}" if report.message else "."
    if report.unsafe:
        raise Refused(
            "The provider withheld the result as not safe for work" + said,
            hint="Put the prompt differently.",
            code="nsfw",
            reactions=(),
        )
    if report.phase == "failed":
        raise JobFailed("The job failed" + said, code="failed")
    if report.phase == "canceled":
        raise JobFailed("The job was cancelled at the provider" + said, code="canceled")


def _lost(error: RouterError, job: Job) -> RouterError:
    if error.status != 404:
        error.hint = "The job may go on: `router.resume(error.job)` asks again."
        return error
    return JobFailed(
        f"{job.provider} knows no job {job.id!r} (any more): {error.message}",
        hint="Providers forget results after a while; look at the provider's own pages before paying for another.",
        status=404,
        code="lost",
    )
