"""One job from its acceptance to its end, under a clock that only sleeping moves: the flow is stepped by hand."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from shared_core.client.downloads import Keep
from shared_core.client.exchange import Exchange
from shared_core.client.jobs import JobRun
from shared_core.client.pipeline import policies
from shared_core.client.settings import Keyring
from shared_core.client.task_exchange import TaskExchange
from shared_core.client.waiters import Waiter, Waiters
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
