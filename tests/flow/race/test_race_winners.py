"""Two flows that race: who wins, and whose error it is where nobody does; every order of events."""

from __future__ import annotations

import threading
from concurrent.futures import wait as wait_for

import pytest

from shared_core.errors import ConnectionLost, RateLimited, RouterError
from shared_core.flow import Flow
from tests.flow.race.conftest import FAR, Play, nobody, raced, texts


def test_a_first_that_returns_in_time_races_nobody(play: Play) -> None:
    end = play.start(raced(play.plain("a"), nobody, FAR))
    play.stage.say("a", b"done")
    assert end.result(20) is None
    assert (play.run.result, play.settled, play.closed()) == ("done", ["a"], {"a": 1})


def test_a_first_that_emits_in_time_goes_on_as_the_callers_own(play: Play) -> None:
    begun = play.start(raced(play.stream("a"), nobody, FAR))
    play.stage.say("a", b"x", b"y", b"")
    assert texts(begun.result(20)) == ["x"]
    assert texts(play.advance().result(20)) == ["y"]
    assert play.closed() == {"a": 0}
    assert play.advance().result(20) is None
    assert (play.run.result, play.settled, play.closed()) == ("a", ["a"], {"a": 1})


def test_a_first_that_fails_in_time_fails_the_whole(play: Play) -> None:
    end = play.start(raced(play.plain("a"), nobody, FAR))
    play.stage.say("a", ConnectionLost("gone"))
    with pytest.raises(ConnectionLost, match="gone"):
        end.result(20)
    assert (play.settled, play.closed()) == (["a"], {"a": 1})


@pytest.mark.parametrize("winner", ["a", "b"], ids=["the first, late", "the second"])
def test_who_returns_first_wins_and_the_other_is_closed_at_once(play: Play, winner: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(winner, b"won")
    assert end.result(20) is None
    assert play.run.result == "won"
    assert sorted(play.settled) == ["a", "b"]
    assert play.closed() == {"a": 1, "b": 1}


@pytest.mark.parametrize("winner", ["a", "b"], ids=["the first, late", "the second"])
def test_who_emits_first_wins_and_goes_on(play: Play, winner: str) -> None:
    loser = "ba"["ab".index(winner)]
    begun = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(winner, b"x")
    assert texts(begun.result(20)) == ["x"]
    assert (play.settled, play.closed()) == ([loser], {winner: 0, loser: 1})
    play.stage.say(winner, b"y", b"")
    assert texts(play.advance().result(20)) == ["y"]
    assert play.advance().result(20) is None
    assert (play.run.result, play.settled, play.closed()) == (winner, [loser, winner], {"a": 1, "b": 1})


@pytest.mark.parametrize(("fails", "wins"), ["ab", "ba"], ids=["first", "second"])
@pytest.mark.parametrize("kind", ["plain", "stream"])
def test_who_fails_does_not_win_while_the_other_still_can(
    play: Play, kind: str, fails: str, wins: str
) -> None:
    child = getattr(play, kind)
    end = play.start(raced(child("a"), lambda: child("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(fails, ConnectionLost("gone"))
    assert not wait_for([end], 0.02).done
    play.stage.say(wins, b"x")
    assert texts(end.result(20)) == (None if kind == "plain" else ["x"])
    play.close()
    assert (sorted(play.settled), play.closed()) == (["a", "b"], {"a": 1, "b": 1})


@pytest.mark.parametrize(("one", "other"), ["ab", "ba"])
def test_where_both_fail_the_error_is_the_firsts(play: Play, one: str, other: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(one, RateLimited(f"of {one}"))
    assert not wait_for([end], 0.02).done
    play.stage.say(other, RateLimited(f"of {other}"))
    with pytest.raises(RateLimited, match="of a"):
        end.result(20)
    assert play.closed() == {"a": 1, "b": 1}


def test_the_errors_can_be_caught_where_the_flows_are_raced(play: Play) -> None:
    def flow() -> Flow[str]:
        try:
            return (yield from raced(play.plain("a"), lambda: play.plain("b"), 0.0))
        except RouterError as error:
            return error.message

    end = play.start(flow())
    play.stage.say("a", ConnectionLost("gone"))
    play.stage.say("b", ConnectionLost("too"))
    assert end.result(20) is None
    assert play.run.result == "gone"


@pytest.mark.parametrize("outcome", ["wins", "fails"])
def test_a_second_that_is_declined_leaves_it_at_the_first(play: Play, outcome: str) -> None:
    asked = threading.Event()
    end = play.start(raced(play.plain("a"), lambda: asked.set(), 0.0))
    assert asked.wait(20)
    assert not wait_for([end], 0.02).done
    play.stage.say("a", b"won" if outcome == "wins" else ConnectionLost("gone"))
    if outcome == "wins":
        assert end.result(20) is None
        assert play.run.result == "won"
    else:
        with pytest.raises(ConnectionLost, match="gone"):
            end.result(20)


def test_a_second_that_cannot_be_made_ends_the_first(play: Play) -> None:
    def broken() -> Flow[str]:
        play.stage.asked("a") if play.loop is None else None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play.start(raced(play.plain("a"), broken, 0.01)).result(20)
    assert play.settled == ["a"]
    assert play.closed() == {"a": 1}


@pytest.mark.parametrize(("breaks", "other"), ["ab", "ba"], ids=["first", "second"])
def test_a_mistake_of_ours_ends_both_at_once(play: Play, breaks: str, other: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(breaks, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        end.result(20)
    assert (sorted(play.settled), play.closed()) == (["a", "b"], {"a": 1, "b": 1})


def test_where_both_emit_at_once_one_is_seen_and_the_other_closed(play: Play) -> None:
    for _ in range(50):
        play.settled.clear()
        play.stage.lines.clear()
        begun = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
        play.stage.asked("a", "b")
        for name in "ab":
            play.stage.lines[name].pieces.put(name.encode())
        (seen,) = texts(begun.result(20))
        other = "ba"["ab".index(seen)]
        play.stage.say(seen, b"")
        assert play.advance().result(20) is None
        assert play.run.result == seen
        assert (play.settled, play.closed()) == ([other, seen], {"a": 1, "b": 1})
