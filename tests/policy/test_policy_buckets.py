"""How much of a limit is used: never more than it and its burst in any window, whatever comes when."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.errors import ConfigError
from shared_core.policy.state.buckets import Charge, MemoryBuckets
from shared_core.policy.stores.limits_shared import Entry, Mode, SharedBuckets, Told
from shared_core.types import PERIODS, Concurrency, Limit

NEARLY = 1e-6  # seconds: floats


def charge(limit: Limit, amount: int = 1, key: str = "k") -> Charge:
    return Charge(key, amount * limit.seconds_each, limit.at_once * limit.seconds_each)


def most_in_a_window(passed: list[tuple[float, int]], seconds: float) -> int:
    """The most that passed in any half-open window of so many seconds."""
    starts = [at for at, _ in passed]
    return max(
        (sum(many for at, many in passed if start <= at < start + seconds - NEARLY) for start in starts),
        default=0,
    )


LIMITS = st.builds(
    Limit,
    requests=st.integers(1, 40),
    per=st.sampled_from(["second", "minute", "day"]),
    burst=st.none() | st.integers(0, 20),
)
PAUSES = st.lists(st.floats(0, 1.5), min_size=1, max_size=120)


@given(LIMITS, PAUSES)
@settings(max_examples=200, deadline=None)
def test_no_window_sees_more_requests_than_the_limit_and_its_burst(limit: Limit, pauses: list[float]) -> None:
    buckets, now, passed = MemoryBuckets(), 1000.0, []
    for pause in pauses:
        now += pause * limit.seconds_each
        for _ in range(3):
            if not buckets.take([charge(limit)], now):
                passed.append((now, 1))
    assert most_in_a_window(passed, PERIODS[limit.per]) <= limit.amount + (limit.burst or 0)


@given(st.integers(8, 400), st.none() | st.integers(8, 100), PAUSES, st.data())
@settings(max_examples=200, deadline=None)
def test_no_window_sees_more_tokens_than_the_limit_and_its_burst(
    amount: int, burst: int | None, pauses: list[float], data: st.DataObject
) -> None:
    limit = Limit(tokens=amount, per="minute", burst=burst)
    buckets, now, passed = MemoryBuckets(), 1000.0, []
    for pause in pauses:
        now += pause * 4
        many = data.draw(st.integers(1, max(1, limit.at_once)))
        if not buckets.take([charge(limit, many)], now):
            passed.append((now, many))
    assert most_in_a_window(passed, 60) <= amount + (burst or 0)


@given(LIMITS, st.integers(1, 80))
@settings(max_examples=100, deadline=None)
def test_who_waits_as_long_as_it_is_told_passes_then_and_no_earlier(limit: Limit, many: int) -> None:
    buckets, now = MemoryBuckets(), 1000.0
    for _ in range(many):
        if waits := buckets.take([charge(limit)], now):
            assert buckets.take([charge(limit)], now + waits[0] * 0.99 - 1e-6)
            now += waits[0]
            assert not buckets.take([charge(limit)], now + 1e-9)


def test_what_waits_keeps_nothing_from_others() -> None:
    buckets = MemoryBuckets()
    user, provider = Charge("user", 10.0, 10.0), Charge("provider", 1.0, 1.0)
    assert not buckets.take([user, provider], 0.0)
    assert buckets.take([user, provider], 1.0) == [9.0, 0.0]
    assert not buckets.take([provider], 1.0)


def test_a_call_larger_than_may_be_used_at_once_passes_when_nothing_is_in_use_and_is_counted_in_full() -> (
    None
):
    buckets = MemoryBuckets()
    assert not buckets.take([Charge("k", 100.0, 10.0)], 0.0)
    assert buckets.take([Charge("k", 100.0, 10.0)], 1.0) == [99.0]
    assert buckets.take([Charge("k", 1.0, 10.0)], 1.0) == [90.0]


def test_tokens_that_were_not_used_come_back_and_others_are_owed() -> None:
    buckets = MemoryBuckets()
    buckets.take([Charge("k", 10.0, 10.0)], 0.0)
    buckets.correct([Charge("k", -4.0, 10.0)], 1.0)
    assert buckets.used("k", 1.0) == 5.0
    buckets.correct([Charge("k", 7.0, 10.0)], 1.0)
    assert buckets.used("k", 1.0) == 12.0


def test_what_is_closed_opens_by_itself() -> None:
    buckets, pause = MemoryBuckets(), Charge("pause", 0.0, 0.0)
    assert not buckets.take([pause], 0.0)
    buckets.close("pause", 5.0, 0.0)
    buckets.close("pause", 2.0, 0.0)
    assert buckets.take([pause], 1.0) == [4.0]
    assert not buckets.take([pause], 5.0)


def test_what_is_used_no_more_is_forgotten_and_nothing_else() -> None:
    buckets = MemoryBuckets()
    buckets.take([Charge("long", 1e6, 1e6)], 0.0)
    for number in range(10_000):
        buckets.take([Charge(f"user {number}", 1.0, 1.0)], number / 10)
    assert len(buckets._free_at) < 5000
    assert buckets.used("long", 1000.0) == 1e6 - 1000


# --- the limits themselves ---


@pytest.mark.parametrize(
    ("limit", "each", "at_once"),
    [
        (Limit(requests=60, burst=0), 1.0, 1),
        (Limit(requests=60, burst=10), 1.0, 11),
        (Limit(requests=80), 60 / 70, 11),
        (Limit(requests=1, per="hour"), 3600.0, 1),
        (Limit(tokens=8000, per="second"), 1 / 7000, 1000),
        (Limit(tokens=6000, burst=2000), 0.01, 2000),
    ],
    ids=str,
)
def test_a_limit_is_so_many_seconds_each_and_so_many_at_once(limit: Limit, each: float, at_once: int) -> None:
    assert (limit.seconds_each, limit.at_once) == (pytest.approx(each), at_once)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"requests": 1, "tokens": 1},
        {"requests": 0},
        {"requests": -5},
        {"requests": 1.5},
        {"requests": True},
        {"requests": float("inf")},
        {"requests": 10, "burst": -1},
        {"requests": 10, "per": "week"},
        {"requests": 10, "of": "user"},
        {"requests": 10, "of": "tag:"},
        {"requests": 10, "of": 3},
        {"requests": 10, "only": "groq"},
        {"requests": 10, "of": "key", "only": "x"},
        {"requests": 10, "window": 3},
        "60/minute",
        60,
        None,
    ],
    ids=repr,
)
def test_what_is_no_limit_is_said_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        Limit.read(wrong)
    assert raised.value.hint


@pytest.mark.parametrize(
    "wrong", [0, -1, 2.5, True, "many", None, {"limit": 0}, {"first": 9, "most": 3}, {"x": 1}], ids=repr
)
def test_what_limits_no_concurrency_is_said_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        Concurrency.read(wrong)
    assert raised.value.hint


def test_limits_are_written_as_values_or_by_name_and_travel() -> None:
    limit = Limit.read({"requests": 60, "per": "hour", "of": "tag:user", "only": "ada"})
    assert pickle.loads(pickle.dumps(limit)) == limit == Limit.read(limit)
    assert str(limit) == "60 requests per hour for user ada"
    slots = Concurrency.read({"limit": "adaptive", "of": "host"})
    assert pickle.loads(pickle.dumps(slots)) == slots == Concurrency.read(slots)
    assert Concurrency.read(8) == Concurrency(8, of="host")
    assert Concurrency.read("adaptive") == Concurrency()
    assert limit.as_dict() == {"requests": 60, "per": "hour", "of": "tag:user", "only": "ada"}
    assert Concurrency.read(Concurrency(8, first=2).as_dict()) == Concurrency(8, first=2)


# --- shared ones, whose place comes and goes ---


class Server:
    """A place in this process that can be taken away, and can lose its memory."""

    def __init__(self) -> None:
        self.buckets, self.now, self.is_away, self.sharers = MemoryBuckets(), 0.0, False, 1

    def ask(self, mode: Mode, entries: list[Entry], *, wait: bool = True) -> Told | None:
        assert wait
        if self.is_away:
            return None
        charges = [Charge(*entry[:3]) for entry in entries]
        for entry in entries:
            if entry.is_news or entry.key not in self.buckets._free_at:
                self.buckets.close(entry.key, entry.known, self.now)
        waits: Any = ()
        if mode == "take":
            waits = self.buckets.take(charges, self.now)
        elif mode == "correct":
            self.buckets.correct(charges, self.now)
        else:
            self.buckets.close(charges[0].key, charges[0].cost, self.now)
        return Told(waits, [self.buckets.used(each.key, self.now) for each in charges], self.sharers)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1), st.sampled_from("....adl")), max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_window_sees_too_much_although_the_place_goes_away_and_loses_its_memory(
    steps: list[tuple[int, float, str]],
) -> None:
    """Three processes share thirty a minute: (who comes, after how long, what befalls the place before it)."""
    limit, server, passed = Limit(requests=30, burst=0), Server(), []
    processes = [SharedBuckets(server) for _ in range(3)]
    server.sharers = 3
    for process in processes:  # each has asked once, so that it knows with how many it shares
        process.take([Charge("another", 1.0, 1.0)], 0.0)
    for who, pause, befalls in steps:
        server.now += pause * limit.seconds_each
        if befalls in "ad":
            server.is_away = befalls == "a"
        if befalls == "l" and server.is_away:
            server.buckets = MemoryBuckets()
        if not processes[who].take([charge(limit)], server.now):
            passed.append((server.now, 1))
    # While it is away each of them may begin with one that the others have not heard of.
    assert most_in_a_window(passed, 60) <= 30 + len(processes)


def test_alone_a_process_goes_on_from_what_it_was_told() -> None:
    server = Server()
    buckets, other = SharedBuckets(server), SharedBuckets(server)
    hour = Charge("k", 3600.0, 3600.0)
    other.take([hour], 0.0)
    assert buckets.take([hour], 0.0) == [3600.0]
    server.is_away = True
    assert buckets.take([hour], 10.0)


@pytest.mark.parametrize("sharers", [1, 2, 3, 5])
def test_alone_processes_together_keep_to_the_limit(sharers: int) -> None:
    limit, server, passed = Limit(requests=30, burst=0), Server(), []
    server.sharers = sharers
    processes = [SharedBuckets(server) for _ in range(sharers)]
    for process in processes:
        process.take([charge(limit)], server.now)
    server.is_away = True
    for step in range(2400):
        server.now = 10.0 + step / 10
        passed += [(server.now, 1) for process in processes if not process.take([charge(limit)], server.now)]
    assert 10 <= most_in_a_window(passed, 60) <= 30


def test_what_was_used_alone_is_told_also_where_the_place_has_not_forgotten() -> None:
    server = Server()
    buckets = SharedBuckets(server)
    small = Charge("k", 1.0, 10.0)
    buckets.take([small], 0.0)
    server.is_away = True
    for _ in range(4):
        assert not buckets.take([small], 0.0)
    server.is_away = False
    buckets.take([small], 0.0)
    assert server.buckets.used("k", 0.0) == 6.0


def test_what_was_used_alone_is_told_when_the_place_is_there_again() -> None:
    server = Server()
    buckets, other = SharedBuckets(server), SharedBuckets(server)
    hour = Charge("k", 3600.0, 3600.0)
    server.is_away = True
    assert not buckets.take([hour], 0.0)
    buckets.correct([Charge("other", 5.0, 5.0)], 0.0)
    buckets.close("closed", 9.0, 0.0)
    server.is_away = False
    assert buckets.take([hour, Charge("closed", 0.0, 0.0)], 0.0) == [3600.0, 9.0]
    assert other.take([hour], 0.0) == [3600.0]
