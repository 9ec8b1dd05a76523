"""A long list under way: how many requests at once, how long, and what is told meanwhile."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest

from shared_core import errors
from shared_core.client.progress import Bar
from shared_core.testing import SlowHead

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n} " + "and more " * (n % 9) for n in range(150)]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_requests_are_under_way_than_was_asked_for(make: Any, offline_url: Any, most: int) -> None:
    caller = make(model=MODEL)
    offline_url.queue(SlowHead(0.02), path=PATH, times=-1)
    caller.embed(TEXTS, batch_size=10, max_concurrency=most)
    assert len(offline_url.requests) == 15
    assert offline_url.in_flight_max == most


def test_eight_requests_are_under_way_by_default_on_connections_that_are_kept(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL)
    offline_url.queue(SlowHead(0.02), path=PATH, times=-1)
    caller.embed(TEXTS, batch_size=5)
    assert offline_url.in_flight_max == 8
    assert len({seen.connection for seen in offline_url.requests}) == 8


def test_the_time_limit_is_that_of_the_whole_list(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL)
    offline_url.queue(SlowHead(0.2), path=PATH, times=-1)
    with pytest.raises(errors.TimedOut, match=r"within 0\.5 s"):
        caller.embed(TEXTS, batch_size=10, max_concurrency=2, timeout=0.5)
    assert offline_url.wait_idle()


def test_without_a_limit_of_the_users_each_request_has_the_usual_time(
    make_plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0

    def a_minute_goes_by(done: int, total: int) -> None:
        nonlocal passed
        passed += 60

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed, time=time.time)
    monkeypatch.setattr("shared_core.client.base.time", clock)
    slow: dict[str, Any] = {"batch_size": 10, "max_concurrency": 1, "progress": a_minute_goes_by}
    caller = make_plain(model=MODEL, timeout=None)
    assert len(caller.embed(TEXTS, **slow)) == 150
    assert passed == 15 * 60
    with pytest.raises(errors.TimedOut, match="within 120 s"):
        caller.embed(TEXTS, timeout=120, **slow)
    assert 17 * 60 <= passed <= 18 * 60  # one request may be under way when the time is over


def test_progress_is_told_after_each_batch(make: Any) -> None:
    told: list[tuple[int, int]] = []
    make(model=MODEL).embed([*TEXTS, TEXTS[0]], batch_size=50, progress=lambda *seen: told.append(seen))
    assert told == [(50, 150), (100, 150), (150, 150)]


def test_an_error_of_the_progress_function_ends_the_call(make: Any) -> None:
    def complain(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make(model=MODEL).embed(TEXTS, progress=complain)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_rate_and_time_left_on_one_line() -> None:
    screen, clock = Terminal(), iter([0.0, 10.0, 10.01, 100.0])
    bar = Bar(screen, lambda: next(clock))
    bar(1000, 10_000)
    bar(1001, 10_000)  # too soon to draw again
    bar(10_000, 10_000)
    first, last = (line.strip() for line in screen.getvalue().strip().split("\r"))
    assert first.endswith("1,000/10,000 texts, 100/s, 2 min left")
    assert last.endswith("10,000/10,000 texts, 100/s")
    assert screen.getvalue().endswith("\n")


def test_the_bar_is_silent_where_there_is_no_terminal(
    make_plain: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_plain(model=MODEL).embed(TEXTS, progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_drawn_on_a_terminal(make_plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    make_plain(model=MODEL).embed(TEXTS, progress=True)
    assert "150/150 texts" in screen.getvalue()
