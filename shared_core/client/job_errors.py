"""How jobs end that give no result, in words: what failed, who may have been paid, how the job is found again."""

from __future__ import annotations

from shared_core.errors import JobFailed, Refused, RouterError
from shared_core.types import Job, JobReport

__all__ = ["advise", "lost", "paid_for", "raise_failure"]


def paid_for(error: RouterError) -> RouterError:
    """The error of what may have run: nobody is to send it again without knowing."""
    error.reactions = frozenset()
    advise(
        error,
        "It may have run, and be billed: it was not sent again. Look at the provider's own pages, or call again to "
        "pay for another.",
    )
    return error


def advise(error: RouterError, advice: str, *, keep: bool = False) -> None:
    """Adds to what the error advises; in place of what its class advises to everybody, unless that is to be kept."""
    own = error.hint if keep or error.hint != error.default_hint else ""
    error.hint = f"{own} {advice}".strip()


def raise_failure(report: JobReport) -> None:
    """Raises what a report means that is no result.

    Raises:
        Refused: The result was withheld.
        JobFailed: The job failed, or was cancelled.
    """
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


def lost(error: RouterError, job: Job) -> RouterError:
    """The error of a question about a job that is not asked again."""
    if error.status != 404:
        keep = error.status in (401, 403)  # what a token lacks is worth saying whoever asks
        advise(error, "The job may go on: `router.resume(error.job)` asks again.", keep=keep)
        return error
    return JobFailed(
        f"{job.provider} knows no job {job.id!r} (any more): {error.message.partition(': ')[2] or error.message}",
        hint="Providers forget results after a while; look at the provider's own pages before paying for another.",
        status=404,
        code="lost",
    )
