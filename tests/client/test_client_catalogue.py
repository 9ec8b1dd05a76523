"""The catalogue, asking after a model and warming it: remembered for a time, stale rather than not at all."""

from __future__ import annotations

import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import ModelStatus, errors
from shared_core.catalog import SHARED
from shared_core.testing import OfflineRouter, SlowHead, Status

MODELS, ONE = "/v1/models", "/v1/models/offline/echo"
NOT_NOW = {"error": "Service Unavailable"}


class Clock:
    """The client's clocks: monotonic time goes by itself, Unix time when it is told to."""

    def __init__(self) -> None:
        self.now = 1_786_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    import time

    clock = Clock()
    stand_in = types.SimpleNamespace(time=clock.time, monotonic=time.monotonic)
    monkeypatch.setattr("shared_core.client.catalogue_calls.time", stand_in)
    return clock


def fetched(url: OfflineRouter, path: str = MODELS) -> int:
    return sum(request.path == path for request in url.requests)


def test_the_catalogue_says_what_is_served_by_whom(make: Any) -> None:
    catalog = make().models()
    info = catalog.get("offline/tools")
    assert info is not None
    assert "offline" in {offer.provider for offer in info.offers}
    assert len(catalog) > 3


def test_it_is_fetched_once_and_shared_by_every_client(
    make: Any, offline_url: OfflineRouter, clock: Clock
) -> None:
    first, second = make(), make()
    first.models()
    clock.now += 299
    first.models()
    second.models()
    assert fetched(offline_url) == 1


def test_after_five_minutes_it_is_fetched_again(
    make_plain: Any, offline_url: OfflineRouter, clock: Clock
) -> None:
    caller = make_plain()
    caller.models()
    clock.now += 301
    caller.models()
    assert fetched(offline_url) == 2


def test_threads_that_ask_at_the_same_time_share_one_fetch(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(SlowHead(0.2), path="/v1/models", times=-1)
    callers = [make_plain() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        catalogs = list(pool.map(lambda caller: caller.models(), callers))
    assert fetched(offline_url) == 1
    assert all(len(catalog) == len(catalogs[0]) for catalog in catalogs)


def test_refresh_fetches_at_once(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain()
    caller.models()
    caller.models(refresh=True)
    assert fetched(offline_url) == 2


def test_a_failing_service_leaves_the_old_catalogue_in_use_and_is_left_in_peace_for_a_while(
    make_plain: Any, offline_url: OfflineRouter, clock: Clock
) -> None:
    caller = make_plain(max_retries=0)
    old = caller.models()
    clock.now += 301
    offline_url.queue(Status(500), times=-1, path=MODELS)
    assert caller.models() is old
    clock.now += 14
    assert caller.models() is old
    assert fetched(offline_url) == 2
    clock.now += 2
    assert caller.models() is old
    assert fetched(offline_url) == 3


def test_who_insists_on_a_fresh_one_is_told_of_the_failure(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    caller = make_plain(max_retries=0)
    caller.models()
    offline_url.queue(Status(500), path=MODELS)
    with pytest.raises(errors.ProviderFailed):
        caller.models(refresh=True)


def test_with_nothing_to_fall_back_on_the_failure_is_told(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(500), path=MODELS)
    with pytest.raises(errors.ProviderFailed):
        make_plain(max_retries=0).models()


def test_a_transient_failure_of_the_catalogue_is_tried_again(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(503, NOT_NOW, {"retry-after": "0"}), path=MODELS)
    assert len(make_plain().models()) > 3


UNREADABLE: dict[str, tuple[Any, type[Exception], str]] = {
    "a web page": ("<html>login</html>", errors.MalformedResponse, "web page"),
    "another object": ({"hello": 1}, errors.ConfigError, "not a catalogue"),
    "a number": (7, errors.ConfigError, "not a catalogue"),
}


@pytest.mark.parametrize(("body", "kind", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_answer_that_is_no_catalogue_is_an_error(
    make_plain: Any, offline_url: OfflineRouter, body: Any, kind: type[Exception], words: str
) -> None:
    offline_url.queue(Status(200, body), path=MODELS)
    with pytest.raises(kind, match=words):
        make_plain(max_retries=0).models()


def test_each_server_has_its_own_catalogue(make_plain: Any, offline_url: OfflineRouter) -> None:
    make_plain().models()
    assert SHARED.loaded(str(offline_url)) is not None
    assert SHARED.loaded("https://router.huggingface.co/v1") is None


def test_a_served_model_is_live(make: Any) -> None:
    status = make().status()
    assert status.state == "live"
    assert ("offline", "live") in status.providers


def test_a_model_can_be_asked_after_by_name(make_plain: Any) -> None:
    assert make_plain().status("offline/tools").model == "offline/tools"


def test_a_model_that_nobody_serves_is_not_served_and_no_exception(make_plain: Any) -> None:
    assert make_plain().status("org/unknown") == ModelStatus("org/unknown", "not served")


def test_a_provider_that_does_not_serve_the_model_counts_for_itself(make_plain: Any) -> None:
    assert make_plain().status("offline/echo:nobody").state == "not served"


STATES: dict[str, tuple[Any, str]] = {
    "one provider is live": (
        {"providers": [{"provider": "a", "status": "error"}, {"provider": "b", "status": "live"}]},
        "live",
    ),
    "every provider fails": ({"providers": [{"provider": "a", "status": "error"}]}, "error"),
    "a server that is its own provider": ({"object": "model"}, "live"),
    "another model": ({"id": "org/other"}, "unknown"),
    "no entry": ([], "unknown"),
}


@pytest.mark.parametrize(("entry", "state"), STATES.values(), ids=STATES.keys())
def test_the_state_is_read_from_the_entry(
    make_plain: Any, offline_url: OfflineRouter, entry: Any, state: str
) -> None:
    body = {"id": "offline/echo", **entry} if isinstance(entry, dict) else entry
    offline_url.queue(Status(200, body), path=ONE)
    assert make_plain().status().state == state


def test_a_model_id_cannot_leave_its_place_in_the_address(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    with pytest.raises(errors.ConfigError, match="out of its place"):
        make_plain().status("org/../../secret")
    assert make_plain().status("org/name?x=1#y").state == "not served"
    assert [request.path for request in offline_url.requests] == ["/v1/models/org/name%3Fx%3D1%23y"]


def test_warming_sends_one_token_worth_and_waits_until_the_model_answers(
    make: Any, offline_url: OfflineRouter
) -> None:
    loading = Status(503, {"error": "Model is currently loading", "estimated_time": 0.01})
    offline_url.queue(loading, loading)
    assert make(max_retries=0).warm().state == "live"
    bodies = [request.json for request in offline_url.requests if request.path == "/v1/chat/completions"]
    assert len(bodies) == 3
    assert {body["max_tokens"] for body in bodies} == {1}


def test_warming_ends_with_its_time(make_plain: Any, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503, {"error": "Model is currently loading", "estimated_time": 600}), times=-1)
    with pytest.raises(errors.ModelLoading):
        make_plain().warm(timeout=0.5)
