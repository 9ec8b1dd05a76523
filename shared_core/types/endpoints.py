"""A dedicated Inference Endpoint, as Hugging Face's API describes it, and the hardware it may run on.

Lives here: the values, and reading them from replies. Not here: asking for them (`client.locating`, `hub.endpoints`).
What a reply does not say is None or ""; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

__all__ = ["EndpointHardware", "InferenceEndpoint"]

_LARGEST = 10**12  # no number of replicas, minutes or gigabytes is larger
_DIGITS = 30  # behind the point of a price: one with more is none, and would be written out
_NAMED = "--served-model-name"  # vLLM's and SGLang's option for what a container calls its model


@dataclass(frozen=True, slots=True)
class InferenceEndpoint:
    """One endpoint, at the moment in which it was asked for.

    Args:
        name: Its name, unique in its namespace.
        namespace: The user or organisation that it belongs to.
        status: "pending", "initializing", "updating", "updateFailed", "running", "paused", "failed", "scaledToZero",
            or what the API invents next.
        message: What the API says of that status.
        url: Its address; "" until it has one.
        repository: The model's repository on the Hub.
        revision: The commit that is served.
        task: Such as "text-generation".
        framework: Such as "pytorch" or "custom".
        image: Which kind of container runs: "huggingface", "tgi", "tei", "vLLM", "custom" and so on.
        access: Who may call it: "public", "authenticated" (or "protected"), "private".
        vendor, region: Where it runs, such as "aws" and "us-east-1".
        accelerator: "cpu", "gpu" or "neuron".
        instance_type, instance_size: Such as "nvidia-l4" and "x1".
        min_replica, max_replica: Within which bounds it scales.
        ready_replica, target_replica: How many replicas answer now, and how many shall.
        scale_to_zero_after: Minutes without a request until it is scaled to zero; None for never, or not told.
        usd_per_hour: What one replica costs in an hour. Only where the price list of the hardware was asked for.
        health_route: The path that tells whether its container is ready.
        created_at, updated_at: As the reply writes them, in ISO 8601.
        raw: The reply.
    """

    name: str
    namespace: str
    status: str
    message: str = ""
    url: str = ""
    repository: str = ""
    revision: str = ""
    task: str = ""
    framework: str = ""
    image: str = ""
    access: str = ""
    vendor: str = ""
    region: str = ""
    accelerator: str = ""
    instance_type: str = ""
    instance_size: str = ""
    min_replica: int | None = None
    max_replica: int | None = None
    ready_replica: int | None = None
    target_replica: int | None = None
    scale_to_zero_after: int | None = None
    usd_per_hour: Decimal | None = None
    health_route: str = "/health"
    created_at: str = ""
    updated_at: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """Its name with its namespace, as `endpoint=` takes it."""
        return f"{self.namespace}/{self.name}"

    @property
    def model(self) -> str:
        """What its container calls the model.

        The repository, which vLLM, SGLang and the catalogue's containers go by (TGI, TEI and llama.cpp take any name),
        unless the container's arguments name another one.
        """
        told = _mapping(self.raw.get("model"))
        for written in (told.get("args"), told.get("command")):
            if named := _option(written if isinstance(written, list) else []):
                return named
        return self.repository

    @property
    def base_url(self) -> str:
        """Where its OpenAI-style paths begin; "" until it has an address."""
        return f"{self.url}/v1" if self.url else ""

    def as_dict(self) -> dict[str, Any]:
        """Everything but the raw reply, as values for JSON; what is not known is left out."""
        told = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "raw"}
        known = {name: value for name, value in told.items() if value not in (None, "")}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in known.items()}

    @classmethod
    def from_reply(cls, reply: Any, namespace: str) -> InferenceEndpoint:
        """The endpoint that a reply describes.

        Args:
            reply: The JSON of `/v2/endpoint/{namespace}/{name}`, or an entry of the list.
            namespace: Whose it is, which the reply does not say.

        Raises:
            ValueError: It is another kind of reply.

        Example:
            >>> InferenceEndpoint.from_reply({"name": "mine", "status": {"state": "paused"}}, "me").id
            'me/mine'
        """
        told = _mapping(reply)
        name, status = _text(told, "name"), _mapping(told.get("status"))
        if not name or not isinstance(status.get("state"), str):
            raise ValueError("it holds no `name` and `status.state`")
        model, provider = _mapping(told.get("model")), _mapping(told.get("provider"))
        compute = _mapping(told.get("compute"))
        scaling = _mapping(compute.get("scaling"))
        return cls(
            name,
            namespace,
            _text(status, "state"),
            _text(status, "errorMessage") or _text(status, "message"),
            _text(status, "url").rstrip("/"),
            _text(model, "repository"),
            _text(model, "revision"),
            _text(model, "task"),
            _text(model, "framework"),
            next((str(kind) for kind in _mapping(model.get("image"))), ""),
            _text(told, "type"),
            _text(provider, "vendor"),
            _text(provider, "region"),
            _text(compute, "accelerator"),
            _text(compute, "instanceType"),
            _text(compute, "instanceSize"),
            _whole(scaling, "minReplica"),
            _whole(scaling, "maxReplica"),
            _whole(status, "readyReplica"),
            _whole(status, "targetReplica"),
            _whole(scaling, "scaleToZeroTimeout"),
            None,
            _text(told, "healthRoute") or "/health",
            _text(status, "createdAt"),
            _text(status, "updatedAt"),
            dict(told),
        )


@dataclass(frozen=True, slots=True)
class EndpointHardware:
    """Hardware that an endpoint may be created on; `create` takes the same words.

    Args:
        vendor, region, accelerator, instance_type, instance_size: As of `InferenceEndpoint`.
        usd_per_hour: What one replica costs in an hour; None where the list does not say.
        status: "available", "low_availability", "not_available", "deprecated" and so on.
        description: For people, such as "Nvidia L4".
        accelerators: How many of them a replica has.
        gpu_memory_gb: Of all of them together; None for none, or not told.
        memory_gb: Of the machine.
        raw: The entry.
    """

    vendor: str
    region: str
    accelerator: str
    instance_type: str
    instance_size: str
    usd_per_hour: Decimal | None = None
    status: str = ""
    description: str = ""
    accelerators: int | None = None
    gpu_memory_gb: float | None = None
    memory_gb: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def fits(self, endpoint: InferenceEndpoint) -> bool:
        """Whether the endpoint runs on it."""
        names = ("vendor", "region", "instance_type", "instance_size")
        return all(getattr(self, name) == getattr(endpoint, name) for name in names)

    @classmethod
    def from_reply(cls, reply: Any) -> tuple[EndpointHardware, ...]:
        """What the reply of `/v2/provider/{namespace}` lists; entries that are no hardware are passed over."""
        return tuple(
            cls._from_entry(_text(vendor, "name"), _text(region, "name"), compute)
            for vendor in _list(reply, "vendors")
            for region in _list(vendor, "regions")
            for compute in _list(region, "computes")
            if _text(compute, "instanceType")
        )

    @classmethod
    def _from_entry(cls, vendor: str, region: str, told: Mapping[str, Any]) -> EndpointHardware:
        return cls(
            vendor,
            region,
            _text(told, "accelerator"),
            _text(told, "instanceType"),
            _text(told, "instanceSize"),
            _usd(told.get("pricePerHour")),
            _text(told, "status"),
            _text(told, "architecture"),
            _whole(told, "numAccelerators"),
            _number(told, "gpuMemoryGb"),
            _number(told, "memoryGb"),
            dict(told),
        )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any, key: str) -> list[Mapping[str, Any]]:
    listed = _mapping(value).get(key)
    return [_mapping(entry) for entry in listed] if isinstance(listed, list) else []


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return _on_one_line(value) if isinstance(value, str) else ""


def _on_one_line(text: str) -> str:
    """What may be a container's words, fit for a terminal."""
    if text.isprintable():
        return text
    return " ".join("".join(each if each.isprintable() else " " for each in text[:2000]).split())


def _whole(told: Mapping[str, Any], key: str) -> int | None:
    value = told.get(key)
    is_count = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
    return value if is_count else None


def _number(told: Mapping[str, Any], key: str) -> float | None:
    value = told.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < _LARGEST else None  # type: ignore[arg-type]


def _usd(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() and 0 <= usd < _LARGEST and usd.adjusted() > -_DIGITS else None


def _option(words: Sequence[Any]) -> str:
    """What follows the option, in either spelling; "" where it is not given."""
    for word, following in pairwise([*words, ""]):
        if word == _NAMED and isinstance(following, str):
            return _on_one_line(following)
        if isinstance(word, str) and word.startswith(f"{_NAMED}="):
            return _on_one_line(word.removeprefix(f"{_NAMED}="))
    return ""
