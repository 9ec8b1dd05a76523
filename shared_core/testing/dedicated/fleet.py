"""The endpoints of the offline router, and how they get from one state to the next.

    pending ─▶ initializing ─▶ running ─▶ (scale to zero) scaledToZero ─ asked for something ─▶ initializing
                    ▼             │ ▲
                  failed          ▼ │ resume
                                paused            updating ─▶ running

Each step takes as many looks as was said; a look is a question about the endpoint, or a request to it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from shared_core.testing.refusals import Refusal

__all__ = ["COMPUTES", "NAMESPACES", "PATH", "STATES", "Deployed", "Fleet"]

PATH = "/dedicated"
"""Below this path lie the addresses of endpoints."""

NAMESPACES = ("offline", "acme")
"""Those whose endpoints any token may see: a user, and an organisation."""

_NEXT = {"pending": "initializing", "initializing": "running", "updating": "running"}
_SAID = {
    "pending": "Endpoint waiting to be scheduled",
    "initializing": "Endpoint is initializing",
    "updating": "Endpoint is updating",
    "running": "Endpoint is ready",
    "paused": "Endpoint is paused",
    "scaledToZero": "Endpoint is scaled to zero",
    "failed": "Endpoint failed to deploy",
}
STATES = tuple(_SAID)

COMPUTES: tuple[Mapping[str, Any], ...] = (
    {"instanceType": "intel-spr", "instanceSize": "x1", "accelerator": "cpu", "pricePerHour": 0.033},
    {"instanceType": "nvidia-l4", "instanceSize": "x1", "accelerator": "gpu", "pricePerHour": 0.8},
    {"instanceType": "nvidia-a100", "instanceSize": "x1", "accelerator": "gpu", "pricePerHour": 2.5},
)
"""What may be deployed on, at "aws" in "us-east-1", with made-up prices in USD an hour."""


@dataclass(slots=True)
class Deployed:
    """One endpoint.

    Attributes:
        namespace, name: What it is called.
        told: What its creator sent, completed.
        state: As the API writes it.
        looks: How many looks a step takes.
        fails: What goes wrong when it initializes; "" for nothing.
        number: How many were created before it, which its times of creation are told by.
        seen: Looks since the last step.
        changes: How often it was changed.
        requests: How many it has answered.
    """

    namespace: str
    name: str
    told: dict[str, Any]
    state: str = "pending"
    looks: int = 1
    fails: str = ""
    number: int = 0
    seen: int = 0
    changes: int = 0
    requests: int = 0

    @property
    def model(self) -> str:
        """The repository."""
        return str(self.told["model"]["repository"])

    @property
    def served(self) -> str:
        """What its container calls the model."""
        args = self.told["model"].get("args")
        words = pairwise(args if isinstance(args, list) else ())
        return next((str(name) for word, name in words if word == "--served-model-name"), self.model)

    def go(self, state: str) -> None:
        """Into a state, at once."""
        self.state, self.seen = state, 0
        self.changes += 1

    def look(self) -> None:
        """Somebody asks: perhaps the next state has come."""
        if self.state not in _NEXT:
            return
        self.seen += 1
        if self.seen >= self.looks:
            self.go("failed" if self.fails and self.state == "initializing" else _NEXT[self.state])

    def as_json(self, root: str) -> dict[str, Any]:
        """What the API says of it."""
        scaling = self.told["compute"]["scaling"]
        target = 0 if self.state in ("paused", "scaledToZero") else max(1, scaling["minReplica"] or 0)
        status: dict[str, Any] = {
            "createdAt": _moment(self.number),
            "createdBy": {"id": "0" * 24, "name": "offline"},
            "updatedAt": _moment(self.number + self.changes),
            "updatedBy": {"id": "0" * 24, "name": "offline"},
            "private": None,
            "state": self.state,
            "message": _SAID[self.state],
            "readyReplica": target if self.state in ("running", "updating") else 0,
            "targetReplica": target,
        }
        if self.state == "failed":
            status["errorMessage"] = self.fails or _SAID["failed"]
        if self.state != "pending":
            status["url"] = f"{root}{PATH}/{quote(self.namespace)}/{quote(self.name)}"
        return {**deepcopy(self.told), "healthRoute": "/health", "status": status}


class Fleet:
    """All endpoints, safe from threads. Refusals are those of the API.

    Attributes:
        root: The server's address without a path.
    """

    def __init__(self) -> None:
        self.root = ""
        self._all: dict[tuple[str, str], Deployed] = {}
        self._made = 0
        self._lock = threading.Lock()

    def add(self, namespace: str, told: dict[str, Any], state: str, looks: int, fails: str) -> Deployed:
        """A new endpoint; refused where there is one of this name."""
        with self._lock:
            place = (namespace, told["name"])
            if place in self._all:
                raise Refusal(409, {"error": f"Endpoint {told['name']} already exists in {namespace}"})
            made = Deployed(namespace, told["name"], told, state, looks, fails, self._made)
            self._all[place] = made
            self._made += 1
            return made

    def of(self, namespace: str) -> list[dict[str, Any]]:
        """What the API lists."""
        with self._lock:
            return [one.as_json(self.root) for one in self._all.values() if one.namespace == namespace]

    def seen(self, namespace: str, name: str) -> dict[str, Any]:
        """What the API says of one, which is a look at it."""
        with self._lock:
            found = self._get(namespace, name)
            told = found.as_json(self.root)
            found.look()
            return told

    def told(self, namespace: str, name: str, state: str) -> dict[str, Any]:
        """Into a state by its owner's word; what the API answers."""
        with self._lock:
            found = self._get(namespace, name)
            if state == "pending" and found.state not in ("paused", "scaledToZero", "failed"):
                raise Refusal(400, {"error": f"Endpoint {name} is already running"})
            if state == "scaledToZero" and found.state != "running":
                raise Refusal(400, {"error": f"Endpoint {name} is {found.state}, not running"})
            found.go(state)
            return found.as_json(self.root)

    def update(self, namespace: str, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changed settings, which are deployed anew."""
        with self._lock:
            found = self._get(namespace, name)
            found.told = _merged(found.told, changes)
            if found.state == "running":
                found.go("updating")
            return found.as_json(self.root)

    def remove(self, namespace: str, name: str) -> None:
        """Gone for good."""
        with self._lock:
            self._get(namespace, name)
            del self._all[namespace, name]

    def asked(self, namespace: str, name: str) -> Deployed:
        """The endpoint that a request came for; refused, as by the proxy in front of it, unless it runs."""
        with self._lock:
            found = self._get(namespace, name)
            if found.state in ("running", "updating"):
                found.requests += 1
                return found
            if found.state == "scaledToZero":
                found.go("initializing")
            elif found.state in ("pending", "initializing"):
                found.look()
            elif found.state == "paused":
                raise Refusal(400, "Bad Request: Invalid state")
            # The proxy says the same whatever the reason.
            raise Refusal(503, {"error": "503 Service Unavailable"})

    def requests(self, namespace: str, name: str) -> int:
        """How many requests one has answered."""
        with self._lock:
            return self._get(namespace, name).requests

    def clear(self) -> None:
        """Drops all of them."""
        with self._lock:
            self._all.clear()
            self._made = 0

    def _get(self, namespace: str, name: str) -> Deployed:
        found = self._all.get((namespace, name))
        if found is None:
            raise Refusal(404, {"error": f"Endpoint {name} not found"})
        return found


def _merged(told: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(told)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping) and key != "image"
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _moment(minutes: int) -> str:
    return f"2026-11-02T{8 + minutes // 60 % 12:02}:{minutes % 60:02}:00.000Z"
