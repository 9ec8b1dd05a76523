"""What sabotage of the client showed to be untested: the order in which its policies stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from shared_core.client.pipeline import policies, run_through
from shared_core.errors import ConnectionLost, ModelLoading
from shared_core.flow import Flow, Sleep
from shared_core.types import Call, ChatRequest, Progress, Target, Timeouts, Waits


@pytest.fixture
def outcomes() -> Iterator[str | Exception]:
    loading = ModelLoading("The model is still loading.", retry_after=1)
    return iter([ConnectionLost("first"), loading, ConnectionLost("second"), "an answer"])


def test_waiting_for_a_model_renews_no_retry(outcomes: Iterator[str | Exception]) -> None:
    def exchange(call: Call) -> Flow[str]:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        yield from ()
        return outcome

    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    call = Call(ChatRequest([], "org/name"), Target("https://h/v1"), waits, Progress(0.0))
    flow = run_through(policies(max_retries=1, patience=math.inf), call, exchange)
    effects = []
    with pytest.raises(ConnectionLost, match="second"):
        effects.extend(flow)
    assert all(type(effect) is Sleep for effect in effects)
    assert next(outcomes) == "an answer"
