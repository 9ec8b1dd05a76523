"""A dedicated endpoint as a value, and as an address that stands for one."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest

from shared_core.errors import ConfigError
from shared_core.types import (
    ApiKey,
    EndpointHardware,
    InferenceEndpoint,
    ModelRef,
    Target,
    endpoint_address,
    endpoint_in,
    origin_of,
)

REPLY: dict[str, Any] = {
    "name": "my-endpoint-name",
    "type": "protected",
    "accountId": None,
    "provider": {"vendor": "aws", "region": "us-east-1"},
    "compute": {
        "accelerator": "cpu",
        "instanceType": "intel-icl",
        "instanceSize": "x2",
        "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15},
    },
    "model": {
        "repository": "gpt2",
        "revision": "11c5a3d5811f50298f278a704980280950aedb10",
        "task": "text-generation",
        "framework": "pytorch",
        "image": {"huggingface": {}},
    },
    "status": {
        "createdAt": "2023-10-26T12:41:53.263078506Z",
        "updatedAt": "2023-10-26T12:41:53.263079138Z",
        "state": "running",
        "message": "Endpoint is ready",
        "url": "https://vksrvs8pc1xnifhq.us-east-1.aws.endpoints.huggingface.cloud/",
        "readyReplica": 1,
        "targetReplica": 1,
    },
}
"""In the shape that huggingface_hub's own tests have."""


def test_a_reply_is_read_as_it_is_documented() -> None:
    found = InferenceEndpoint.from_reply(REPLY, "me")
    assert (found.id, found.status, found.message) == ("me/my-endpoint-name", "running", "Endpoint is ready")
    assert found.base_url == "https://vksrvs8pc1xnifhq.us-east-1.aws.endpoints.huggingface.cloud/v1"
    assert (found.min_replica, found.max_replica, found.scale_to_zero_after) == (0, 1, 15)
    assert (found.vendor, found.instance_type, found.image, found.model) == (
        "aws",
        "intel-icl",
        "huggingface",
        "gpt2",
    )
    assert found.usd_per_hour is None  # the reply names no price, and none is made up
    json.dumps(found.as_dict())


@pytest.mark.parametrize(
    "reply",
    [
        {"name": "x", "status": {"state": "pending"}},
        {
            "name": "x",
            "status": {"state": "new-state", "url": 7, "readyReplica": True},
            "model": [],
            "compute": None,
        },
        {
            "name": "x",
            "status": {"state": "running"},
            "model": {"image": "text", "args": "text"},
            "provider": 3,
        },
    ],
    ids=["almost nothing", "odd values", "odd shapes"],
)
def test_what_a_reply_does_not_say_is_not_made_up(reply: dict[str, Any]) -> None:
    found = InferenceEndpoint.from_reply(reply, "me")
    assert (found.url, found.base_url, found.ready_replica, found.model) == ("", "", None, "")
    assert found.as_dict().keys() <= {"name", "namespace", "status", "health_route"}


def test_what_a_container_says_cannot_play_with_a_terminal() -> None:
    status = {"state": "failed", "errorMessage": "out of\n\x1b[31mmemory" + "!" * 10_000}
    message = InferenceEndpoint.from_reply({"name": "x", "status": status}, "me").message
    assert message.startswith("out of [31mmemory!")
    assert message.isprintable()
    assert len(message) <= 2000


@pytest.mark.parametrize(
    "reply", [None, [], {}, {"name": "x"}, {"name": 3, "status": {"state": "a"}}], ids=str
)
def test_another_kind_of_reply_is_refused(reply: Any) -> None:
    with pytest.raises(ValueError, match="holds no"):
        InferenceEndpoint.from_reply(reply, "me")


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"repository": "a/b"}, "a/b"),
        ({"repository": "a/b", "args": ["--served-model-name", "mine"]}, "mine"),
        ({"repository": "a/b", "args": ["--max-model-len", "9", "--served-model-name=mine"]}, "mine"),
        ({"repository": "a/b", "command": ["vllm", "serve", "--served-model-name", "mine"]}, "mine"),
        ({"repository": "a/b", "args": ["--served-model-name"]}, "a/b"),
        ({"repository": "a/b", "args": [3, None]}, "a/b"),
    ],
    ids=["its repository", "an argument", "in one word", "in the command", "without its value", "no words"],
)
def test_a_container_calls_its_model_by_the_repository_or_as_its_arguments_say(
    model: dict[str, Any], named: str
) -> None:
    reply = {"name": "x", "status": {"state": "running"}, "model": model}
    assert InferenceEndpoint.from_reply(reply, "me").model == named


def test_a_list_of_hardware_has_prices_where_the_reply_has_them() -> None:
    computes = [
        {"instanceType": "nvidia-l4", "instanceSize": "x1", "accelerator": "gpu", "pricePerHour": 0.8},
        {"instanceType": "intel-icl", "instanceSize": "x2", "accelerator": "cpu", "pricePerHour": "free"},
        {"no": "hardware"},
    ]
    reply = {"vendors": [{"name": "aws", "regions": [{"name": "us-east-1", "computes": computes}]}, 3]}
    gpu, cpu = EndpointHardware.from_reply(reply)
    assert (gpu.vendor, gpu.region, gpu.usd_per_hour) == ("aws", "us-east-1", Decimal("0.8"))
    assert cpu.usd_per_hour is None
    assert cpu.fits(InferenceEndpoint.from_reply(REPLY, "me"))
    assert not gpu.fits(InferenceEndpoint.from_reply(REPLY, "me"))


@pytest.mark.parametrize("name", ["mine", "my-org/mine", "endpoint://my-org/mine", "A.b_c-1"])
def test_a_name_becomes_an_address(name: str) -> None:
    assert endpoint_in(endpoint_address(name)) == name.removeprefix("endpoint://")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a/b/c",
        "/a",
        "a/",
        "../a",
        "a/..",
        "a b",
        "a?b",
        "a#b",
        "a%2fb",
        "https://a.b",
        "a\n",
        "é",
        None,
        3,
    ],
    ids=repr,
)
def test_what_is_no_name_is_refused_before_it_becomes_a_path(name: Any) -> None:
    with pytest.raises(ConfigError, match="is not the name of an endpoint"):
        endpoint_address(name)


def test_each_endpoint_is_a_host_of_its_own() -> None:
    places = {origin_of(f"endpoint://{name}") for name in ("me/a", "me/b", "a")}
    assert len(places) == 3


def test_an_address_is_no_model_with_a_provider() -> None:
    assert ModelRef.parse("endpoint://me/mine").provider is None


def test_a_target_may_be_an_endpoint_and_travels() -> None:
    target = Target.of("endpoint://me/mine")
    assert (target.base_url, target.key.source) == ("endpoint://me/mine", "ambient")
    assert pickle.loads(pickle.dumps(target)) == target
    assert Target.of(target.as_dict()) == target
    assert Target(base_url="endpoint://mine", key=ApiKey("secret")).as_dict()["key_source"] == "argument"


def test_what_a_terminal_would_obey_is_left_out_of_what_a_reply_says() -> None:
    model = {"repository": "a/b\x1b[2J", "args": ["--served-model-name", "c\nd"]}
    reply = {
        "name": "mine\x1b]0;x\x07",
        "status": {"state": "run\u202ening"},
        "model": model,
        "healthRoute": "\ud800",
    }
    found = InferenceEndpoint.from_reply(reply, "me")
    told = (found.id, found.status, found.repository, found.model, found.health_route)
    assert all(text.isprintable() for text in told)
    assert (found.model, found.health_route) == ("c d", "/health")


def test_a_name_in_a_containers_arguments_that_is_no_text_is_none() -> None:
    model = {"repository": "a/b", "args": ["--served-model-name", {"a": 1}]}
    found = InferenceEndpoint.from_reply(
        {"name": "mine", "status": {"state": "running"}, "model": model}, "me"
    )
    assert found.model == "a/b"


@pytest.mark.parametrize(
    "number",
    [10**400, -(10**400), float("nan"), float("inf"), True, "7", None],
    ids=lambda each: str(each)[:8],
)
def test_a_number_that_is_none_is_not_known(number: Any) -> None:
    scaling = {"minReplica": number, "maxReplica": 1}
    found = InferenceEndpoint.from_reply({**REPLY, "compute": {"scaling": scaling}}, "me")
    assert (found.min_replica, found.max_replica) == (None, 1)
    listed = {"instanceType": "x", "memoryGb": number, "numAccelerators": number}
    (one,) = EndpointHardware.from_reply({"vendors": [{"regions": [{"computes": [listed]}]}]})
    assert (one.memory_gb, one.accelerators) == (None, None)


@pytest.mark.parametrize(
    "price", [10**400, -1, "1e999999", "1e-999999", "NaN", "much", True], ids=lambda each: str(each)[:8]
)
def test_a_price_that_is_none_is_not_known(price: Any) -> None:
    listed = {"instanceType": "x", "pricePerHour": price}
    (one,) = EndpointHardware.from_reply({"vendors": [{"regions": [{"computes": [listed]}]}]})
    assert one.usd_per_hour is None
