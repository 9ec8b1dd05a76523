"""What befalls an endpoint is explained: paused, waking, failed, gone."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import HFRouter
from shared_core.errors import (
    BadRequest,
    ModelLoading,
    ModelNotServed,
    ProviderFailed,
    RouterError,
    StreamInterrupted,
    Unauthorized,
)
from shared_core.testing import Cut, OfflineRouter, Status
from tests.client.endpoint.conftest import HELLO, KEY, Ask, paths

# -- what its failures mean ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        ("paused", ModelNotServed, "offline/it is paused"),
        ("failed", ProviderFailed, "offline/it has failed: out of memory"),
        ("pending", ModelLoading, "has no address yet"),
        ("initializing", ModelLoading, "still initializing"),
        ("scaledToZero", ModelLoading, "still initializing"),  # the request has woken it
    ],
)
def test_each_state_is_an_error_that_says_so(
    ask: Ask, host: OfflineRouter, state: str, kind: type[RouterError], said: str
) -> None:
    host.deploy("it", "offline/echo", state=state, looks=9, fails="out of memory")
    with pytest.raises(kind) as caught:
        ask("chat", HELLO, of={"endpoint": "it"})
    assert said in caught.value.message
    assert caught.value.hint
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("task", ["chat", "embed"])
def test_one_that_was_paused_since_it_was_found_says_so(ask: Ask, host: OfflineRouter, task: str) -> None:
    host.deploy("mine", "offline/echo" if task == "chat" else "offline/embed-8")
    what = HELLO if task == "chat" else ["a text"]
    ask(task, what, of={"endpoint": "mine"})
    host._state.fleet.told("offline", "mine", "paused")
    with pytest.raises(ModelNotServed, match="is paused"):
        ask(task, what, of={"endpoint": "mine"})


def test_one_that_wakes_is_waited_for_like_any_model(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("it", "offline/echo", state="scaledToZero", looks=3)
    host.queue(Status(503, headers={"retry-after": "0"}), times=2, path="/dedicated/*")
    reply = ask("chat", HELLO, of={"endpoint": "it", "wait_for_model": True, "timeout": 20})
    assert reply.text == "Hello, endpoint!"
    # Twice the proxy's 503, and after each a question what it means.
    assert paths(host).count("/dedicated/offline/it/v1/chat/completions") == 3
    assert paths(host).count("/v2/endpoint/offline/it") == 3


def test_a_service_that_has_too_much_to_do_is_not_said_to_wake(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Status(503), path="/dedicated/*")
    with pytest.raises(RouterError) as caught:
        ask("chat", HELLO, of={"endpoint": "mine"})
    assert type(caught.value).__name__ == "Overloaded"


def test_a_request_that_is_wrong_is_not_looked_into(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    with pytest.raises(BadRequest):
        ask("chat", HELLO, of={"endpoint": "mine"}, temperature=99)
    assert paths(host).count("/v2/endpoint/offline/mine") == 1


def test_where_nothing_can_be_found_out_the_first_error_stands(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine"})
    host.queue(Status(503), path="/dedicated/*")
    host.queue(Status(500), path="/v2/*")
    with pytest.raises(RouterError, match="no capacity"):
        ask("chat", HELLO, of={"endpoint": "mine"})


def test_an_address_that_is_gone_is_looked_up_anew_by_the_next_call(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine"})
    host._state.fleet.remove("offline", "mine")
    with pytest.raises(ModelNotServed, match="There is no endpoint 'offline/mine'"):
        ask("chat", HELLO, of={"endpoint": "mine"})
    host.deploy("mine", "offline/tools")
    assert ask("chat", HELLO, of={"endpoint": "mine"}).meta.model == "offline/tools"


def test_half_an_answer_is_no_question_of_states(host: OfflineRouter, about: dict[str, Any]) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Cut(after=700), path="/dedicated/*")
    with pytest.raises(StreamInterrupted), HFRouter(endpoint="mine", **about).stream(HELLO) as stream:
        list(stream)
    assert paths(host)[-1].endswith("/chat/completions")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("nothing", ModelNotServed, "There is no endpoint 'offline/nothing'"),
        ("strangers/theirs", Unauthorized, "token was not accepted"),
    ],
)
def test_what_is_not_there_or_not_ours_is_told_by_name(
    ask: Ask, host: OfflineRouter, name: str, kind: type[RouterError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        ask("chat", HELLO, of={"endpoint": name})


@pytest.mark.parametrize("body", ['{"name": 3}', "[]", "no JSON"], ids=["another shape", "a list", "no JSON"])
def test_a_reply_that_nobody_understands_is_no_endpoint(ask: Ask, host: OfflineRouter, body: str) -> None:
    host.deploy("mine", "offline/echo")
    host.queue(Status(200, body), path="/v2/*")
    with pytest.raises(RouterError, match=r"understood|JSON"):
        ask("chat", HELLO, of={"endpoint": "mine"})
