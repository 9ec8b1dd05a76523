"""When a target is closed, for how long, and who finds out that it is well: a clock that is turned by hand."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.policy.state import Health, RetryBudget
from shared_core.types import Figures

FOREVER = 1e9


def closed_at(health: Health, key: str, now: float) -> bool:
    return health.admit(key, now, FOREVER) is None


def test_a_target_that_nobody_knows_is_open() -> None:
    assert Health().admit("x", 0.0, 1.0) == "open"


@pytest.mark.parametrize("trouble", ["throttled", "refused"])
def test_a_refusal_closes_at_once(trouble: str) -> None:
    health = Health()
    assert health.failed("x", 0.0, trouble, rivals=("x", "y"))  # type: ignore[arg-type]
    assert closed_at(health, "x", 4.9)


def test_what_may_be_chance_closes_at_the_third_time_in_a_row() -> None:
    health = Health()
    assert [health.failed("x", float(n), "passing", rivals=("y",)) for n in range(3)] == [False, False, True]


def test_an_answer_between_begins_the_row_anew() -> None:
    health = Health()
    for now in (0.0, 1.0):
        health.failed("x", now, "passing", rivals=("y",))
    health.answered("x", 2.0)
    assert not health.failed("x", 3.0, "passing", rivals=("y",))


def test_more_than_half_of_five_tries_in_a_minute_close() -> None:
    health = Health(in_a_row=99)
    for now, fails in enumerate([True, False, True, False]):
        if fails:
            health.failed("x", now, "passing", rivals=("y",))
        else:
            health.answered("x", now)
    assert health.failed("x", 4.0, "passing", rivals=("y",))


def test_tries_of_more_than_a_minute_ago_are_forgotten() -> None:
    health = Health(in_a_row=99)
    for now in range(4):
        health.failed("x", now, "passing", rivals=("y",))
    assert not health.failed("x", 80.0, "passing", rivals=("y",))


def test_each_failed_probe_doubles_the_time_up_to_a_minute() -> None:
    health, now, lengths = Health(), 0.0, []
    health.failed("x", now, "throttled", rivals=("y",))
    for _ in range(6):
        lengths.append(health.wait("x", now))
        now += health.wait("x", now)
        assert health.admit("x", now, FOREVER) == "probe"
        health.failed("x", now, "throttled", rivals=("y",), probe=True)
    assert lengths == [5, 10, 20, 40, 60, 60]


def test_an_answered_probe_opens_and_a_minute_of_health_makes_the_next_closing_short() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",))
    assert health.admit("x", 5.0, FOREVER) == "probe"
    health.answered("x", 5.0, probe=True)
    assert health.admit("x", 5.0, FOREVER) == "open"
    health.failed("x", 6.0, "throttled", rivals=("y",))
    assert health.wait("x", 6.0) == 10, "it was well for a second only"
    health.admit("x", 16.0, FOREVER)
    health.answered("x", 16.0, probe=True)
    health.failed("x", 80.0, "throttled", rivals=("y",))
    assert health.wait("x", 80.0) == 5


def test_what_a_service_asks_for_is_heeded_up_to_an_hour() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",), retry_after=30.0)
    assert health.wait("x", 0.0) == 30
    health.failed("z", 0.0, "throttled", rivals=("y",), retry_after=1e6)
    assert health.wait("z", 0.0) == 3600


def test_a_service_that_named_its_time_is_not_probed_before_it() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",), retry_after=30.0)
    health.failed("z", 0.0, "throttled", rivals=("y",))
    assert health.admit("x", 2.0, FOREVER, early=True) is None
    assert health.admit("z", 0.5, FOREVER, early=True) is None
    assert health.admit("z", 2.0, FOREVER, early=True) == "probe"


def test_a_probe_that_is_left_without_a_verdict_makes_room_for_another() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",))
    assert [health.admit("x", 5.0, FOREVER) for _ in range(2)] == ["probe", None]
    health.leave("x")
    assert health.admit("x", 5.0, FOREVER) == "probe"


def test_a_probe_whose_call_must_have_ended_is_over() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",))
    health.admit("x", 5.0, until=20.0)
    assert closed_at(health, "x", 19.9)
    assert health.admit("x", 20.0, FOREVER) == "probe"


def test_calls_that_were_under_way_when_it_closed_neither_open_nor_prolong() -> None:
    health = Health()
    health.failed("x", 0.0, "throttled", rivals=("y",))
    health.answered("x", 1.0)
    health.failed("x", 2.0, "throttled", rivals=("y",))
    assert health.wait("x", 2.0) == 3


def test_figures_follow_the_newest_by_a_fifth() -> None:
    health = Health()
    for whole in (1.0, 2.0):
        health.answered("x", 0.0, Figures(whole=whole))
    assert health.figures("x") == Figures(whole=pytest.approx(1.2), seen=2)


def test_a_process_that_meets_many_targets_forgets_the_first() -> None:
    health = Health(most=2)
    for key in "abc":
        health.failed(key, 0.0, "throttled", rivals=("y",))
    assert health.is_open("a")
    assert not health.is_open("c")


steps = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["passing", "throttled", "refused", "answered"]),
        st.floats(0.0, 20.0),
        st.one_of(st.none(), st.floats(0.0, 100.0)),
    ),
    max_size=60,
)


@given(steps)
@settings(max_examples=300, deadline=None)
def test_the_last_target_is_never_closed(steps: list[tuple[str, str, float, float | None]]) -> None:
    health, now = Health(), 0.0
    for key, event, later, retry_after in steps:
        now += later
        admission = health.admit(key, now, now + 10)
        probe = admission == "probe"
        if event == "answered":
            health.answered(key, now, probe=probe)
        else:
            health.failed(key, now, event, rivals="abc", retry_after=retry_after, probe=probe)  # type: ignore[arg-type]
        health.leave(key)
        assert any(health.is_open(each) for each in "abc")


@given(steps)
@settings(max_examples=300, deadline=None)
def test_a_closed_target_is_asked_by_probes_alone_one_at_a_time(
    steps: list[tuple[str, str, float, float | None]],
) -> None:
    health, now = Health(), 0.0
    probing: dict[str, bool] = {}
    for key, event, later, retry_after in steps:
        now += later
        was_open, wait = health.is_open(key), health.wait(key, now)
        admission = health.admit(key, now, FOREVER)
        if not was_open:
            assert admission == ("probe" if wait == 0 and not probing.get(key) else None)
        if admission == "probe":
            probing[key] = True
        if admission is None or event == "refused":
            continue  # the call goes on, or is not made
        if event == "answered":
            health.answered(key, now, probe=admission == "probe")
        else:
            health.failed(
                key,
                now,
                event,  # type: ignore[arg-type]
                rivals="abc",
                retry_after=retry_after,
                probe=admission == "probe",
            )
        if admission == "probe":
            health.leave(key)
            probing[key] = False


def test_of_eight_threads_one_gets_the_probe() -> None:
    health = Health()
    start = threading.Barrier(8)

    def ask(now: float) -> str | None:
        start.wait()
        return health.admit("x", now, FOREVER)

    with ThreadPoolExecutor(8) as pool:
        for trial in range(200):
            now = trial * 100.0
            health.clear()
            health.failed("x", now, "throttled", rivals=("y",))
            got = list(pool.map(ask, [now + 5.0] * 8))
            assert sorted(map(str, got)) == ["None"] * 7 + ["probe"]


# --- the retry budget ---


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=400),
)
@settings(max_examples=100, deadline=None)
def test_retries_in_vain_are_a_bucket_and_a_fourteenth_of_the_answered_calls(
    calls: list[tuple[bool, bool, bool]],
) -> None:
    budget = RetryBudget(size=140)
    answered = vain = 0
    for first, second, third in calls:
        if first:
            answered += 1
            budget.give_back("h")
            continue
        for helps in (second, third):
            paid = budget.take("h")
            if not paid:
                break
            if helps:
                budget.give_back("h", paid)
                break
            vain += 1
        assert 0 <= budget.left("h") <= 140
    assert vain * 14 <= 140 + answered


def test_in_an_outage_of_ten_thousand_calls_there_are_thirty_five_retries() -> None:
    budget = RetryBudget()
    assert sum(bool(budget.take("h")) for _ in range(10_000)) == 35


def test_each_host_has_a_bucket_of_its_own_and_full_ones_take_no_room() -> None:
    budget = RetryBudget(size=14)
    assert (budget.take("h"), budget.take("h"), budget.take("i")) == (14, 0, 14)
    budget.give_back("i", 14)
    assert budget._tokens.keys() == {"h"}


def test_eight_threads_take_no_more_than_there_is() -> None:
    budget = RetryBudget(size=14_000)
    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(lambda _: sum(bool(budget.take("h")) for _ in range(500)), range(8)))
    assert taken == 1000
