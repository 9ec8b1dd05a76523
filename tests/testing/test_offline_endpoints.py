"""The offline router's dedicated endpoints: their states, and who gets what at their addresses."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter

TOKEN = {"authorization": "Bearer any"}
CHAT = {"model": "offline/echo", "messages": [{"role": "user", "content": "hi"}]}


def state_of(router: OfflineRouter, name: str) -> str:
    return str(_get(f"{router.endpoints_url}/endpoint/offline/{name}")["status"]["state"])


def _get(url: str) -> Any:
    return httpx2.get(url, headers=TOKEN).json()


def chat(
    address: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    return httpx2.post(
        f"{address}/v1/chat/completions", json=body or CHAT, headers=TOKEN if headers is None else headers
    )


def test_states_advance_by_being_asked_after(router: OfflineRouter) -> None:
    router.deploy("mine", state="pending", looks=2)
    seen = [state_of(router, "mine") for _ in range(6)]
    assert seen == ["pending", "pending", "initializing", "initializing", "running", "running"]


def test_the_list_is_no_look(router: OfflineRouter) -> None:
    router.deploy("mine", state="pending")
    for _ in range(3):
        listed = _get(f"{router.endpoints_url}/endpoint/offline")["items"]
    assert listed[0]["status"]["state"] == "pending"


def test_a_request_wakes_one_that_is_scaled_to_zero(router: OfflineRouter) -> None:
    address = router.deploy("mine", "offline/echo", state="scaledToZero", looks=2)
    seen = [chat(address).status_code for _ in range(4)]
    assert seen == [503, 503, 503, 200]


def test_one_that_fails_stays_failed(router: OfflineRouter) -> None:
    address = router.deploy("mine", state="initializing", fails="out of memory")
    assert [chat(address).status_code for _ in range(3)] == [503, 503, 503]
    status = _get(f"{router.endpoints_url}/endpoint/offline/mine")["status"]
    assert (status["state"], status["errorMessage"]) == ("failed", "out of memory")


def test_a_paused_one_answers_as_the_proxy_does(router: OfflineRouter) -> None:
    reply = chat(router.deploy("mine", state="paused"))
    assert (reply.status_code, reply.text) == (400, "Bad Request: Invalid state")


@pytest.mark.parametrize(
    ("image", "model", "status"),
    [
        ("vLLM", "offline/echo", 200),
        ("vLLM", "tgi", 404),
        ("tgi", "tgi", 200),
        ("huggingface", "anything", 200),
    ],
)
def test_only_some_containers_are_strict_about_the_name(
    router: OfflineRouter, image: str, model: str, status: int
) -> None:
    reply = chat(router.deploy("mine", "offline/echo", image=image), {**CHAT, "model": model})
    assert reply.status_code == status


@pytest.mark.parametrize(("access", "status"), [("protected", 401), ("public", 200)])
def test_a_token_is_asked_for_unless_it_is_public(router: OfflineRouter, access: str, status: int) -> None:
    address = router.deploy("mine", "offline/echo", access=access)
    assert chat(address, headers={}).status_code == status


def test_nothing_that_an_endpoint_answers_is_on_the_bill(router: OfflineRouter) -> None:
    reply = chat(router.deploy("mine", "offline/echo"))
    assert not router.bill.entries
    assert "x-inference-provider" not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/endpoint/offline/none", 404),
        ("GET", "/endpoint/strangers", 401),
        ("POST", "/endpoint/offline/mine/dance", 404),
        ("POST", "/endpoint/offline/mine/resume", 400),
        ("POST", "/endpoint/offline", 422),
        ("PUT", "/endpoint/offline/mine", 422),
        ("GET", "/endpoint/offline/mine/open-metrics", 403),
    ],
)
def test_what_the_api_refuses(router: OfflineRouter, method: str, path: str, status: int) -> None:
    router.deploy("mine")
    assert httpx2.request(method, f"{router.endpoints_url}{path}", headers=TOKEN).status_code == status


@pytest.mark.parametrize("field", ["name", "type", "compute", "model", "provider"])
def test_a_new_one_needs_all_that_the_api_needs(router: OfflineRouter, field: str) -> None:
    whole = {
        "name": "mine",
        "type": "protected",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {"accelerator": "gpu", "instanceType": "nvidia-l4", "instanceSize": "x1"},
        "model": {"repository": "a/b", "framework": "pytorch"},
    }
    url = f"{router.endpoints_url}/endpoint/offline"
    less = {name: value for name, value in whole.items() if name != field}
    reply = httpx2.post(url, json=less, headers=TOKEN)
    assert (reply.status_code, field in reply.text) == (422, True)
    assert httpx2.post(url, json=whole, headers=TOKEN).status_code == 200
    assert httpx2.post(url, json=whole, headers=TOKEN).status_code == 409


def test_without_a_token_nothing_is_told(router: OfflineRouter) -> None:
    assert httpx2.get(f"{router.endpoints_url}/endpoint/offline").status_code == 401


def test_a_state_that_does_not_exist_is_refused(router: OfflineRouter) -> None:
    with pytest.raises(ValueError, match="There is no state 'asleep'"):
        router.deploy("mine", state="asleep")


@pytest.mark.parametrize(
    "changes",
    [
        *([], 3, None, {"model": 3}, {"model": None}, {"provider": "aws"}, {"compute": []}),
        *({"compute": {"scaling": 1}}, {"compute": {"scaling": {"minReplica": "one"}}}),
    ],
    ids=str,
)
def test_what_cannot_be_deployed_is_refused_and_changes_nothing(router: OfflineRouter, changes: Any) -> None:
    router.deploy("mine", "offline/echo")
    url = f"{router.endpoints_url}/endpoint/offline"
    before = _get(f"{url}/mine")
    assert httpx2.put(f"{url}/mine", json=changes, headers=TOKEN).status_code == 422
    assert httpx2.post(url, json=changes, headers=TOKEN).status_code == 422
    assert _get(f"{url}/mine") == before


@pytest.mark.parametrize("args", [["--served-model-name"], "x", [{"a": 1}, 2], None], ids=str)
def test_arguments_that_name_no_model_leave_the_repository_its_name(router: OfflineRouter, args: Any) -> None:
    address = router.deploy("mine", "offline/echo")
    url = f"{router.endpoints_url}/endpoint/offline/mine"
    assert httpx2.put(url, json={"model": {"args": args}}, headers=TOKEN).status_code == 200
    state_of(router, "mine")
    assert chat(address).status_code == 200
