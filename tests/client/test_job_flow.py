"""One job from its acceptance to its end, under a clock that only sleeping moves: the flow is stepped by hand."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from shared_core.client.downloads import Keep
from shared_core.client.exchange import Exchange
from shared_core.client.jobs import JobRun
from shared_core.client.pipeline import policies
from shared_core.client.settings import Keyring
from shared_core.client.task_exchange import TaskExchange
from shared_core.client.waiters import Waiter, Waiters
from shared_core.errors import (
    ConnectionLost,
    JobFailed,
    MalformedResponse,
    ProviderFailed,
    Refused,
    RouterError,
    TimedOut,
    Unauthorized,
)
from shared_core.flow import Offload, Read, Send, Sleep
from shared_core.media.sink import MOST_BYTES
from shared_core.providers import Served
from shared_core.types import ApiKey, Call, Job, JobReport, Progress, Target, TaskRequest, Timeouts, Waits

ROUTER = "https://router.huggingface.co"
FILM = "https://files.example/out.mp4"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
TICKET = {
    "request_id": "7",
    "response_url": "https://queue.fal.run/fal-ai/m/requests/7",
    "status": "IN_QUEUE",
}
QUEUED, RUNNING, DONE = ({"status": word} for word in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED"))
RESULT = {"video": {"url": FILM}, "seed": 7}
FAL = Job("fal-ai", "text-to-video", "a/b", "7", "/fal-ai/m/7/status", "/fal-ai/m/7", "/fal-ai/m/7/cancel")
WAVES = Job("wavespeed", "text-to-video", "a/b", "7", "/wavespeed/api/v3/predictions/7/result")


class Reply:
    """What came of one request."""

    def __init__(self, body: object, status: int = 200, **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {"content-type": "application/json", **headers}


Answer = Reply | BaseException | Callable[[], "Answer"] | dict[str, Any] | bytes


class Stage:
    """A clock, a record of what a flow asked for, and the answers that it gets."""

    def __init__(self, total: float = 3600.0, retries: int = 0, keep: bool = True) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []
        self.sent: list[str] = []
        self.told: list[JobReport] = []
        self.tell: Callable[[JobReport], object] = self.told.append
        self.waiter, self.waiters = Waiter(), Waiters()
        limits = Timeouts(total=total, first_token=total, gap=total)
        self.request = TaskRequest("text-to-video", "a boat", "a/b")
        waits = Waits(limits, lambda: self.now, streamed=False)
        self.call = Call(self.request, Target(ROUTER, ApiKey("hf_secret")), waits, Progress(self.now))
        self.exchange = Exchange(Keyring())
        self.stack = policies(max_retries=retries, patience=0)
        self.keep = Keep("video", None, MOST_BYTES) if keep else None

    def job_run(self) -> JobRun:
        tell = lambda report: self.tell(report)  # noqa: E731
        return JobRun(
            self.call,
            self.exchange,
            self.stack,
            self.keep,
            self.waiters,
            self.waiter,
            tell,
            jitter=lambda: 0.5,
        )

    def resume(self, job: Job, answers: Iterable[Answer]) -> Any:
        return self.play(self.job_run().resume(job), answers)

    def run(self, answers: Iterable[Answer], provider: str = "fal-ai") -> Any:
        task = TaskExchange(
            self.exchange, Served(provider, "m", "live", "text-to-video"), self.request, self.keep
        )
        return self.play(self.job_run().run(task, policies(max_retries=2, patience=0, paid=True)), answers)

    def play(self, flow: Any, answers: Iterable[Answer]) -> Any:
        replies = iter(answers)
        unread: dict[int, bytes] = {}
        step: Callable[[], Any] = functools.partial(next, flow)
        try:
            while True:
                effect = step()
                try:
                    value = self._perform(effect, replies, unread)
                except BaseException as error:  # the flow decides
                    step = functools.partial(flow.throw, error)
                else:
                    step = functools.partial(flow.send, value)
        except StopIteration as end:
            assert not list(replies), "answers that were never asked for"
            return end.value

    def _perform(self, effect: object, replies: Any, unread: dict[int, bytes]) -> object:
        if isinstance(effect, Sleep):
            self.sleeps.append(effect.seconds)
            self.now += effect.seconds
            return None
        if isinstance(effect, Offload):
            return effect.function()
        if isinstance(effect, Read):
            return unread.pop(id(effect.response), b"")
        assert isinstance(effect, Send)
        self.sent.append(f"{effect.request.method} {effect.request.url.removeprefix(ROUTER)}")
        assert bool(effect.request.key.reveal()) == effect.request.url.startswith(ROUTER + "/")
        effect.waits.sending()
        answer = next(replies)
        while callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        unread[id(reply)] = reply.body
        return reply


@pytest.fixture
def stage() -> Stage:
    return Stage()


# -- waiting


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


# -- ends that are no result


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


# -- what befalls a job that was accepted


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


# -- first replies that are neither a result nor a job that can be asked after


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


# -- results


def test_a_result_is_fetched_again_when_the_line_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(retries=2)
    done = stage.resume(FAL, [DONE, RESULT, ConnectionLost("broke"), Reply(b"oops", 503), MP4])
    assert done.files[0].data == MP4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_host_that_refuses_is_no_matter_of_tokens_or_models(stage: Stage, status: int) -> None:
    with pytest.raises(JobFailed, match="not to be had from its host") as caught:
        stage.resume(FAL, [DONE, RESULT, Reply(b"no", status)])
    assert (caught.value.status, caught.value.job) == (status, FAL)
    assert caught.value.hint == "Fetch it again with `router.resume(error.job)`."


def test_a_result_without_a_job_that_cannot_be_fetched_is_not_lost_for_good(stage: Stage) -> None:
    with pytest.raises(ConnectionLost) as caught:
        stage.run([{"video": {"video_url": FILM}}, ConnectionLost("broke")], "novita")
    assert caught.value.job is None
    assert f"It is paid for: the provider has it for a while, it says at {FILM}" in caught.value.hint


@pytest.mark.parametrize("end", ["closed", "interrupted"])
def test_a_wait_that_ends_in_the_middle_of_a_file_leaves_none_of_it(
    stage: Stage, tmp_path: Path, end: str
) -> None:
    stage.keep = Keep("video", tmp_path, MOST_BYTES)
    flow = stage.job_run().resume(FAL)
    replies = iter([Reply(DONE), Reply(RESULT), Reply(MP4 + bytes(3 * 2**20))])
    unread: dict[int, bytes] = {}
    effect = next(flow)
    while not list(tmp_path.iterdir()):
        effect = flow.send(stage._perform(effect, replies, unread))
    assert isinstance(effect, Read)
    if end == "closed":
        flow.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            flow.throw(KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_of_several_results_of_which_one_cannot_be_had_none_stays(stage: Stage, tmp_path: Path) -> None:
    stage.keep = Keep("video", tmp_path / "boat.mp4", MOST_BYTES)
    job = Job("replicate", "text-to-video", "a/b", "7", "/replicate/v1/predictions/7")
    said = {"status": "succeeded", "output": [FILM, FILM + "2"]}
    with pytest.raises(JobFailed):
        stage.resume(job, [said, MP4, Reply(b"gone", 404)])
    assert list(tmp_path.iterdir()) == []
    assert len(stage.resume(job, [said, MP4, MP4]).files) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boat-2.mp4", "boat.mp4"]


def test_several_results_are_several_files(stage: Stage) -> None:
    job = Job("replicate", "text-to-video", "a/b", "7", "/replicate/v1/predictions/7")
    done = stage.resume(job, [{"status": "succeeded", "output": [FILM, FILM + "2"]}, MP4, MP4 + b"2"])
    assert [file.data for file in done.files] == [MP4, MP4 + b"2"]


# -- being stopped


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
