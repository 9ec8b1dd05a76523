"""Many at once, one after another, copied, and in another process: nothing is mixed up and nothing is left open."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.testing import MediaQuirks, OfflineRouter, offline_router

TRANSPORTS = pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
PAINTER = {"text-to-image": "offline/painter:fal-ai"}


@pytest.mark.parametrize("kind_of_client", [HFRouter, AsyncHFRouter])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_a_client_keeps_the_models_of_its_tasks(
    settings: dict[str, Any], copied: Callable[[Any], Any], kind_of_client: Any
) -> None:
    # The token stays behind when a client travels; without one the offline router asks for none.
    client = kind_of_client(**{**settings, "api_key": ""}, task_models=PAINTER)
    again = copied(client)
    assert again.task_models == PAINTER
    assert "hf_canary" not in repr(pickle.dumps(again))
    made = again.text_to_image("a boat")
    if kind_of_client is AsyncHFRouter:
        made = asyncio.run(made)
    assert made.meta.model == "offline/painter"


def test_a_client_that_has_waiters_can_be_copied_and_the_copy_has_none(settings: dict[str, Any]) -> None:
    router = HFRouter(**settings)
    router.text_to_video("a boat", model="offline/animator:fal-ai")
    assert pickle.loads(pickle.dumps(router)).task_models == {}


def test_a_reply_can_be_pickled_and_copied(settings: dict[str, Any]) -> None:
    reply = HFRouter(**settings).text_to_video("a boat", model="offline/animator:fal-ai")
    for again in (pickle.loads(pickle.dumps(reply)), copy.deepcopy(reply)):
        assert (again.data, again.job, again.meta, again.width) == (
            reply.data,
            reply.job,
            reply.meta,
            reply.width,
        )


def test_twenty_threads_share_one_client_and_each_gets_its_own_picture(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    router = HFRouter(**settings, task_models=PAINTER)
    sizes = [(64 + 8 * number, 512 - 8 * number) for number in range(20)]

    def draw(size: tuple[int, int]) -> tuple[int | None, int | None]:
        reply = router.text_to_image("a boat", width=size[0], height=size[1])
        return reply.width, reply.height

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(draw, sizes)) == sizes
    assert sum(each.method == "POST" for each in offline_url.requests) == 20


def test_threads_that_come_at_once_share_one_register_of_who_waits(settings: dict[str, Any]) -> None:
    for _ in range(50):
        router = HFRouter(**settings)
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(lambda _: id(router._waiters), range(8)))) == 1


@TRANSPORTS
def test_one_client_serves_two_event_loops_one_after_another(
    settings: dict[str, Any], transport: str
) -> None:
    router = AsyncHFRouter(**settings, transport=transport)

    async def main() -> Any:
        async with router:
            return await router.text_to_video("a boat", model="offline/animator:fal-ai")

    assert asyncio.run(main()).data == asyncio.run(main()).data


@pytest.fixture
def fresh() -> Iterator[OfflineRouter]:
    """A router that nobody else has connections to."""
    with offline_router(embedder="words") as url:
        yield url


@TRANSPORTS
async def test_fifty_films_at_once_are_each_asked_for_once_and_asked_after_as_often_as_it_takes(
    fresh: OfflineRouter, settings: dict[str, Any], transport: str, tmp_path: Path
) -> None:
    fresh.queue(MediaQuirks(polls=3), path="/fal-ai/*/text-to-video", times=50)
    reports: Counter[str] = Counter()
    async with AsyncHFRouter(
        **{**settings, "base_url": fresh, "hub_url": fresh.root}, transport=transport
    ) as router:
        replies = await asyncio.gather(
            *(
                router.text_to_video(
                    f"boat number {number}",
                    model="offline/animator:fal-ai",
                    num_frames=2,
                    to=tmp_path,
                    on_progress=lambda report: reports.update([report.phase]),
                )
                for number in range(50)
            )
        )
    assert len({reply.job for reply in replies}) == len({reply.path for reply in replies}) == 50
    assert [job.polls for job in fresh.jobs] == [4] * 50
    assert [job.fetched for job in fresh.jobs] == [1] * 50
    assert (reports["done"], reports["queued"] + reports["running"]) == (50, 200)
    about_films = [each.method for each in fresh.requests if not each.path.startswith("/api/models/")]
    assert Counter(about_films) == {"POST": 50, "GET": 300}
    assert not list(tmp_path.glob(".*"))
    del replies
    gc.collect()
    assert await asyncio.to_thread(fresh.wait_closed)


def test_a_job_is_resumed_in_another_process(
    settings: dict[str, Any], offline_url: OfflineRouter, tmp_path: Path
) -> None:
    """Only what stands in its JSON travels: no token, no address."""
    job = HFRouter(**settings).submit("text_to_video", "a boat", model="offline/animator:fal-ai")
    (tmp_path / "job.json").write_text(job.to_json())
    assert "hf_canary" not in job.to_json()
    assert "127.0.0.1" not in job.to_json()
    code = f"""
from pathlib import Path
from shared_core import HFRouter
from shared_core.types import Job
router = HFRouter(base_url={str(offline_url)!r}, api_key="another", embedding_api="router")
reply = router.resume(Job.from_json(Path({str(tmp_path / "job.json")!r}).read_text()), to=Path({str(tmp_path)!r}))
print(reply.path.name, reply.width, reply.provider, reply.model)
"""
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )
    assert child.returncode == 0, child.stderr
    name, *about = child.stdout.split()
    assert about == ["160", "fal-ai", "offline/animator"]
    assert (tmp_path / name).read_bytes()[4:8] == b"ftyp"
    assert [job.fetched for job in offline_url.jobs] == [1]


@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed", "together"])
async def test_a_job_that_was_submitted_is_resumed_by_any_client(
    make: Any, offline_url: OfflineRouter, provider: str
) -> None:
    job = await make("submit", "text_to_video", "a boat", model=f"offline/animator:{provider}")
    reply = await make("resume", job)
    assert (reply.mime_type, reply.provider, reply.model) == ("video/mp4", provider, "offline/animator")
    assert len(offline_url.jobs) == 1
    again = await make("resume", job)
    assert again.data == reply.data
