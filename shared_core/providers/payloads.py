"""What each provider is sent for a task: by huggingface_hub's own adapters, their pure parts alone.

The one module that knows `huggingface_hub.inference._providers`, so that the upkeep of payloads is theirs. Used
are the hooks that turn values into values; never what looks models up, opens files, polls or downloads. The
adapters are given bytes and checked addresses only: to a text they would open a path.

Loaded with the first task: huggingface_hub's inference takes a quarter of a second to import.
Source: huggingface_hub 1.31 to 2.4 (`tests/contract` compares with what its client sends).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference._common import MimeBytes
from huggingface_hub.inference._providers import PROVIDERS
from huggingface_hub.inference._providers._common import (
    BaseTextGenerationTask,
    TaskProviderHelper,
    filter_none,
    recursive_merge,
)
from huggingface_hub.inference._providers.hf_inference import HFInferenceTask

from shared_core.errors import ConfigError
from shared_core.providers.mapping import Served
from shared_core.types.jobs import is_path_of
from shared_core.types.tasks import Blob, Link, TaskRequest
from shared_core.wire import json

__all__ = ["OWN_SERVER", "Payload", "payload", "providers_of"]

OWN_SERVER = "openai-compatible"
"""In a provider's place: a server of the user's own that goes on with texts as OpenAI's did."""

_ROUTER = "https://router.huggingface.co"  # what the adapters write into every address
_KEY = "hf_"  # the form of a key for which they choose the router; the true one is added as the bytes leave
_OURS = frozenset({"authorization", "user-agent", "x-hf-source"})  # headers of every call, set elsewhere
_PICTURES = frozenset({"text-to-image", "image-to-image"})
_ONE_MODEL = "hf-inference"  # its words are those of a server of one's own, whose model needs no name
_TAKE_LINKS = frozenset({"fal-ai", "replicate", "wavespeed", "together"})


class Payload(NamedTuple):
    """What is sent, before it has a host and a token.

    Args:
        path: What follows the router's address, with its query.
        headers: The provider's own and the content type, names in lower case.
        body: The bytes.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes


def payload(served: Served, request: TaskRequest) -> Payload:
    """The request in a provider's words.

    Args:
        served: The provider, and its name for the model.
        request: The task, its input and parameters; its `model` is the Hub's id.

    Raises:
        ConfigError: The provider does not do the task, or not with such an input.
        BadRequest: Something cannot be written as JSON.
    """
    adapter = _adapter(served.provider, request.task)
    inputs = _inputs(request.inputs, served.provider)
    mapping = InferenceProviderMapping(  # type: ignore[no-untyped-call]
        provider=served.provider,
        hf_model_id=request.model,
        providerId=served.provider_id,
        status=served.status,
        task=request.task,
        adapterWeightsPath=served.adapter_path or None,
    )
    # The adapters change the parameters that they are given: each hook gets its own.
    given, more = dict(request.parameters), dict(request.extra_body)
    try:
        address = adapter._prepare_url(_KEY, quote(served.provider_id, safe="/:"))
        values = adapter._prepare_payload_as_dict(inputs, dict(given), mapping)
        data = adapter._prepare_payload_as_bytes(inputs, dict(given), mapping, more or None)
    except (ValueError, TypeError, KeyError) as error:
        said = str(error)[:300]
        raise ConfigError(f"{served.provider} cannot be asked for this: {said}. Nothing was sent.") from None
    if values is not None:
        values = recursive_merge(values, filter_none(more))
        if request.task == "text-generation" and "prompt" in values:
            values = _as_openai(values)
    headers = adapter._normalize_headers(_own_headers(adapter), values, data)
    if request.task in _PICTURES:
        headers.setdefault("accept", "image/png")
    body = json.dump(values) if data is None else bytes(data)
    path = address.removeprefix(_ROUTER)
    nameless = served.provider == _ONE_MODEL and not served.provider_id
    if not nameless and not is_path_of(path, served.provider):
        raise ConfigError(
            f"The name that {served.provider} has for the model, {served.provider_id!r}, leads away from it. "
            "Nothing was sent."
        )
    return Payload(path, headers, body)


def providers_of(task: str) -> frozenset[str]:
    """The providers that huggingface_hub can ask for a task, and those of our own table."""
    known = frozenset(provider for provider, tasks in PROVIDERS.items() if task in tasks)
    return known | {provider for provider, name in _MORE if name == task and provider != OWN_SERVER}


def _as_openai(values: dict[str, Any]) -> dict[str, Any]:
    """The body of a completion in the words that such servers know: huggingface_hub sends some of them (together,
    novita) TGI's `max_new_tokens`, which they pass over, and others a null."""
    limit = values.pop("max_new_tokens", None)
    values = {
        name: value for name, value in values.items() if value is not None and (name, value) != ("model", "")
    }
    return values if limit is None else {**values, "max_tokens": limit}


def _adapter(provider: str, task: str) -> TaskProviderHelper:
    found = PROVIDERS.get(provider, {}).get(task) or _MORE.get((provider, task))  # type: ignore[call-overload]
    if not isinstance(found, TaskProviderHelper):
        raise ConfigError(f"How {provider} is asked for {task} is not known here. Nothing was sent.")
    return found


def _inputs(inputs: Any, provider: str) -> Any:
    """The input as the adapters want it; never a text where they would take it for a path."""
    if isinstance(inputs, Blob):
        return MimeBytes(inputs.data, mime_type=inputs.mime_type)
    if isinstance(inputs, Link):
        if provider not in _TAKE_LINKS:
            raise ConfigError(
                f"{provider} fetches nothing from an address. Nothing was sent.",
                hint="Download the file and pass its bytes or its `pathlib.Path`.",
            )
        return inputs.url
    return inputs


def _own_headers(adapter: TaskProviderHelper) -> dict[str, Any]:
    headers = adapter._prepare_headers({}, _KEY)
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}


class _Sounds(TaskProviderHelper):
    """Music and sounds at fal.ai, which huggingface_hub lacks. Source: huggingface.js, `fal-ai.ts` (2026-08)."""

    def __init__(self) -> None:
        super().__init__("fal-ai", "https://fal.run", "text-to-audio")

    def _prepare_route(self, mapped_model: str, api_key: str) -> str:  # noqa: ARG002
        return f"/{mapped_model}"

    def _prepare_payload_as_dict(
        self,
        inputs: Any,
        parameters: dict[str, Any],
        provider_mapping_info: InferenceProviderMapping,  # noqa: ARG002
    ) -> dict[str, Any]:
        return {"prompt": inputs, **filter_none(parameters)}


_MORE: Mapping[tuple[str, str], TaskProviderHelper] = {
    ("fal-ai", "text-to-audio"): _Sounds(),
    # Missing from huggingface_hub's table, whose client has the method. Source: its tabular_regression (2.4.0).
    ("hf-inference", "tabular-regression"): HFInferenceTask("tabular-regression"),
    (OWN_SERVER, "text-generation"): BaseTextGenerationTask(OWN_SERVER, ""),
}
