"""A job that was accepted is never lost: every error, interrupt and strange exception says how to go on."""

from __future__ import annotations

import pickle

import pytest

from shared_core import HFRouter
from shared_core.client.waiters import Waiter
from shared_core.errors import (
    JobFailed,
    ProviderFailed,
)
from shared_core.flow import Flow, Sleep
from shared_core.types import Job, JobReport
from tests.client.jobs.conftest import DONE, FAL, MP4, RESULT, RUNNING, TICKET, Answer, Stage


def test_an_accepted_job_whose_first_state_is_unknown_is_asked_after_all_the_same(stage: Stage) -> None:
    done = stage.run([{**TICKET, "status": "PONDERING"}, DONE, RESULT, MP4])
    assert done.files[0].data == MP4


class Strange(Exception):
    """None of ours."""


@pytest.mark.parametrize("when", [1, 2, 3, 4])
@pytest.mark.parametrize("what", [KeyboardInterrupt, Strange, MemoryError], ids=lambda kind: kind.__name__)
def test_whatever_ends_a_wait_is_told_how_to_go_on(when: int, what: type[BaseException]) -> None:
    answers: list[Answer] = [TICKET, RUNNING, DONE, RESULT, MP4]
    answers[when] = what()
    with pytest.raises(what) as caught:
        Stage().run(answers[: when + 1])
    (note,) = caught.value.__notes__
    job = eval(note.partition("router.resume(")[2][:-1], {"Job": Job})
    assert (job.id, job.provider, job.model) == ("7", "fal-ai", "a/b")
    assert Stage().resume(job, [DONE, RESULT, MP4]).files


def test_an_interrupt_between_two_steps_is_told_how_to_go_on() -> None:
    waiter = Waiter()

    def interrupted() -> Flow[None]:
        waiter.job = FAL
        raise KeyboardInterrupt  # as Python does in the outermost generator, before the inner ones go on
        yield Sleep(0)

    with pytest.raises(KeyboardInterrupt) as caught:
        HFRouter(api_key="")._wait(interrupted(), waiter)
    assert caught.value.job == FAL  # type: ignore[attr-defined]
    assert len(caught.value.__notes__) == 1


def test_a_callback_that_raises_loses_no_job(stage: Stage) -> None:
    def tell(report: JobReport) -> None:
        raise Strange

    stage.tell = tell
    with pytest.raises(Strange) as caught:
        stage.run([TICKET])
    assert "router.resume(Job.from_json(" in caught.value.__notes__[0]
    assert not stage.waiters._waiting


def test_a_callback_that_raises_one_of_our_errors_gives_it_the_job(stage: Stage) -> None:
    def tell(report: JobReport) -> None:
        raise ProviderFailed("mine")

    stage.tell = tell
    with pytest.raises(ProviderFailed, match="mine") as caught:
        stage.run([TICKET])
    assert caught.value.job is not None
    assert caught.value.job.id == "7"


def test_closing_the_flow_leaves_nobody_waiting(stage: Stage) -> None:
    flow = stage.job_run().resume(FAL)
    next(flow)
    assert stage.waiters._waiting
    flow.close()
    assert not stage.waiters._waiting


def test_an_error_keeps_its_job_through_a_pickle(stage: Stage) -> None:
    with pytest.raises(JobFailed) as caught:
        stage.resume(FAL, [{"status": "FAILED"}])
    assert pickle.loads(pickle.dumps(caught.value)).job == FAL
