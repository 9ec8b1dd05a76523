"""The LLM under test and the server behind it; the suite's folder made importable."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = Path(__file__).with_name("suite")
sys.path.insert(0, str(SUITE))
pytest.register_assert_rewrite(*(path.stem for path in SUITE.glob("li_*.py")))

from llama_index_hfrouter import HFRouterLLM  # noqa: E402
from shared_core.testing import Raw, SlowChunks  # noqa: E402

CANARY = "hf_" + "CANARYcanary0123456789" * 2


@pytest.fixture
def canary() -> str:
    """A token that must show up nowhere but in the authorization header."""
    return CANARY


@pytest.fixture
def server(offline_url):
    """The offline router that the LLMs talk to."""
    return offline_url


@pytest.fixture
def make_llm(server) -> Callable[..., Any]:
    """Makes the LLM under test for one of the offline models: echo, tools, json, reasoner, extractive."""

    def make(kind: str = "echo", **options: Any) -> HFRouterLLM:
        return HFRouterLLM(model=f"offline/{kind}", base_url=str(server), **options)

    return make


@pytest.fixture
def say(server) -> Callable[[str], None]:
    """Makes the next plain call be answered with exactly this text."""

    def queue(text: str) -> None:
        message = {"role": "assistant", "content": text}
        body = {"model": "offline", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        server.queue(Raw(json.dumps(body).encode(), content_type="application/json"))

    return queue


@pytest.fixture
def slow_stream() -> Any:
    """A fault that makes the next stream slow after its first chunks, so that it can be left on the way."""
    return SlowChunks(0.2, after=3)


@pytest.fixture
def jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are asked after without waiting; the offline router's advance with every question."""
    from shared_core.flow import sleep

    monkeypatch.setattr("shared_core.client.jobs.sleep", lambda seconds: sleep(0))
