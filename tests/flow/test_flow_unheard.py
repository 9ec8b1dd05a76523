"""A flow that emits, run where nobody listens."""

from __future__ import annotations

import pytest

from shared_core.flow import Emit, Flow, Sleep, emit, sleep, unheard
from shared_core.types import ChatDelta


def speaking(told: list[str]) -> Flow[str]:
    try:
        yield from emit([ChatDelta(text="one")])
        yield from sleep(1)
        yield from emit([ChatDelta(text="two")])
    except KeyboardInterrupt:
        told.append("interrupted")
        raise
    finally:
        told.append("over")
    return "whole"


def test_its_deltas_are_dropped_and_its_result_is_kept():
    told: list[str] = []
    flow = unheard(speaking(told))
    effect = next(flow)
    assert isinstance(effect, Sleep)
    with pytest.raises(StopIteration) as end:
        flow.send(None)
    assert (end.value.value, told) == ("whole", ["over"])


def test_what_befalls_it_is_told_to_the_flow_itself():
    told: list[str] = []
    flow = unheard(speaking(told))
    next(flow)
    with pytest.raises(KeyboardInterrupt):
        flow.throw(KeyboardInterrupt())
    assert told == ["interrupted", "over"]


def test_closing_it_closes_the_flow_in_it():
    told: list[str] = []
    flow = unheard(speaking(told))
    next(flow)
    flow.close()
    assert told == ["over"]


def test_a_flow_that_emits_nothing_is_as_it_was():
    def quiet() -> Flow[int]:
        yield from sleep(2)
        return 7

    flow = unheard(quiet())
    assert not isinstance(next(flow), Emit)
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert end.value.value == 7
