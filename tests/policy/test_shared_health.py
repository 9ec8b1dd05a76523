"""Workers that tell each other which targets are closed: two healths on one board, clocks that are turned by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from shared_core import _locks
from shared_core.errors import Overloaded, RateLimited
from shared_core.flow import Offload
from shared_core.policy.share import Share
from shared_core.policy.stores.health_boards import FileBoard, Notice, RedisBoard, board_at
from shared_core.policy.stores.opening import LAYOUT, open_state
from shared_core.policy.stores.shared_health import SharedHealth, shared_health
from shared_core.storage.database import Database
from shared_core.storage.redis import RedisServer
from shared_core.types import ApiKey, Call, ChatRequest, Progress, Target, Timeouts, Waits

FOREVER = 1e9
TOKEN = "hf_canary0123456789abcdefghij"
X = Target("https://h/v1", ApiKey(TOKEN), model="org/x").id
Y = Target("https://h/v1", ApiKey(TOKEN), model="org/y").id


class Worker(SharedHealth):
    """A process: clocks of its own, whose monotonic one began at another time than those of others."""

    def __init__(self, board: Any, *, began: float = 0.0, token: str = TOKEN, **settings: Any) -> None:
        self.passed = 0.0
        self.began = began
        super().__init__(board, lambda: token, wall_clock=lambda: 1_700_000_000 + self.passed, **settings)

    @property
    def now(self) -> float:
        return self.began + self.passed

    def fails(self, key: Any = X, *, retry_after: float | None = None, probe: bool = False) -> bool:
        closed = self.failed(key, self.now, "throttled", rivals=(X, Y), retry_after=retry_after, probe=probe)
        if self.has_news:
            self.tell()
        return closed

    def is_answered(self, key: Any = X, *, probe: bool = False) -> None:
        self.answered(key, self.now, probe=probe)
        if self.has_news:
            self.tell()

    def asks(self, key: Any = X, *, early: bool = False) -> Any:
        """How a call may ask, after the look that comes before it."""
        if self.is_due(self.now):
            self.look(self.now)
        return self.admit(key, self.now, FOREVER, early=early)


def later(seconds: float, *workers: Worker) -> None:
    for worker in workers:
        worker.passed += seconds


@pytest.fixture(params=["SQLite", "Redis"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "SQLite":
        database = Database(tmp_path / "state.sqlite", LAYOUT)
        yield FileBoard(database)
        database.close()
    else:
        client = fakeredis.FakeRedis()
        yield RedisBoard(RedisServer(client, whose="The shared state", instead="each goes by what it knows"))
        client.close()


@pytest.fixture
def two(board: Any) -> tuple[Worker, Worker]:
    return Worker(board), Worker(board, began=5_000.0)


# --- what is told and believed ---


def test_what_one_worker_finds_closed_the_others_pass_over_for_as_long(two: tuple[Worker, Worker]) -> None:
    one, other = two
    assert other.asks() == "open"
    assert one.fails(retry_after=30.0)
    later(1.0, one, other)
    assert other.asks() is None
    assert other.wait(X, other.now) == pytest.approx(29.0)
    assert other.asks(Y) == "open"
    later(29.1, one, other)
    assert other.asks() == "probe"


def test_a_worker_that_comes_later_knows_it_with_its_first_call(board: Any) -> None:
    Worker(board).fails(retry_after=30.0)
    assert Worker(board, began=777.0).asks() is None


def test_a_rival_that_was_never_asked_is_known_to_be_closed_too(board: Any) -> None:
    Worker(board).fails(Y, retry_after=30.0)
    other = Worker(board)
    assert other.asks(X) == "open"
    assert not other.is_open(Y)


def test_a_probe_that_is_answered_opens_the_target_for_all(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.fails(retry_after=30.0)
    assert other.asks() is None
    later(31.0, one, other)
    assert one.asks() == "probe"
    one.is_answered(probe=True)
    later(1.0, one, other)
    assert other.asks() == "open"


def test_a_probe_that_fails_closes_it_for_longer_for_all(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.fails()
    assert other.asks() is None
    later(5.1, one, other)
    assert other.asks() == "probe"
    other.fails(probe=True)  # the doubling goes on where the other one stopped
    later(1.0, one, other)
    assert one.asks() is None
    assert one.wait(X, one.now) == pytest.approx(9.0)


def test_an_answer_to_what_is_no_probe_opens_nothing_anywhere(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.fails(retry_after=30.0)
    one.is_answered()
    assert other.asks() is None


def test_a_closing_that_lasts_longer_is_not_made_shorter_by_the_notice_of_another(
    two: tuple[Worker, Worker],
) -> None:
    one, other = two
    one.fails(retry_after=40.0)
    other.fails()  # has not looked yet, and would say five seconds
    later(1.0, one, other)
    third = Worker(other._board)
    third.passed = one.passed
    assert one.asks() is None
    assert one.wait(X, one.now) == pytest.approx(39.0)
    assert other.asks() is None


def test_a_notice_that_says_longer_is_not_written_over(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.fails(retry_after=40.0)
    other.look(other.now)  # knows of it, without having been asked for the target
    other.fails()
    third = Worker(other._board)
    assert third.asks() is None
    assert third.wait(X, third.now) == pytest.approx(40.0)


def test_what_a_service_named_is_not_probed_early_by_others_and_what_nobody_named_is(
    two: tuple[Worker, Worker],
) -> None:
    one, other = two
    one.fails(retry_after=30.0)
    one.fails(Y)  # stays open: somebody must be asked
    assert one.is_open(Y)
    later(2.0, one, other)
    assert other.asks(early=True) is None
    later(30.0, one, other)
    one.asks()
    one.is_answered(probe=True)
    one.fails()
    later(1.0, one, other)
    assert other.asks() is None
    later(1.5, one, other)
    assert other.asks(early=True) == "probe"


def test_the_board_is_looked_at_once_a_second_however_many_calls_there_are(board: Any) -> None:
    worker = Worker(board)
    assert [worker.is_due(now) for now in (0.0, 0.1, 0.9, 1.0, 1.5, 2.0)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_other_accounts_are_none_of_its_business(board: Any) -> None:
    ambient = Target("https://h/v1", ApiKey(None), model="org/x").id
    one, same, another = Worker(board), Worker(board), Worker(board, token="hf_somebody_elses")
    one.asks(ambient)
    one.failed(ambient, one.now, "refused", rivals=(Y,))
    one.tell()
    assert same.asks(ambient) is None
    assert same.asks(X) is None  # the same token, given by name
    assert another.asks(ambient) == "open"


def vault_token() -> str:
    return "hf_of_the_vault"


@pytest.mark.parametrize(
    ("function", "told"),
    [(vault_token, None), (lambda: "hf_of_somebody", "open")],
    ids=["is found by its name, and is one account", "is not, and may be anybody's"],
)
def test_a_function_that_gives_tokens(board: Any, function: Any, told: Any) -> None:
    key = Target("https://h/v1", ApiKey(function), model="org/x").id
    one, other = Worker(board), Worker(board)
    one.asks(key)
    one.failed(key, one.now, "refused", rivals=(Y,))
    one.tell()
    assert other.asks(key) == told


def test_a_wrong_clock_cannot_close_a_target_for_longer_than_was_said(board: Any) -> None:
    one, other = Worker(board), Worker(board)
    one.passed = 3_000.0  # fifty minutes fast
    one.fails(retry_after=30.0)
    assert other.asks() is None
    assert other.wait(X, other.now) <= 30.0


def test_nothing_on_the_board_names_a_target_or_a_token(board: Any, tmp_path: Path) -> None:
    worker = Worker(board)
    worker.fails(retry_after=30.0)
    if isinstance(board, FileBoard):
        board._database.close()
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    else:
        written = repr(board._server.client.hgetall("hfrouter:closings")).encode()
    assert b"30.0" in written
    for secret in (TOKEN.encode(), b"org/x", b"https://h"):
        assert secret not in written


def test_strange_and_old_notices_are_passed_over_and_thrown_away(board: Any) -> None:
    worker = Worker(board)
    old = Notice(1_600_000_000.0, 5.0, False, 1_600_000_000.0)
    board.write({"old": old, "new": Notice(1_700_000_100.0, 5.0, False, 1_700_000_000.0)})
    if isinstance(board, RedisBoard):
        for strange in (b"[]", b"no", b"[1,2,3,NaN]", b'["a",1,1,1]', b"\xff"):
            board._server.client.hset("hfrouter:closings", strange, strange)
    assert list(board.read(1_700_000_000.0)) == ["new"]
    assert worker.asks() == "open"
    if isinstance(board, RedisBoard):
        assert list(board._server.client.hgetall("hfrouter:closings")) == [b"new"]


# --- a place that is away ---


class Away:
    """A board that is not there, until it is."""

    def __init__(self, board: Any) -> None:
        self.board, self.is_away, self.fails = board, False, True

    def write(self, notices: Any) -> bool:
        return not self.fails and self.board.write(notices)

    def read(self, now: float) -> Any:
        return None if self.fails else self.board.read(now)


def test_with_the_place_away_each_goes_by_what_it_knows_and_tells_it_later(board: Any) -> None:
    away = Away(board)
    one, other = Worker(away), Worker(board)
    assert one.fails(retry_after=30.0)
    assert one.asks() is None
    assert other.asks() == "open"
    away.fails = False
    assert one.has_news
    one.tell()
    later(1.0, one, other)
    assert other.asks() is None


def test_what_is_no_longer_true_is_not_told_later(board: Any) -> None:
    away = Away(board)
    one = Worker(away)
    one.fails(retry_after=30.0)
    away.fails = False
    later(40.0, one)
    one.tell()
    assert not one.has_news
    assert board.read(0.0) == {}


def test_nothing_is_asked_of_a_place_that_was_away_a_moment_ago(board: Any) -> None:
    away = Away(board)
    away.is_away = True
    worker = Worker(away)
    worker.fails(retry_after=30.0)
    assert not worker.is_due(worker.now)
    assert not worker.has_news


def test_a_board_that_is_wiped_leaves_everybody_with_what_he_knows(two: tuple[Worker, Worker]) -> None:
    one, other = two
    one.fails(retry_after=30.0)
    assert other.asks() is None
    if isinstance(one._board, RedisBoard):
        one._board._server.client.flushall()
    else:
        with one._board._database.writing() as connection:
            connection.execute("DELETE FROM closings")
    later(2.0, one, other)
    assert one.asks() is None
    assert other.asks() is None


def test_a_broken_file_is_set_aside_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 4000)
    database = Database(path, LAYOUT)
    board = FileBoard(database)
    with caplog.at_level(logging.WARNING, "hfrouter"):
        assert board.read(0.0) is None
        assert board.is_away
    assert board.write({"x": Notice(5.0, 1.0, False, 1.0)})
    assert list(board.read(0.0) or ()) == ["x"]
    assert "begun anew" in caplog.text
    database.close()


# --- the flow ---


def a_call(now: Callable[[], float]) -> Call:
    waits = Waits(Timeouts(), now, streamed=False)
    return Call(ChatRequest([], "org/x"), Target("https://h/v1"), waits, Progress(0.0))


def run(flow: Generator[Any, Any, Any]) -> tuple[int, Any]:
    """How often something was offloaded, and what came of it."""
    count, answer = 0, None
    try:
        while True:
            effect = flow.send(answer)
            assert isinstance(effect, Offload)
            count, answer = count + 1, effect.function()
    except StopIteration as end:
        return count, end.value
    except (RateLimited, Overloaded) as error:
        return count, error


def test_a_call_looks_before_it_chooses_and_not_again_within_the_second(board: Any) -> None:
    worker = Worker(board)
    call = a_call(lambda: worker.now)

    def inner(call: Call) -> Generator[Any, Any, str]:
        return "answer"
        yield

    assert run(Share(worker)(call, inner)) == (1, "answer")
    assert run(Share(worker)(call, inner)) == (0, "answer")


def test_a_try_that_closes_its_target_tells_so_at_once(two: tuple[Worker, Worker]) -> None:
    one, other = two
    call = a_call(lambda: one.now)

    def fails(call: Call) -> Generator[Any, Any, str]:
        one.failed(X, one.now, "throttled", rivals=(Y,), retry_after=30.0)
        raise RateLimited("too many")
        yield

    count, error = run(Share(one)(call, fails))
    assert (count, type(error)) == (2, RateLimited)  # a look, and a notice
    assert other.asks() is None


# --- who shares it ---


def test_clients_that_name_one_place_have_one_health(tmp_path: Path) -> None:
    first = shared_health(tmp_path / "state.sqlite", lambda: "")
    assert shared_health(tmp_path / "state.sqlite", lambda: "") is first
    assert shared_health(tmp_path / "other.sqlite", lambda: "") is not first
    assert isinstance(board_at(open_state(tmp_path / "state.sqlite")), FileBoard)  # type: ignore[arg-type]


def test_many_threads_tell_and_listen_without_losing_the_last_word(board: Any) -> None:
    workers = [Worker(board, began=100.0 * number) for number in range(4)]

    def work(worker: Worker) -> None:
        for _ in range(25):
            worker.look(worker.now)
            worker.admit(X, worker.now, FOREVER)
            worker.fails(retry_after=30.0)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later(2.0, *workers)
    assert [worker.asks() for worker in workers] == [None] * 4


def test_in_a_forked_child_no_lock_is_held_by_a_thread_that_is_not_there(board: Any) -> None:
    worker = Worker(board)
    worker._lock.acquire()
    worker._gate.acquire()
    _locks._free_all()
    worker.fails(retry_after=30.0)
    assert worker.asks() is None


def test_it_remembers_no_more_targets_than_it_may(board: Any) -> None:
    worker = Worker(board, most=3)
    for number in range(10):
        worker.admit(Target("https://h/v1", ApiKey(""), model=f"org/{number}").id, 0.0, FOREVER)
    assert len(worker._names) <= 3
