"""Limits of a run hold before a call is made, whatever becomes of the calls and however many threads make them."""

from __future__ import annotations

import pickle
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import errors
from shared_core.errors import BudgetExceeded, ConfigError, RouterError
from shared_core.media import ArtifactStore, MediaFile, MediaReply
from shared_core.types import Job, ReplyMeta

PICTURE = 16 * 2**20  # what is set aside for one


@pytest.fixture
def reply(png: bytes) -> MediaReply:
    job = Job("fal-ai", "text-to-image", "org/name", "7", "/fal-ai/m/7/status")
    return MediaReply((MediaFile("image/png", png),), ReplyMeta("org/name", "fal-ai"), 7, job)


def test_a_reply_brings_who_made_it(reply: MediaReply) -> None:
    artifact = ArtifactStore().put(reply, cost=0.04)
    assert (artifact.provider, artifact.model, artifact.seed, artifact.cost) == (
        "fal-ai",
        "org/name",
        7,
        0.04,
    )


# files


def test_no_more_files_than_allowed_and_the_refusal_costs_nothing(reply: MediaReply) -> None:
    store = ArtifactStore(most_files=2)
    for _ in range(2):
        store.check("text-to-image")
        store.put(reply)
    for refused in (store.check, store.reserve):
        with pytest.raises(BudgetExceeded, match=r"may make 2 files .* Nothing was sent"):
            refused("text_to_image")
    with pytest.raises(BudgetExceeded):
        store.put(reply)
    assert store.used.files == len(store) == 2
    store.check("transcribe")  # makes no file


def test_a_call_under_way_counts_and_one_that_failed_does_not(reply: MediaReply) -> None:
    store = ArtifactStore(most_files=1)
    with store.reserve("text-to-image"), pytest.raises(BudgetExceeded):
        store.reserve("text-to-image")
    with store.reserve("text-to-image") as place:
        place.put(reply)
        with pytest.raises(ConfigError, match="used already"):
            place.put(reply)
    assert store.used.files == 1


def test_files_of_ones_own_and_of_earlier_runs_do_not_count(
    tmp_path: Path, reply: MediaReply, png: bytes
) -> None:
    ArtifactStore(tmp_path).put(reply)
    store = ArtifactStore(tmp_path, most_files=1, most_bytes=PICTURE)
    store.add(png)
    assert store.used == (0, 0, 0)
    store.put(reply)
    assert len(store) == 3


# bytes


def test_what_a_result_may_need_is_set_aside_until_it_is_there(reply: MediaReply, png: bytes) -> None:
    store = ArtifactStore(most_bytes=2 * PICTURE)
    with store.reserve("text-to-image") as one, store.reserve("text-to-image") as two:
        assert one.most_bytes == two.most_bytes == PICTURE
        with pytest.raises(
            BudgetExceeded, match=r"33,554,432 are made or set aside, and a result may need 16,777,216"
        ):
            store.reserve("text-to-image")
        one.put(reply)
    assert store.used.bytes == len(png)
    with pytest.raises(BudgetExceeded):
        store.check("text-to-video")


def test_a_small_limit_lets_one_call_try_for_all_of_it(reply: MediaReply) -> None:
    store = ArtifactStore(most_bytes=5000)
    with store.reserve("text-to-video") as place:
        assert place.most_bytes == 5000
        place.put(reply)
    with pytest.raises(BudgetExceeded):
        store.check("text-to-image")


def test_a_result_larger_than_all_that_is_left_is_not_kept(reply: MediaReply) -> None:
    store = ArtifactStore(most_bytes=10)
    with pytest.raises(BudgetExceeded, match="was not kept"):
        store.put(reply)
    assert store.used == (0, 0, 0)
    assert len(store) == 0


@pytest.mark.parametrize("limit", ["most_files", "most_bytes"])
def test_nothing_allowed_is_nothing_made(limit: str) -> None:
    store = ArtifactStore(**{limit: 0})  # type: ignore[arg-type]
    with pytest.raises(BudgetExceeded):
        store.reserve("text-to-image")


# money


def test_calls_are_reckoned_by_their_prices(reply: MediaReply) -> None:
    store = ArtifactStore(most_usd=0.3, prices={"text_to_image": 0.1, "transcribe": Decimal("0.05")})
    assert store.put(reply, task="text-to-image").cost == 0.1
    for _ in range(2):  # 0.1 + 0.1 + 0.1 is 0.30000000000000004 in floating point
        with store.reserve("text-to-image") as place:
            place.put(reply)
    assert store.used.usd == Decimal("0.3")
    with pytest.raises(
        BudgetExceeded, match=r"may spend 0.3 USD .* 0.3 are spent .* reckoned at 0.1. Nothing was sent"
    ):
        store.check("text-to-image")


def test_a_cost_that_is_known_stands_in_the_place_of_the_price(reply: MediaReply) -> None:
    store = ArtifactStore(most_usd=1, prices={"text-to-image": 0.1})
    with store.reserve("text-to-image") as place:
        place.put(reply, cost=0.75)
    assert store.used.usd == Decimal("0.75")


def test_a_call_without_a_file_spends_too() -> None:
    store = ArtifactStore(most_usd=0.1, prices={"transcribe": 0.06})
    with store.reserve("transcribe") as place:
        assert place.most_bytes == 0
    with pytest.raises(BudgetExceeded):
        store.reserve("transcribe")
    assert store.used == (0, 0, Decimal("0.06"))


def test_with_a_limit_of_money_a_call_of_unknown_price_is_not_made(reply: MediaReply) -> None:
    store = ArtifactStore(most_usd=5)
    for refused in (lambda: store.check("text-to-image"), lambda: store.put(reply)):
        with pytest.raises(ConfigError, match=r"nobody has said what .*costs. Nothing was sent"):
            refused()
    assert ArtifactStore().put(reply).cost is None


JOB = Job("fal-ai", "text-to-image", "org/name", "7", "/fal-ai/m/7/status")


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        pytest.param(errors.ConfigError("x"), False, id="what was never sent is free"),
        pytest.param(errors.PaymentRequired("x"), False, id="what was refused is free"),
        pytest.param(errors.RateLimited("x"), False, id="what was turned away is free"),
        pytest.param(errors.BadRequest("x"), False, id="what was wrong is free"),
        pytest.param(errors.TimedOut("x"), True, id="what took too long may be billed"),
        pytest.param(errors.ConnectionLost("x"), True, id="what was lost on the way may be billed"),
        pytest.param(errors.ProviderFailed("x"), True, id="what broke may be billed"),
        pytest.param(errors.Refused("x"), True, id="what was withheld may be billed"),
        pytest.param(KeyboardInterrupt(), True, id="what was left may be billed"),
    ],
)
def test_money_comes_back_only_where_a_failed_call_surely_cost_none(
    error: BaseException, spent: bool
) -> None:
    store = ArtifactStore(most_usd=1, prices={"text-to-image": 0.1})
    with pytest.raises(type(error)), store.reserve("text-to-image"):
        raise error
    assert store.used == (0, 0, Decimal("0.1") if spent else 0)


def test_a_job_that_was_accepted_costs_whatever_came_then() -> None:
    store = ArtifactStore(most_usd=1, prices={"text-to-image": 0.1})
    error = errors.RateLimited("x")
    error.job = JOB
    with pytest.raises(RouterError), store.reserve("text-to-image"):
        raise error
    assert store.used.usd == Decimal("0.1")


def test_a_result_that_finds_no_room_on_the_disk_was_paid_and_can_be_fetched_again(
    reply: MediaReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(most_usd=1, prices={"text-to-image": 0.1})

    def no_room(place: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with store.reserve("text-to-image") as place, monkeypatch.context() as patch:
        patch.setattr("os.write", no_room)
        with pytest.raises(ConfigError) as caught:
            place.put(reply)
    assert caught.value.job == reply.job
    assert store.used == (0, 0, Decimal("0.1"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"most_files": -1},
        {"most_files": True},
        {"most_files": 2.5},
        {"most_bytes": None},
        {"most_usd": -0.1},
        {"most_usd": float("nan")},
        {"most_usd": "much"},
        {"prices": {"text-to-image": float("inf")}},
    ],
    ids=str,
)
def test_limits_are_numbers(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        ArtifactStore(**arguments)


# threads


@pytest.mark.parametrize(
    ("limits", "fit"),
    [
        pytest.param({"most_files": 5}, 5, id="files"),
        pytest.param({"most_bytes": 3 * PICTURE}, 3, id="bytes"),
        pytest.param({"most_usd": 0.7, "prices": {"text-to-image": 0.1}}, 7, id="money"),
    ],
)
def test_eight_threads_never_overshoot_a_limit(limits: dict[str, Any], fit: int, png: bytes) -> None:
    store = ArtifactStore(**limits)
    start, all_tried = threading.Barrier(8), threading.Barrier(8)
    under_way: list[int] = []
    seen = threading.Lock()

    def work() -> None:
        start.wait()
        try:
            with store.reserve("text-to-image") as place:
                with seen:
                    under_way.append(1)
                all_tried.wait()  # nobody is done before everybody has tried
                place.put(MediaFile("image/png", png))
        except BudgetExceeded:
            all_tried.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(under_way) == len(store) == fit


def test_a_store_that_travelled_goes_on_counting_from_there(reply: MediaReply) -> None:
    store = ArtifactStore(most_files=2)
    store.put(reply)
    arrived = pickle.loads(pickle.dumps(store))
    arrived.put(reply)
    with pytest.raises(BudgetExceeded):
        arrived.put(reply)
