"""`doctor`: each finding with its fix."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared_core.testing import OfflineRouter, Status

Run = Callable[..., Any]


def findings(done: Any) -> dict[str, Any]:
    return {each["about"]: each for each in json.loads(done.out)}


def test_what_is_well_is_said_to_be(hfrouter: Run) -> None:
    found = findings(hfrouter("doctor", "--json"))
    assert found["Python"]["state"] == "ok"
    assert "huggingface_hub" in found["packages"]["said"]
    assert found["router"]["state"] == found["clock"]["state"] == found["cache"]["state"] == "ok"


def test_a_token_that_is_missing_is_trouble_with_its_fix(hfrouter: Run) -> None:
    done = hfrouter("doctor")
    assert done.code == 1
    assert "trouble token" in done.out
    assert "https://hf.co/settings/tokens" in done.out


def test_a_router_that_is_away_is_trouble(hfrouter: Run, host: OfflineRouter) -> None:
    host.queue(Status(503), path="/v1/models", times=-1)
    assert findings(hfrouter("doctor", "--json"))["router"]["state"] == "trouble"


def test_a_redis_that_is_away_is_trouble(hfrouter: Run) -> None:
    done = hfrouter("doctor", "--redis", "redis://:secret@127.0.0.1:1/0")
    assert "trouble Redis: 127.0.0.1:1 does not answer" in done.out
    assert "secret" not in done.out + done.err
