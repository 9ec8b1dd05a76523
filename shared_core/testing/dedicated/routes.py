"""The API that manages endpoints: `/v2/endpoint/{namespace}`, one endpoint and what may be done with it, hardware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from shared_core.testing.brains import Brains
from shared_core.testing.endpoint import Endpoint, Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal, unauthorised
from shared_core.testing.state import State

from .fleet import COMPUTES, NAMESPACES, PATH
from .serving import Serving

__all__ = ["completed", "dedicated_routes"]

_TASKS = ("text-generation", "feature-extraction", "sentence-similarity", "text-ranking")
_TO = {"pause": "paused", "resume": "pending", "scale-to-zero": "scaledToZero"}

_METRICS = """\
# HELP http_requests HTTP requests by code and replicas
# TYPE http_requests counter
http_requests{{replica_id="offline-0",status_code="200"}} {requests}
# HELP latency_distribution Latency distribution
# TYPE latency_distribution summary
latency_distribution{{quantile="0.5"}} 0.006
latency_distribution{{quantile="0.99"}} 0.02
latency_distribution_count {requests}
# HELP cpu_usage_percent CPU percent
# TYPE cpu_usage_percent gauge
# UNIT cpu_usage_percent percent
cpu_usage_percent{{replica_id="offline-0"}} 12.5
# EOF
"""


class _Managed(Endpoint):
    """What needs a token, in a namespace that it may see."""

    async def answer(self, exchange: Exchange) -> Reply:
        if "authorization" not in exchange.received.headers:
            raise unauthorised()
        self.check_token(exchange)
        path = exchange.request.path_params
        if path["namespace"] not in NAMESPACES:  # no access, or no billing: huggingface_hub reads both as 401
            raise Refusal(401, {"error": "Unauthorized"})
        return self.managed(exchange, **path)

    def managed(self, exchange: Exchange, **path: str) -> Reply:
        """The reply, once all is well.

        Args:
            path: The parts of the path by name.
        """
        raise NotImplementedError


class _All(_Managed):
    """`GET` and `POST /v2/endpoint/{namespace}`."""

    def managed(self, exchange: Exchange, **path: str) -> Reply:
        fleet = self._state.fleet
        if exchange.received.method == "GET":
            return json_reply({"items": fleet.of(**path)}, exchange.headers)
        made = fleet.add(path["namespace"], completed(exchange.received.json), "pending", 1, "")
        return json_reply(made.as_json(fleet.root), exchange.headers)


class _One(_Managed):
    """`GET`, `PUT` and `DELETE /v2/endpoint/{namespace}/{name}`."""

    def managed(self, exchange: Exchange, **path: str) -> Reply:
        fleet, method = self._state.fleet, exchange.received.method
        if method == "GET":
            return json_reply(fleet.seen(**path), exchange.headers)
        if method == "DELETE":
            fleet.remove(**path)
            return Reply(204, dict(exchange.headers), ())
        changes = _parts(exchange.received.json)
        return json_reply(fleet.update(**path, changes=changes), exchange.headers)


class _Told(_Managed):
    """`POST /v2/endpoint/{namespace}/{name}/pause`, `/resume` and `/scale-to-zero`."""

    def managed(self, exchange: Exchange, **path: str) -> Reply:
        state = _TO.get(path.pop("word"))
        if state is None:
            raise Refusal(404, {"error": "Not Found"})
        return json_reply(self._state.fleet.told(**path, state=state), exchange.headers)


class _Metrics(_Managed):
    """`GET /v2/endpoint/{namespace}/{name}/open-metrics`: for organisations alone, as the plan has it."""

    def managed(self, exchange: Exchange, **path: str) -> Reply:
        if path["namespace"] == "offline":
            raise Refusal(403, {"error": "Metrics need a Team or Enterprise plan"})
        body = _METRICS.format(requests=self._state.fleet.requests(**path)).encode()
        kind = {"content-type": "application/openmetrics-text", "content-length": str(len(body))}
        return Reply(200, exchange.headers | kind, (body,))


class _Hardware(_Managed):
    """`GET /v2/provider/{namespace}`."""

    def managed(self, exchange: Exchange, **path: str) -> Reply:  # noqa: ARG002  (the same for all)
        common = {"status": "available", "numAccelerators": 1, "memoryGb": 16.0}
        quota = {"maxAccelerators": 8, "usedAccelerators": 0}
        computes = [
            {
                "id": f"aws-us-east-1-{each['instanceType']}-{each['instanceSize']}",
                "architecture": each["instanceType"].replace("-", " ").title(),
                **common,
                **each,
                "quota": quota,
            }
            for each in COMPUTES
        ]
        regions = [{"name": "us-east-1", "computes": computes}]
        return json_reply({"vendors": [{"name": "aws", "regions": regions}]}, exchange.headers)


def dedicated_routes(state: State, brains: Brains) -> list[Route]:
    """Everything under `/v2`, and the endpoints' own addresses."""
    one = "/v2/endpoint/{namespace}/{name}"
    return [
        Route("/v2/endpoint/{namespace}", _All(state, brains), methods=["GET", "POST"]),
        Route(one, _One(state, brains), methods=["GET", "PUT", "DELETE"]),
        Route(f"{one}/open-metrics", _Metrics(state, brains), methods=["GET"]),
        Route(f"{one}/{{word}}", _Told(state, brains), methods=["POST"]),
        Route("/v2/provider/{namespace}", _Hardware(state, brains), methods=["GET"]),
        Route(
            f"{PATH}/{{namespace}}/{{name}}/{{rest:path}}", Serving(state, brains), methods=["GET", "POST"]
        ),
    ]


def completed(asked: Any) -> dict[str, Any]:
    """What a new endpoint is, checked as the API does and with what it adds.

    Args:
        asked: The body of the request.
    """
    asked = _parts(asked)
    for key in ("name", "type"):
        if not isinstance(asked.get(key), str) or not asked[key]:
            raise _invalid(f"missing field `{key}`")
    for key in ("compute", "model", "provider"):
        if key not in asked:
            raise _invalid(f"missing field `{key}`")
    model, compute, provider = asked["model"], asked["compute"], asked["provider"]
    for where, names in (
        (model, ("repository", "framework")),
        (compute, ("accelerator", "instanceType", "instanceSize")),
        (provider, ("vendor", "region")),
    ):
        for key in names:
            if not isinstance(where.get(key), str) or not where[key]:
                raise _invalid(f"missing field `{key}`")
    task = model.get("task", _TASKS[0])
    if task not in _TASKS:
        raise _invalid(f"unknown variant `{task}`, expected one of {', '.join(_TASKS)}")
    hardware = (compute["instanceType"], compute["instanceSize"])
    if hardware not in {(each["instanceType"], each["instanceSize"]) for each in COMPUTES}:
        raise Refusal(400, {"error": f"Compute {hardware[0]} {hardware[1]} is not available in this region"})
    scaling = {"minReplica": 1, "maxReplica": 1, "scaleToZeroTimeout": None, **(compute.get("scaling") or {})}
    return {
        **asked,
        "accountId": None,
        "model": {"image": {"huggingface": {}}, "revision": None, **model, "task": task},
        "compute": {**compute, "scaling": scaling},
    }


def _parts(asked: Any) -> Mapping[str, Any]:
    """What was asked for, once it is sure that its parts can be looked into."""
    if not isinstance(asked, Mapping):
        raise _invalid("a JSON object is expected")
    compute = asked.get("compute")
    inner = {"scaling": compute["scaling"]} if isinstance(compute, Mapping) and "scaling" in compute else {}
    for name, part in {**asked, **inner}.items():
        if name in ("compute", "model", "provider", "scaling") and not isinstance(part, Mapping):
            raise _invalid(f"`{name}` is no map")
    for name, count in inner.get("scaling", {}).items():
        if not isinstance(count, int | None):
            raise _invalid(f"`{name}` is no number")
    return asked


def _invalid(what: str) -> Refusal:
    return Refusal(422, {"error": f"Failed to deserialize the JSON body into the target type: {what}"})
