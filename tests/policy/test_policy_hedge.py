"""When a second target is asked beside a slow one, and what is said of the two: stepped by hand, the clock too."""

from __future__ import annotations

import math
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest

from shared_core import errors
from shared_core.flow import Emit, Flow, Race, Sleep, Won, emit, sleep
from shared_core.observe.events import Hedged, HedgeEnded
from shared_core.policy.fallback import Choice, Fallback
from shared_core.policy.hedge import Hedge
from shared_core.policy.state import Health, RetryBudget
from shared_core.policy.watch import Watch
from shared_core.types import (
    ApiKey,
    Call,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Cost,
    EmbedRequest,
    Figures,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Waits,
)
from shared_core.types import (
    Choice as Answer,
)

CENT = Cost(Decimal("0.01"), "price list", "2026-11-01")


class Clock:
    """Goes forward only when somebody turns it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def target(name: str) -> Target:
    return Target(f"https://{name}/v1", ApiKey(name), model=name)


class World:
    """Targets that are asked and then wait, until the test says what each answers."""

    def __init__(self, *names: str, after: float | None = 1.0, size: int = 200, **settings: Any) -> None:
        self.clock, self.health = Clock(), Health()
        self.budget = RetryBudget(size=size, transient=20)
        self.targets = [target(name) for name in names]
        self.asked: list[str] = []
        self.says: dict[str, Any] = {}
        self.heard: list[Any] = []
        fallback = Fallback(lambda call: Choice(self.targets), health=self.health)
        self.hedge = Hedge(fallback, after, budget=self.budget, **settings)
        self.watch = Watch(self.health)

    def call(self, request: Any = None, total: float = 120.0) -> Call:
        request = request or ChatRequest([{"role": "user", "content": "hi"}], "m")
        waits = Waits(Timeouts(total=total), self.clock, streamed=getattr(request, "stream", False))
        hooks = (self.heard.append,)
        return Call(request, self.targets[0], waits, Progress(self.clock.now), None, {}, hooks, "id")

    def begin(self, call: Call | None = None) -> tuple[Flow[Any], Any]:
        """The flow, and its first effect."""
        flow = self.hedge(call or self.call(), lambda call: self.watch(call, self._serve))
        return flow, next(flow)

    def _serve(self, call: Call) -> Flow[Any]:
        name = call.target.model
        self.asked.append(name)
        call.progress.attempts += 1
        call.progress.model, call.progress.url = name, call.target.base_url
        yield from sleep(0)
        call.progress.provider = name
        says = self.says.get(name, CENT)
        if isinstance(says, Exception):
            raise says
        if getattr(call.request, "stream", False):
            call.progress.emitted, call.progress.first_token = True, call.waits.now()
            yield from emit([ChatDelta(name)])
        meta = ReplyMeta(name, name, attempts=call.progress.attempts, url=call.target.base_url, cost=says)
        return ChatReply((Answer(text=name),), None, meta)


def closed(health: Health, name: str) -> None:
    health.failed(target(name).id, 0.0, "refused", rivals=["somebody"])


def ends(flow: Generator[Any, Any, Any], value: Any = None) -> Any:
    """What the flow returns, or the error."""
    try:
        flow.send(value)
    except StopIteration as end:
        return end.value
    except errors.RouterError as error:
        return error
    raise AssertionError("it goes on")


def waits(flow: Flow[Any]) -> None:
    assert isinstance(next(flow), Sleep)


def wins(flow: Flow[Any], side: Flow[Any], loser: Flow[Any] | None = None) -> Any:
    """The driver's part, when a side answers: the result of the whole."""
    answer = ends(side)
    if loser is not None:
        loser.close()
    return ends(flow, Won(side, None, answer))


# --- whether, and when ---


def test_a_call_with_one_target_waits_for_it_alone() -> None:
    flow, effect = World("a").begin()
    assert isinstance(effect, Sleep)
    assert ends(flow).text == "a"


def test_a_call_whose_other_targets_are_closed_waits_for_the_one_alone() -> None:
    world = World("a", "b")
    closed(world.health, "b")
    flow, effect = world.begin()
    assert isinstance(effect, Sleep)
    flow.close()


def test_a_call_that_would_be_over_before_is_not_hedged() -> None:
    world = World("a", "b", after=5.0)
    flow, effect = world.begin(world.call(total=5.0))
    assert isinstance(effect, Sleep)
    flow.close()


PLAIN = ChatRequest([{"role": "user", "content": "hi"}], "m")
STREAM = ChatRequest([{"role": "user", "content": "hi"}], "m", {}, True)
TEXTS = EmbedRequest(["a"], "m")


@pytest.mark.parametrize(
    ("request_", "after"), [(PLAIN, 10.0), (STREAM, 2.0), (TEXTS, 2.0)], ids=["plain", "stream", "texts"]
)
def test_until_enough_was_seen_there_is_a_usual_time(request_: Any, after: float) -> None:
    world = World("a", "b", after=None)
    for _ in range(19):
        world.health.answered(target("a").id, 0.0, Figures(first_token=0.3, whole=0.3))
    _, effect = world.begin(world.call(request_))
    assert effect.after == after


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_then_it_is_what_95_of_100_answers_of_the_first_took(stream: bool) -> None:
    world = World("a", "b", after=None)
    for tenths in range(1, 21):
        took = tenths / 10
        figures = Figures(first_token=took) if stream else Figures(whole=took)
        world.health.answered(target("a").id, 0.0, figures)
    _, effect = world.begin(world.call(STREAM if stream else PLAIN))
    assert effect.after == 1.9


def test_but_no_less_than_a_blink() -> None:
    world = World("a", "b", after=None)
    for _ in range(20):
        world.health.answered(target("a").id, 0.0, Figures(whole=0.001))
    _, effect = world.begin()
    assert effect.after == 0.05


def test_the_first_is_the_first_that_is_open() -> None:
    world = World("a", "b", "c", after=None)
    closed(world.health, "a")
    for _ in range(20):
        world.health.answered(target("b").id, 0.0, Figures(whole=3.0))
    flow, effect = world.begin()
    assert effect.after == 3.0
    waits(effect.first)
    assert world.asked == ["b"]
    flow.close()


# --- who is asked ---


def test_the_second_is_the_next_that_is_open_and_no_target_is_asked_by_both() -> None:
    world = World("a", "b", "c")
    closed(world.health, "b")
    flow, effect = world.begin()
    assert isinstance(effect, Race)
    waits(effect.first)
    second = effect.second()
    waits(second)
    assert world.asked == ["a", "c"]
    assert wins(flow, second, effect.first).text == "c"


def test_who_fails_goes_on_to_targets_that_the_other_has_not_asked() -> None:
    world = World("a", "b", "c")
    world.says["a"] = errors.RateLimited("x")
    flow, effect = world.begin()
    waits(effect.first)
    second = effect.second()
    waits(second)
    waits(effect.first)
    assert world.asked == ["a", "b", "c"]
    assert wins(flow, effect.first, second).text == "c"


def test_a_first_that_has_moved_on_already_leaves_the_rest_to_the_second() -> None:
    world = World("a", "b", "c")
    world.says["a"] = errors.RateLimited("x")
    flow, effect = world.begin()
    waits(effect.first)
    waits(effect.first)
    second = effect.second()
    waits(second)
    assert world.asked == ["a", "b", "c"]
    assert wins(flow, second, effect.first).meta.attempts == 3


def test_a_target_that_was_closed_for_the_first_and_is_well_again_is_free_for_the_second() -> None:
    world = World("a", "b", "c")
    closed(world.health, "a")
    flow, effect = world.begin()
    waits(effect.first)
    world.health.answered(target("a").id, 1.0, probe=True)
    waits(second := effect.second())
    assert world.asked == ["b", "a"]
    assert wins(flow, second, effect.first).text == "a"


def test_a_second_is_no_probe_while_others_are_well() -> None:
    world = World("a", "b", "c")
    closed(world.health, "b")
    flow, effect = world.begin()
    waits(effect.first)
    world.clock.now += 61.0  # by now it might be probed
    waits(second := effect.second())
    assert world.asked == ["a", "c"]
    assert world.heard[0].to_model == "c"
    assert wins(flow, second, effect.first).text == "c"


DECLINED = {
    "nothing was sent yet": lambda world, effect: None,
    "nobody is free": lambda world, effect: (waits(effect.first), closed(world.health, "b")),
    "too many were hedged already": lambda world, effect: (
        waits(effect.first),
        [world.budget.take((target("a").base_url, target("a").key)) for _ in range(10)],
    ),
}


@pytest.mark.parametrize("before", DECLINED.values(), ids=DECLINED.keys())
def test_nobody_is_asked_where(before: Any) -> None:
    world = World("a", "b")
    flow, effect = world.begin()
    before(world, effect)
    assert effect.second() is None
    if not world.asked:
        waits(effect.first)
    assert wins(flow, effect.first).meta.cost == CENT
    assert (world.asked, world.heard) == (["a"], [])


def test_every_twentieth_call_may_be_hedged_beyond_the_first_ten() -> None:
    world = World("a", "b")

    def hedged() -> bool:
        flow, effect = world.begin()
        waits(effect.first)
        second = effect.second()
        if second is None:
            wins(flow, effect.first)
            return False
        waits(second)
        wins(flow, second, effect.first)
        return True

    assert [hedged() for _ in range(10)] == [True] * 10
    turns = [hedged() for _ in range(210)]
    assert turns.count(True) == 10
    assert turns.index(True) == 20


# --- what is said ---


def race(world: World, call: Call | None = None) -> tuple[Flow[Any], Flow[Any], Flow[Any]]:
    """Both have been asked: the whole, the first and the second."""
    flow, effect = world.begin(call)
    waits(effect.first)
    world.clock.now += 1.0
    second = effect.second()
    waits(second)
    return flow, effect.first, second


@pytest.mark.parametrize("winner", ["first", "second"])
def test_the_reply_is_the_winners_and_says_that_another_was_broken_off(winner: str) -> None:
    world = World("a", "b")
    call = world.call()
    flow, first, second = race(world, call)
    reply = wins(flow, first, second) if winner == "first" else wins(flow, second, first)
    name = "a" if winner == "first" else "b"
    assert (reply.text, reply.meta.attempts, reply.meta.cost.usd) == (name, 2, CENT.usd)
    assert "broken off: what that one cost is not known" in reply.meta.cost.note
    progress = call.progress
    assert (progress.attempts, progress.provider, progress.url) == (2, name, f"https://{name}/v1")
    assert progress.moves == (0 if winner == "first" else 1)
    hedged, ended = world.heard
    assert hedged == Hedged("id", "https://a/v1", 1.0, "https://b/v1", "b")
    assert (ended.won, ended.url, ended.lost) == (winner, f"https://{name}/v1", "broken off")
    assert ended.cost.usd is None


def test_where_both_answer_at_once_both_are_paid() -> None:
    world = World("a", "b")
    flow, first, second = race(world)
    ends(first)
    reply = wins(flow, second)
    assert reply.meta.cost.usd == Decimal("0.02")
    assert "both are in it" in reply.meta.cost.note
    assert (world.heard[1].lost, world.heard[1].cost) == ("answered", CENT)


def test_where_both_answer_and_one_has_no_price_the_note_says_so() -> None:
    world = World("a", "b")
    world.says["a"] = Cost(note="no price")
    flow, first, second = race(world)
    ends(first)
    cost = wins(flow, second).meta.cost
    assert (cost.usd, "only one is in it" in cost.note) == (CENT.usd, True)


def test_a_loser_that_failed_costs_nothing_and_is_not_noted() -> None:
    world = World("a", "b")
    world.says["b"] = errors.RateLimited("x")
    flow, first, second = race(world)
    assert isinstance(ends(second), errors.RouterError)
    assert wins(flow, first).meta.cost == CENT
    assert world.heard[1:][-1].lost == "failed"


def test_where_both_fail_the_error_of_the_first_tells_of_the_second() -> None:
    world = World("a", "b")
    world.says = {"a": errors.BadRequest("no such tool"), "b": errors.BadRequest("not that one either")}
    call = world.call()
    flow, first, second = race(world, call)
    failure, other = ends(first), ends(second)
    assert isinstance(failure, errors.BadRequest)
    assert isinstance(other, errors.BadRequest)
    with pytest.raises(errors.BadRequest) as caught:
        flow.throw(failure)
    assert caught.value is failure
    assert any("not that one either" in note for note in failure.__notes__)
    assert call.progress.attempts == 2
    assert world.heard[-1] == HedgeEnded("id", "neither", "", "failed", world.heard[-1].cost)


def test_a_call_that_is_left_while_two_race_says_so() -> None:
    world = World("a", "b")
    call = world.call()
    flow, first, second = race(world, call)
    flow.close()
    first.close()
    second.close()
    assert (world.heard[-1].won, world.heard[-1].lost, call.progress.attempts) == ("neither", "broken off", 2)


def test_from_the_first_piece_of_a_stream_on_the_call_has_been_seen() -> None:
    world = World("a", "b")
    call = world.call(STREAM)
    flow, first, second = race(world, call)
    assert not call.progress.emitted
    pieces = next(second)
    assert isinstance(pieces, Emit)
    first.close()
    passed = flow.send(Won(second, pieces.deltas))
    assert isinstance(passed, Emit)
    assert (call.progress.emitted, call.progress.first_token) == (True, 1.0)
    reply = ends(flow)
    assert (reply.text, reply.meta.attempts) == ("b", 2)


def test_batches_of_texts_leave_the_note_with_their_progress() -> None:
    world = World("a", "b")
    call = world.call(TEXTS)
    flow, first, second = race(world, call)
    wins(flow, second, first)
    assert "broken off" in call.progress.besides


# --- what is remembered ---


def test_who_was_broken_off_has_neither_answered_nor_failed() -> None:
    world = World("a", "b")
    flow, first, second = race(world)
    wins(flow, second, first)
    assert world.health.figures(target("a").id).seen == 0
    assert world.health.figures(target("b").id).seen == 1
    assert world.health.is_open(target("a").id)


@pytest.mark.parametrize(
    ("after", "noted"), [(None, 1.0), (1.0, None)], ids=["by what is usual", "by a number"]
)
def test_a_first_that_was_given_up_was_that_slow_at_least(after: float | None, noted: float | None) -> None:
    world = World("a", "b", after=after, unmeasured_whole=1.0)
    flow, first, second = race(world)
    wins(flow, second, first)
    assert world.health.p95(target("a").id, streamed=False, least=1) == noted


def test_a_second_that_was_broken_off_early_was_not_slow() -> None:
    world = World("a", "b", after=None, unmeasured_whole=1.0)
    flow, first, second = race(world)
    wins(flow, first, second)
    assert world.health.p95(target("b").id, streamed=False, least=1) is None


def test_the_95th_of_100_is_the_nearest_rank_among_the_last_64() -> None:
    health = Health()
    assert health.p95("a", streamed=False) is None
    for number in range(1000):
        health.answered("a", 0.0, Figures(whole=float(number)))
    last = range(936, 1000)
    assert health.p95("a", streamed=False) == last[math.ceil(0.95 * 64) - 1]
    assert health.p95("a", streamed=True) is None
