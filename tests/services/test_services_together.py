"""Every policy on, where processes and servers come and go: forked, a full disk, Redis killed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from shared_core import AsyncHFRouter, HFRouter
from shared_core.testing import OfflineRouter
from tests.services.conftest import RedisProcess
from tests.services.together_worker import answers, asked, everything

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("together_worker.py")


def worked(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", WORKER, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # this checkout, whichever is installed
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_both_sides_of_a_fork_go_on_and_count_together(offline_url: OfflineRouter, tmp_path: Path) -> None:
    said = worked("fork", str(offline_url), str(tmp_path)).split()
    sent = len(offline_url.requests)
    assert said == [
        "0",
        "0",
        str(sent),
        "8",
    ]  # the child went well, nothing is reserved, each request and call counts


def test_with_a_full_disk_calls_are_answered(offline_url: OfflineRouter, tmp_path: Path) -> None:
    said = worked("full disk", str(offline_url), str(tmp_path))
    assert "30 True 0" in said
    # The ledger's table, none failed; what could not be written is counted.
    in_file = re.search(r"\nall +(\d+) +0", said)
    lost = re.search(r"was closed before (\d+) calls could be written", said)
    assert in_file is not None
    assert int(in_file[1]) + (0 if lost is None else int(lost[1])) == 31
    for place in ("shared state", "cache"):
        assert f"The {place}" in said
    assert said.count("WARNING") <= 5  # told once each, not with each call


def test_with_redis_killed_in_the_middle_calls_go_on_and_it_is_found_again(
    offline_url: OfflineRouter, redis_server: RedisProcess, tmp_path: Path
) -> None:
    router = HFRouter("offline/echo", **everything(str(offline_url), redis_server.url, str(tmp_path)))
    texts = [f"text {number}" for number in range(12)]
    try:
        assert answers(router, texts[:4]) == texts[:4]
        with router.stream(asked("a stream that is under way")) as stream:
            first = next(iter(stream)).text
            redis_server.kill()
            assert first + "".join(delta.text for delta in stream) == "a stream that is under way"
        assert answers(router, texts[4:8]) == texts[4:8]
        (told,) = router.budgets()
        assert (told.spent, told.reserved) == (9, 0)  # by what this process knows
        redis_server.start()
        assert answers(router, texts[8:]) == texts[8:]
        assert router.ledger.totals().calls == 13
        assert {row.outcome for row in router.ledger.rows()} == {"answered"}
    finally:
        router.close()
    assert offline_url.wait_idle()


def test_with_redis_frozen_in_the_middle_calls_go_on(
    offline_url: OfflineRouter, redis_server: RedisProcess, tmp_path: Path
) -> None:
    async def run() -> list[str]:
        async with AsyncHFRouter(
            "offline/echo", **everything(str(offline_url), redis_server.url, str(tmp_path))
        ) as router:
            await router.chat(asked("before"), temperature=0)
            redis_server.freeze()
            try:
                calls = [router.chat(asked(f"text {number}"), temperature=0) for number in range(8)]
                return [reply.text for reply in await asyncio.gather(*calls)]
            finally:
                redis_server.thaw()

    assert asyncio.run(run()) == [f"text {number}" for number in range(8)]
