"""Races of the asynchronous driver alone: cancelling at every turn of the loop, and one loop after another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared_core.flow.asynchronous import AsyncRun
from tests.flow.race.conftest import AsyncStage, Play, raced


def test_cancelling_in_any_turn_of_the_loop_frees_everything() -> None:
    async def cancelled_after(turns: int) -> bool:
        play = Play(None)
        stage = play.stage
        run = AsyncRun(raced(play.stream("a"), lambda: play.stream("b"), 0.0), AsyncStage(stage))  # type: ignore[arg-type]
        task = asyncio.ensure_future(run.finish())
        for turn in range(turns):
            await asyncio.sleep(0)
            if turn == 12:
                for name in stage.lines:
                    stage.say(name, b"x", b"")
            if task.done():
                return False
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1, f"after {turns} turns"
        assert set(play.closed().values()) <= {1}, f"after {turns} turns"
        assert sorted(play.settled) in ([], ["a"], ["b"], ["a", "b"])
        assert len(play.settled) >= len(stage.lines)
        return True

    async def at_every_turn() -> int:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        turns = 0
        while await cancelled_after(turns):
            turns += 1
        assert complaints == []
        return turns

    assert asyncio.run(at_every_turn()) > 12


def test_two_loops_after_one_another() -> None:
    for _ in range(2):
        play = Play(None)

        async def main(play: Play = play) -> None:
            flow = raced(play.plain("a"), lambda: play.plain("b"), 0.0)
            task = asyncio.ensure_future(AsyncRun(flow, AsyncStage(play.stage)).finish())  # type: ignore[arg-type]
            await asyncio.to_thread(play.stage.say, "b", b"won")
            assert await task == "won"

        asyncio.run(main())
        assert play.closed() == {"a": 1, "b": 1}
