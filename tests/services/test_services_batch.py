"""A batch whose process is killed in the middle and taken up by another: nothing is lost or asked twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from shared_core import HFRouter
from shared_core.testing import SlowHead, offline_router

PROGRAM = """
import sys
from shared_core import HFRouter

url, path = sys.argv[1:]
requests = ({"messages": [{"role": "user", "content": str(n)}]} for n in range(60))
HFRouter("offline/echo", base_url=url, api_key="k").batch(requests, path=path, max_concurrency=4)
"""

REQUESTS = [{"messages": [{"role": "user", "content": str(n)}]} for n in range(60)]


def test_a_batch_that_was_killed_is_taken_up_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with offline_router() as url:
        url.queue(SlowHead(0.05), path="/v1/chat/completions", times=-1)
        running = subprocess.Popen([sys.executable, "-c", PROGRAM, str(url), str(path)])
        give_up = time.monotonic() + 60
        while not path.exists() or path.read_bytes().count(b"\n") < 12:
            assert time.monotonic() < give_up
            assert running.poll() is None
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGKILL)
        running.wait(10)
        kept = path.read_bytes().count(b"\n") - 1
        url.wait_idle()
        asked = len(url.requests)
        replies = HFRouter("offline/echo", base_url=str(url), api_key="k").batch(REQUESTS, path=path)
        assert [reply.text for reply in replies] == [str(n) for n in range(60)]
        assert replies.sent == 60 - kept
        assert len(url.requests) - asked == 60 - kept
        assert asked - kept <= 4  # what was under way when it was killed
