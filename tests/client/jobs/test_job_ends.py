"""Ends of a job that are no result, and first replies that are no job."""

from __future__ import annotations

import copy

import pytest

from shared_core.errors import (
    ConnectionLost,
    JobFailed,
    MalformedResponse,
    Refused,
    RouterError,
    TimedOut,
    Unauthorized,
)
from shared_core.types import Job
from tests.client.jobs.conftest import DONE, FAL, MP4, RESULT, RUNNING, TICKET, Answer, Reply, Stage


@pytest.mark.parametrize(
    ("answers", "error", "says", "code"),
    [
        ([{"status": "FAILED", "error": "out of memory"}], JobFailed, "failed: out of memory", "failed"),
        ([{"status": "COMPLETED", "error": "out of memory"}], JobFailed, "failed: out of memory", "failed"),
        ([RUNNING, {"status": "CANCELLED"}], JobFailed, "cancelled at the provider", "canceled"),
        ([DONE, {**RESULT, "has_nsfw_concepts": [True]}], Refused, "not safe for work", "nsfw"),
        ([RUNNING, Reply({"detail": "gone"}, 404)], JobFailed, "knows no job '7'", "lost"),
        ([DONE, Reply({"detail": "gone"}, 404)], JobFailed, "knows no job '7'", "lost"),
    ],
    ids=[
        "a failure",
        "a failure that is called completed",
        "a cancelled job",
        "a result that is withheld",
        "a job that the provider has forgotten",
        "a result that the provider has forgotten",
    ],
)
def test_ends_with(stage: Stage, answers: list[Answer], error: type, says: str, code: str) -> None:
    with pytest.raises(error, match=says) as caught:
        stage.resume(FAL, answers)
    assert (caught.value.code, caught.value.job) == (code, FAL)
    assert (caught.value.provider, caught.value.model) == ("fal-ai", "a/b")
    assert not caught.value.reactions


FALTERING: dict[str, Answer] = {
    "a connection that breaks": ConnectionLost("broke"),
    "a limit that passes": TimedOut("late"),
    "a server that fails": Reply({"detail": "oops"}, 500),
    "a gateway's page": Reply(b"<html>Bad Gateway</html>", 502, **{"content-type": "text/html"}),
    "too many questions": Reply({"detail": "slow down"}, 429),
    "half a reply": Reply(b'{"status": "IN_PRO'),
    "a page in place of JSON": Reply(b"<html>Log in</html>", **{"content-type": "text/html"}),
    "a word that is unknown": {"status": "PONDERING"},
    "a reply that says nothing": {},
}


@pytest.mark.parametrize("faltering", FALTERING.values(), ids=FALTERING)
def test_four_failed_questions_in_a_row_are_passed_over(faltering: Answer) -> None:
    def again() -> Answer:
        return copy.copy(faltering)

    stage = Stage()
    answers: list[Answer] = [again] * 4 + [RUNNING] + [again] * 4 + [DONE] + [again] * 4 + [RESULT, MP4]
    assert stage.resume(FAL, answers).files[0].data == MP4


@pytest.mark.parametrize("faltering", FALTERING.values(), ids=FALTERING)
def test_the_fifth_in_a_row_is_raised_and_the_job_can_be_resumed(faltering: Answer) -> None:
    stage = Stage()
    with pytest.raises(RouterError) as caught:
        stage.resume(FAL, [lambda: copy.copy(faltering)] * 5)
    assert len(stage.sent) == 5
    assert caught.value.job == FAL
    assert "router.resume(error.job)" in caught.value.hint
    assert Stage().resume(caught.value.job, [DONE, RESULT, MP4]).files


def test_a_refusal_that_asking_again_cannot_help_is_raised_at_once_with_its_own_advice(stage: Stage) -> None:
    with pytest.raises(Unauthorized) as caught:
        stage.resume(FAL, [Reply({"error": "Invalid token"}, 401)])
    assert caught.value.job == FAL
    assert "HF_TOKEN" in caught.value.hint
    assert "router.resume(error.job)" in caught.value.hint


def test_done_without_a_result_is_no_empty_reply(stage: Stage) -> None:
    job = Job("replicate", "text-to-video", "a/b", "7", "/replicate/v1/predictions/7")
    with pytest.raises(MalformedResponse, match="gives no result") as caught:
        stage.resume(job, [{"status": "succeeded", "output": []}])
    assert caught.value.job == job


@pytest.mark.parametrize(
    ("provider", "reply"),
    [
        ("fal-ai", {"status": "IN_QUEUE"}),
        ("fal-ai", {**TICKET, "response_url": "https://q.example/../x"}),
        ("replicate", {"id": "7", "status": "starting"}),
        ("wavespeed", {"data": {"id": "7", "status": "created"}}),
        ("together", {"status": "queued"}),
        ("together", {"id": "../x", "status": "queued"}),
        ("novita", {"video": {}}),
        ("fal-ai", {"text": "hello"}),
    ],
    ids=[
        "fal: a job without a name",
        "fal: a job elsewhere",
        "replicate: a job without an address",
        "wavespeed: a job without an address",
        "together: a job without an id",
        "together: a job elsewhere",
        "novita: no film",
        "fal: a transcript in place of a film",
    ],
)
def test_a_first_reply_without_a_result_or_a_job_says_that_it_may_be_billed(
    stage: Stage, provider: str, reply: Answer
) -> None:
    with pytest.raises(MalformedResponse) as caught:
        stage.run([reply], provider)
    assert "billed" in caught.value.hint
    assert "base_url" not in caught.value.hint
    assert not caught.value.reactions
    assert len(stage.sent) == 1
