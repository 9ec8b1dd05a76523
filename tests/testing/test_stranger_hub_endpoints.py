"""huggingface_hub's own management of endpoints against the offline router, and what it sends against what we send."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi, InferenceEndpointError, constants
from huggingface_hub.errors import HfHubHTTPError

from shared_core.hub.endpoint_requests import api_request
from shared_core.testing import OfflineRouter

NEW: dict[str, Any] = {
    "repository": "offline/echo",
    "framework": "pytorch",
    "accelerator": "gpu",
    "instance_size": "x1",
    "instance_type": "nvidia-l4",
    "region": "us-east-1",
    "vendor": "aws",
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, router: OfflineRouter) -> HfApi:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", router.endpoints_url)
    return HfApi(endpoint=router.root, token="any")


def test_a_life_of_an_endpoint(api: HfApi, router: OfflineRouter) -> None:
    made = api.create_inference_endpoint("mine", **NEW, token="any")
    assert (made.name, made.status, made.url, made.health_route) == ("mine", "pending", None, "/health")
    made = api.get_inference_endpoint("mine", token="any").wait(timeout=20, refresh_every=1)
    assert made.url == f"{router.root}/dedicated/offline/mine"
    reply = made.client.chat_completion([{"role": "user", "content": "hi"}], model="offline/echo")
    assert reply.choices[0].message.content == "hi"
    assert api.pause_inference_endpoint("mine", token="any").status == "paused"
    assert api.resume_inference_endpoint("mine", token="any").status == "pending"
    assert api.resume_inference_endpoint("mine", token="any").name == "mine"  # which runs already
    assert [one.name for one in api.list_inference_endpoints(token="any")] == ["mine"]
    assert api.update_inference_endpoint("mine", max_replica=3, token="any").raw["compute"]["scaling"][
        "maxReplica"
    ] == (3)
    api.delete_inference_endpoint("mine", token="any")
    with pytest.raises(HfHubHTTPError, match="404"):
        api.get_inference_endpoint("mine", token="any")


def test_one_that_fails_is_known_to_have_failed(api: HfApi, router: OfflineRouter) -> None:
    router.deploy("mine", state="failed", fails="out of memory")
    found = api.get_inference_endpoint("mine", token="any")
    with pytest.raises(InferenceEndpointError, match="failed to deploy"):
        found.wait(timeout=5)


def test_hardware_has_prices(api: HfApi) -> None:
    prices = {each.instance_type: each.price_per_hour for each in api.list_inference_endpoints_hardware()}
    assert prices["nvidia-l4"] == 0.8


@pytest.mark.parametrize(
    ("method", "arguments", "options"),
    [
        ("create_inference_endpoint", ("other",), NEW),
        (
            "create_inference_endpoint",
            ("other",),
            {
                **NEW,
                "min_replica": 0,
                "scale_to_zero_timeout": 15,
                "env": {"A": "b"},
                "tags": ["t"],
                "task": "x",
            },
        ),
        (
            "update_inference_endpoint",
            ("mine",),
            {"min_replica": 0, "revision": "main", "custom_image": {"url": "u"}},
        ),
        ("get_inference_endpoint", ("mine",), {}),
        ("pause_inference_endpoint", ("mine",), {}),
        ("resume_inference_endpoint", ("mine",), {}),
        ("scale_to_zero_inference_endpoint", ("mine",), {}),
        ("delete_inference_endpoint", ("mine",), {}),
        ("list_inference_endpoints", (), {}),
        ("list_inference_endpoints_hardware", (), {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_we_would_send_is_what_it_sends(
    api: HfApi, router: OfflineRouter, method: str, arguments: Any, options: dict[str, Any]
) -> None:
    router.deploy("mine", state="paused" if method.startswith("resume") else "running")
    ours = api_request(method, "offline", *(arguments or (None,)), options)
    try:
        getattr(api, method)(*arguments, namespace="offline", token="any", **options)
    except HfHubHTTPError:
        assert options.get("task") == "x"  # which the server refuses; it was sent all the same
    sent = router.requests[0]
    assert (sent.method, sent.path, sent.json) == (ours.method, f"/v2{ours.path}", ours.body)


def test_huggingface_hub_itself_is_left_as_it_was(api: HfApi, router: OfflineRouter) -> None:
    api_request("list_inference_endpoints", "offline")
    router.deploy("mine")
    assert [one.name for one in api.list_inference_endpoints("offline", token="any")] == ["mine"]
