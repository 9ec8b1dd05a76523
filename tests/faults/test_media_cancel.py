"""Jobs that nobody wants any more: whoever waits gets up at once, the provider hears of it, nothing is asked again.

Each test waits for the request or the report that shows where a call stands; none of them sleeps.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, JobFailed, TimedOut
from shared_core.client.waiters import Stoppable, Waiter
from shared_core.providers import MAPPINGS
from shared_core.testing import MediaQuirks, OfflineRouter
from shared_core.types import Job, JobReport

PROMPTLY = 5.0  # seconds; a call that nobody stops would take the sixty that a question has
FAL = Job("fal-ai", "text-to-video", "a/b", "7", "/fal-ai/m/7/status", "/fal-ai/m/7", "/fal-ai/m/7/cancel")
TOGETHER = Job("together", "text-to-video", "a/b", "7", "/together/v2/videos/7")


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    MAPPINGS.clear()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Client:
    """A router of any kind whose calls are futures."""

    def __init__(self, kind: str, url: str, pool: ThreadPoolExecutor) -> None:
        settings = {"base_url": url, "api_key": "hf_test", "embedding_api": "router", "max_retries": 0}
        settings["hub_url"] = url.removesuffix("/v1")
        self.pool, self.kind = pool, kind
        self.router: Any = (
            HFRouter(**settings) if kind == "threads" else AsyncHFRouter(**settings, transport=kind)
        )

    def begin(self, method: str, *args: Any, **options: Any) -> asyncio.Future[Any]:
        call = getattr(self.router, method)
        if self.kind == "threads":
            return asyncio.wrap_future(self.pool.submit(call, *args, **options))
        return asyncio.ensure_future(call(*args, **options))

    async def close(self) -> None:
        if self.kind != "threads":
            await self.router.close()


@pytest.fixture
def client(kind: str, pool: ThreadPoolExecutor) -> Callable[[str], Client]:
    return lambda url: Client(kind, url, pool)


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first question it is ten seconds to the next."""
    monkeypatch.setattr("shared_core.client.jobs._LONGER", 1000.0)


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.client.jobs._LONGEST_WAIT", 0.0)


class Seen:
    """An `on_progress` that tells a test when a phase was reached, in whatever thread."""

    def __init__(self, phase: str) -> None:
        self._phase = phase
        self._found: Future[JobReport] = Future()

    def __call__(self, report: JobReport) -> None:
        if report.phase == self._phase and not self._found.done():
            self._found.set_result(report)

    async def report(self) -> JobReport:
        return await asyncio.wait_for(asyncio.wrap_future(self._found), PROMPTLY)


async def stopped(call: asyncio.Future[Any]) -> JobFailed:
    """The error of a call that was cancelled from elsewhere; fails when it does not come promptly."""
    with pytest.raises(JobFailed, match="cancelled from elsewhere in this program") as caught:
        await asyncio.wait_for(call, PROMPTLY)
    return caught.value


async def test_a_call_that_sleeps_gets_up_at_once(
    client: Callable[[str], Client], offline_url: OfflineRouter, long_waits: None
) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    made, seen = client(offline_url), Seen("queued")
    call = made.begin("text_to_video", "a boat", model="offline/animator:fal-ai", on_progress=seen)
    report = await seen.report()
    assert await made.begin("cancel", report.job) is True
    error = await stopped(call)
    assert (error.code, error.job, error.provider) == ("canceled", report.job, "fal-ai")
    assert [job.cancels for job in offline_url.jobs] == [1]
    await made.close()


@pytest.mark.parametrize(
    "before",
    [[], [{"status": "COMPLETED"}], [{"status": "COMPLETED"}, {"video": {"url": "FILE"}}]],
    ids=["a question", "the result", "the file"],
)
async def test_a_call_that_reads_what_never_comes_gets_up_at_once(
    client: Callable[[str], Client], server: Any, say: Any, before: list[dict[str, Any]]
) -> None:
    place = f"http://127.0.0.1:{server.port}/out.mp4"
    before = [{"video": {"url": place}} if "video" in reply else reply for reply in before]
    server.script(*map(say.body, before), [say.hang], say.body({"status": "CANCELLATION_REQUESTED"}, 202))
    made = client(server.url)
    call = made.begin("resume", FAL)
    assert await server.asked(len(before) + 1)
    assert await made.begin("cancel", FAL) is True
    assert (await stopped(call)).job == FAL
    assert server.requests[-1].line.startswith("PUT /fal-ai/m/7/cancel ")
    await made.close()


async def test_a_call_that_reads_half_a_file_gets_up_at_once(
    client: Callable[[str], Client], server: Any, say: Any, tmp_path: Any
) -> None:
    place = f"http://127.0.0.1:{server.port}/out.mp4"
    half = [
        say.head(content_type="video/mp4", content_length=9_000_000),
        b"\0\0\0\x18ftyp" + bytes(3_000_000),
    ]
    server.script(
        say.body({"status": "COMPLETED"}),
        say.body({"video": {"url": place}}),
        [*half, say.hang],
        say.body({}, 202),
    )
    made = client(server.url)
    call = made.begin("resume", FAL, to=tmp_path)
    assert await server.asked(3)
    assert await made.begin("cancel", FAL) is True
    await stopped(call)
    assert list(tmp_path.iterdir()) == []
    await made.close()


async def test_two_that_wait_for_one_job_both_get_up(
    client: Callable[[str], Client], server: Any, say: Any
) -> None:
    server.script([say.hang], [say.hang], say.body({}, 202))
    made = client(server.url)
    calls = [made.begin("resume", FAL), made.begin("resume", FAL)]
    assert await server.asked(2)
    assert await made.begin("cancel", FAL) is True
    for call in calls:
        await stopped(call)
    await made.close()


async def test_one_that_waits_for_another_job_goes_on(
    client: Callable[[str], Client], server: Any, say: Any
) -> None:
    other = Job("fal-ai", "text-to-video", "a/b", "8", "/fal-ai/m/8/status", "/fal-ai/m/8")
    server.script([say.hang], say.body({}, 202))
    made = client(server.url)
    call = made.begin("resume", other, timeout=1.0)
    assert await server.asked(1)
    assert await made.begin("cancel", FAL) is True
    with pytest.raises(TimedOut, match="goes on at fal-ai"):
        await asyncio.wait_for(call, PROMPTLY)
    await made.close()


async def test_a_job_without_a_place_to_cancel_at_is_left_to_finish_and_nobody_waits(
    client: Callable[[str], Client], server: Any, say: Any
) -> None:
    server.script([say.hang])
    made = client(server.url)
    call = made.begin("resume", TOGETHER)
    assert await server.asked(1)
    assert await made.begin("cancel", TOGETHER) is False
    await stopped(call)
    assert len(server.requests) == 1
    await made.close()


async def test_cancelling_twice_says_that_there_is_nothing_to_cancel(
    client: Callable[[str], Client], offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    made = client(offline_url)
    job = await made.begin("submit", "text_to_video", "a boat", model="offline/animator:fal-ai")
    assert await made.begin("cancel", job) is True
    offline_url.jobs[0].quirks = MediaQuirks(polls=0)
    assert await made.begin("cancel", job) is False
    await made.close()


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
async def test_cancelling_what_is_done_says_that_it_is_too_late(
    client: Callable[[str], Client], offline_url: OfflineRouter, no_waits: None, provider: str
) -> None:
    made = client(offline_url)
    job = await made.begin("submit", "text_to_video", "a boat", model=f"offline/animator:{provider}")
    assert (await made.begin("resume", job)).mime_type == "video/mp4"
    assert await made.begin("cancel", job) is False
    await made.close()


async def test_cancelling_what_the_provider_has_forgotten_is_no_error(
    client: Callable[[str], Client], offline_url: OfflineRouter
) -> None:
    made = client(offline_url)
    assert await made.begin("cancel", FAL) is False
    await made.close()


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
@pytest.mark.parametrize(
    ("provider", "told"), [("fal-ai", 1), ("replicate", 1), ("together", 0), ("wavespeed", 0)]
)
async def test_a_task_that_is_cancelled_tells_the_provider_where_it_can_and_asks_no_more(
    offline_url: OfflineRouter, no_waits: None, transport: str, provider: str, told: int
) -> None:
    offline_url.queue(MediaQuirks(never=True), path=f"/{provider}/*")
    async with AsyncHFRouter(
        base_url=offline_url,
        api_key="x",
        embedding_api="router",
        hub_url=offline_url.root,
        transport=transport,
    ) as router:
        seen = Seen("running")
        call = asyncio.ensure_future(
            router.text_to_video("a boat", model=f"offline/animator:{provider}", on_progress=seen)
        )
        offline_url.queue(MediaQuirks(never=True), path=f"/{provider}/*")
        await asyncio.wait_for(wait_for_requests(offline_url, 6), PROMPTLY)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
        assert "router.resume(Job.from_json(" in caught.value.__notes__[0]
        assert [job.cancels for job in offline_url.jobs] == [told]
        asked = len(offline_url.requests)
        for _ in range(50):
            await asyncio.sleep(0)
        assert await asyncio.to_thread(offline_url.wait_idle)
        assert len(offline_url.requests) == asked


async def wait_for_requests(router: OfflineRouter, count: int) -> None:
    """Until a call with no waits has asked so often: goes round the loop with it."""
    while len(router.requests) < count:
        await asyncio.sleep(0)


async def test_a_limit_around_a_call_tells_the_provider_too(
    offline_url: OfflineRouter, no_waits: None
) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    async with AsyncHFRouter(
        base_url=offline_url, api_key="x", embedding_api="router", hub_url=offline_url.root
    ) as router:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await router.text_to_video("a boat", model="offline/animator:fal-ai")
    assert [job.cancels for job in offline_url.jobs] == [1]


async def test_a_wait_that_is_cancelled_leaves_a_resumed_job_alone(
    offline_url: OfflineRouter, no_waits: None
) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    async with AsyncHFRouter(
        base_url=offline_url, api_key="x", embedding_api="router", hub_url=offline_url.root
    ) as router:
        job = await router.submit("text_to_video", "a boat", model="offline/animator:fal-ai")
        call = asyncio.ensure_future(router.resume(job))
        await asyncio.wait_for(wait_for_requests(offline_url, 5), PROMPTLY)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert offline_url.jobs[0].cancels == 0
        offline_url.jobs[0].quirks = MediaQuirks(polls=0)
        assert (await router.resume(job)).mime_type == "video/mp4"


async def test_one_loop_may_stop_what_waits_in_another(offline_url: OfflineRouter, long_waits: None) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    router = AsyncHFRouter(
        base_url=offline_url, api_key="x", embedding_api="router", hub_url=offline_url.root
    )
    seen, outcome = Seen("queued"), Future[Any]()

    async def wait() -> None:
        try:
            outcome.set_result(
                await router.text_to_video("a boat", model="offline/animator:fal-ai", on_progress=seen)
            )
        except JobFailed as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(wait(),))
    thread.start()
    report = await seen.report()
    assert await router.cancel(report.job) is True
    await stopped(asyncio.wrap_future(outcome))
    await asyncio.to_thread(thread.join)
    await router.close()


# -- the stretch of a task that can be stopped


async def test_a_stop_that_comes_after_the_end_cancels_nothing() -> None:
    waiter = Waiter()
    waiter.job = FAL
    async with Stoppable(waiter):
        pass
    waiter.wake()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_somebody_elses_cancelling_counts_beside_a_stop() -> None:
    waiter = Waiter()
    waiter.job = FAL

    async def wait() -> None:
        async with Stoppable(waiter):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiter.wake()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_stop_in_a_loop_that_is_closed_is_no_error() -> None:
    waiter = Waiter()

    async def wait() -> None:
        async with Stoppable(waiter):
            pass

    asyncio.run(wait())
    waiter.wake()
