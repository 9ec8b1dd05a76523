"""How a job is asked after: how often, until when, and by whom it may be stopped."""

from __future__ import annotations

import pytest

from shared_core.errors import (
    ConnectionLost,
    JobFailed,
    TimedOut,
)
from shared_core.types import JobReport
from tests.client.jobs.conftest import (
    DONE,
    FAL,
    FILM,
    MP4,
    QUEUED,
    RESULT,
    RUNNING,
    TICKET,
    WAVES,
    Answer,
    Stage,
)


def test_a_film_is_asked_after_until_it_is_done_and_then_fetched_without_the_token(stage: Stage) -> None:
    done = stage.run([TICKET, QUEUED, RUNNING, DONE, RESULT, MP4])
    assert stage.sent == [
        "POST /fal-ai/m?_subdomain=queue",
        *["GET /fal-ai/fal-ai/m/requests/7/status?_subdomain=queue"] * 3,
        "GET /fal-ai/fal-ai/m/requests/7?_subdomain=queue",
        f"GET {FILM}",
    ]
    assert done.files[0].data == MP4
    assert (done.report.seed, done.job.id, done.job.model) == (7, "7", "a/b")
    assert [each.phase for each in stage.told] == ["queued", "queued", "running", "done"]
    assert {each.job for each in stage.told} == {done.job}


def test_the_waits_grow_to_ten_seconds_and_no_longer(stage: Stage) -> None:
    stage.resume(FAL, [RUNNING] * 20 + [DONE, RESULT, MP4])
    assert stage.sleeps[:4] == pytest.approx([0.5, 0.65, 0.845, 1.0985])
    assert stage.sleeps == sorted(stage.sleeps)
    assert max(stage.sleeps) == 10.0
    assert len(stage.sleeps) == 20  # a resumed job is asked after at once


def test_a_result_that_came_with_the_status_is_not_asked_for_again(stage: Stage) -> None:
    stage.resume(WAVES, [{"data": {"status": "completed", "outputs": [FILM]}}, MP4])
    assert stage.sent == [f"GET {WAVES.status}", f"GET {FILM}"]


def test_a_deadline_leaves_the_job_going_on(stage: Stage) -> None:
    stage = Stage(total=10.0)
    with pytest.raises(TimedOut, match=r"not done within 10 s; it goes on at fal-ai") as caught:
        stage.resume(FAL, [RUNNING] * 50)
    assert caught.value.job == FAL
    assert "router.resume(error.job)" in caught.value.hint
    assert sum(stage.sleeps) == pytest.approx(10.0)
    assert not [line for line in stage.sent if "cancel" in line]
    assert Stage().resume(caught.value.job, [DONE, RESULT, MP4]).files[0].data == MP4


def test_no_question_is_begun_after_the_deadline() -> None:
    stage = Stage(total=1.0)

    def slow() -> Answer:
        stage.now += 5.0
        return RUNNING

    with pytest.raises(TimedOut, match="not done within 1 s"):
        stage.resume(FAL, [slow])
    assert len(stage.sent) == 1
    assert stage.sleeps == []


def test_a_wall_clock_that_jumps_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: -1e9)
    done = stage.run([TICKET, RUNNING, DONE, RESULT, MP4])
    assert done.job.submitted_at == -1e9
    assert Stage().resume(done.job, [RUNNING, DONE, RESULT, MP4]).files


def test_a_stop_while_it_sleeps_ends_the_wait_without_another_question(stage: Stage) -> None:
    def tell(report: JobReport) -> None:
        if report.phase == "running":
            stage.waiters.stop(FAL)

    stage.tell = tell
    with pytest.raises(JobFailed, match="cancelled from elsewhere") as caught:
        stage.resume(FAL, [RUNNING])
    assert (caught.value.code, caught.value.job) == ("canceled", FAL)
    assert (caught.value.provider, caught.value.model) == ("fal-ai", "a/b")


@pytest.mark.parametrize(
    "answers", [[], [DONE], [DONE, RESULT]], ids=["a question", "the result", "the file"]
)
def test_a_stop_while_it_reads_is_no_broken_line(stage: Stage, answers: list[Answer]) -> None:
    def hung_up() -> Answer:
        assert stage.waiters.stop(FAL) == 1
        return ConnectionLost("The connection broke.")

    with pytest.raises(JobFailed, match="cancelled from elsewhere"):
        stage.resume(FAL, [*answers, hung_up])
