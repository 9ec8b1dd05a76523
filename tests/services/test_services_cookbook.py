"""The page of the cookbook that wants a Redis server."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cookbook"))


def test_the_page_about_redis_runs_and_prints_what_it_shows(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from run import play

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    shown = 0
    for block, printed in play(ROOT / "cookbook" / "18_shared_state.md"):
        lines = (block.shown or "").strip("\n")
        expected = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", lines))
        assert re.fullmatch(expected, printed.strip("\n")), f"line {block.line} printed {printed!r}"
        shown += bool(block.shown)
    assert shown == 2
