"""Who is best at what: ranks with ties and unknowns, and the front of cost against latency."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared_core.evaluate.comparing.standing import front, ranks
from tests.evaluate.made_up import answer, comparison, failure

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

FIGURES = some.one_of(some.none(), some.integers(0, 9).map(float))
POINTS = some.lists(some.tuples(FIGURES, FIGURES), max_size=25)


def beats(one, other):
    return one[0] <= other[0] and one[1] <= other[1] and one != other


@given(POINTS)
@patient
def test_the_front_is_whoever_nobody_beats(points):
    known = [point for point in points if None not in point]
    for point, on in zip(points, front(points), strict=True):
        assert on == (None not in point and not any(beats(other, point) for other in known))


@given(POINTS)
@patient
def test_somebody_is_on_the_front_where_anybody_is_known_and_whoever_is_not_is_beaten_by_one_of_it(points):
    on = front(points)
    best = [point for point, is_on in zip(points, on, strict=True) if is_on]
    assert bool(best) == any(None not in point for point in points)
    for point, is_on in zip(points, on, strict=True):
        if not is_on and None not in point:
            assert any(beats(other, point) for other in best)


@given(POINTS, some.randoms())
@patient
def test_the_front_does_not_depend_on_the_order(points, chance):
    order = list(range(len(points)))
    chance.shuffle(order)
    shuffled = front([points[place] for place in order])
    assert [shuffled[order.index(place)] for place in range(len(points))] == front(points)


@given(some.lists(FIGURES, max_size=30))
@patient
def test_a_rank_is_one_more_than_how_many_are_better(values):
    known = [value for value in values if value is not None]
    for value, rank in zip(values, ranks(values), strict=True):
        assert rank == (None if value is None else 1 + sum(other < value for other in known))


def test_models_are_ranked_by_each_criterion():
    def make(model, prompt, repeat):
        if model == 2:
            return failure()
        return answer(seconds=(1.0, 2.0)[model], usd=("0.02", "0.01")[model])

    fast, cheap, broken = comparison(["fast", "cheap", "broken"], ["a", "b"], make=make).models
    assert fast.ranks == {"cost": 2, "first_token": 1, "latency": 1, "throughput": 1, "reliability": 1}
    assert cheap.ranks == {"cost": 1, "first_token": 2, "latency": 2, "throughput": 2, "reliability": 1}
    assert broken.ranks == {
        "cost": None,
        "first_token": None,
        "latency": None,
        "throughput": None,
        "reliability": 3,
    }
    assert [one.on_front for one in (fast, cheap, broken)] == [True, True, False]


def test_whose_cost_is_partly_unknown_is_neither_ranked_by_it_nor_on_the_front():
    found = comparison(["a", "b"], ["p"], 2, lambda m, p, r: answer(usd=None if m == 0 and r else "0.01"))
    assert [one.ranks["cost"] for one in found.models] == [None, 1]
    assert [one.on_front for one in found.models] == [False, True]
