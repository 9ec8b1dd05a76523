"""A process that has hedged and is forked: the threads stayed with the parent, and the child races with its own."""

from __future__ import annotations

import os
import warnings

from shared_core.flow import Flow, offload, race, sleep
from shared_core.flow.blocking import BlockingRun
from shared_core.flow.hands import HANDS


def slow() -> Flow[str]:
    yield from sleep(3600)
    return "slow"


def quick() -> Flow[str]:
    yield from offload(lambda: None)
    return "quick"


def raced() -> str:
    def flow() -> Flow[str]:
        won = yield from race(slow(), quick, after=0.0)
        return (yield from won.rest())

    return BlockingRun(flow(), None).finish()  # type: ignore[arg-type]


def test_a_forked_process_races_with_threads_of_its_own() -> None:
    assert raced() == "quick"
    assert HANDS._idle
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking beside threads: that is what is tested
        child = os.fork()
    if not child:
        os._exit(0 if not HANDS._idle and raced() == raced() == "quick" else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert raced() == "quick"
