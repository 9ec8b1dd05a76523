"""Two clients asked for the same, and what each of them sends: huggingface_hub's own, and ours.

Lives here: the capturing of requests, on whatever HTTP library the installed huggingface_hub uses. Not here: what
is asked for (`asked`), and what must agree (`test_hub_contract`).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from huggingface_hub import InferenceClient, set_client_factory
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference._providers import _common, hf_inference
from huggingface_hub.utils import get_session

from shared_core import HFRouter, RouterError
from shared_core.providers import MAPPINGS

MODEL = "org/name"
KEY = "hf_canary"
ROUTER = "https://router.huggingface.co"

# Of the HTTP library or of the one who calls.
_THEIR_OWN = {
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "user-agent",
    "x-amzn-trace-id",
    "x-request-id",
}


@dataclass(frozen=True)
class Sent:
    """One request: what of it must agree."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any

    @classmethod
    def of(cls, request: Any) -> Sent:
        headers = {name: value for name, value in request.headers.items() if name not in _THEIR_OWN}
        kind, body = headers.get("content-type", ""), request.read()
        if kind.startswith("multipart/"):
            # The boundary is drawn by lot.
            (boundary,) = re.findall("boundary=(.+)", kind)
            headers["content-type"] = kind.replace(boundary, "BOUNDARY")
            body = body.replace(boundary.encode(), b"BOUNDARY")
        elif kind == "application/json":
            body = json.loads(body)
        return cls(request.method, str(request.url), headers, body)


@pytest.fixture
def sent_by_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sent]]:
    """What huggingface_hub's client sends for a call, where the model is mapped to a provider's id."""
    caught: list[Sent] = []
    library = importlib.import_module(
        type(get_session()).__module__.split(".")[0]
    )  # httpx, or httpx2 from 2.0 on

    def refuse(request: Any) -> Any:
        caught.append(Sent.of(request))
        return library.Response(400, json={"error": "enough"}, request=request)

    set_client_factory(lambda: library.Client(transport=library.MockTransport(refuse)))
    monkeypatch.setattr(hf_inference, "_check_supported_task", lambda model, task: None)

    def send(provider: str, task: str, provider_id: str, ask: Callable[[Any], object]) -> Sent:
        caught.clear()
        entry = InferenceProviderMapping(
            provider=provider, hf_model_id=MODEL, providerId=provider_id, status="live", task=task
        )
        table = {**_common.HARDCODED_MODEL_INFERENCE_MAPPING, provider: {MODEL: entry}}
        monkeypatch.setattr(_common, "HARDCODED_MODEL_INFERENCE_MAPPING", table)
        with contextlib.suppress(HfHubHTTPError):
            ask(InferenceClient(model=MODEL, provider=provider, token=KEY))  # type: ignore[arg-type]
        (request,) = caught
        return request

    yield send
    from huggingface_hub.utils._http import default_client_factory

    set_client_factory(default_client_factory)


@pytest.fixture
def sent_by_us() -> Iterator[Callable[..., Sent]]:
    """What our client sends for a call, where the Hub maps the model to a provider's id."""
    caught: list[Sent] = []
    mapping: dict[str, Any] = {}

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/api/models/"):
            return httpx2.Response(200, json={"id": MODEL, "inferenceProviderMapping": mapping})
        caught.append(Sent.of(request))
        return httpx2.Response(400, json={"error": "enough"})

    def send(provider: str, task: str, provider_id: str, ask: Callable[[Any], object]) -> Sent:
        caught.clear()
        mapping.clear()
        mapping[provider] = {"status": "live", "providerId": provider_id, "task": task}
        MAPPINGS.clear()
        router = HFRouter(f"{MODEL}:{provider}", api_key=KEY, http_client=client, base_url=f"{ROUTER}/v1")
        with pytest.raises(RouterError, match="enough"):
            ask(router)
        (request,) = caught
        return request

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        yield send
    MAPPINGS.clear()
