"""What each provider is sent: every pair of provider and task that huggingface_hub knows, and names that mislead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core.client.media_asking import TASKS
from shared_core.errors import BadRequest, ConfigError, RouterError
from shared_core.providers import Served
from shared_core.providers.payloads import payload, providers_of
from shared_core.types import Blob, Link, TaskRequest
from shared_core.types.jobs import is_path_of

PNG = Blob(b"\x89PNG\r\n\x1a\n0000", "image/png")
WAV = Blob(b"RIFF\0\0\0\0WAVEfmt ", "audio/wav")
INPUTS = {"text": "a boat", "image": PNG, "audio": WAV}
PAIRS = [(provider, task) for task in TASKS for provider in sorted(providers_of(task))]


def made(provider: str, task: str, id: str = "org/name", inputs: Any = None, **parameters: Any) -> Any:
    given = INPUTS[TASKS[task].takes] if inputs is None else inputs
    return payload(Served(provider, id, "live", task), TaskRequest(task, given, "org/name", parameters))


@pytest.mark.parametrize(("provider", "task"), PAIRS)
def test_every_provider_is_asked_below_its_own_name_and_without_a_token(provider: str, task: str) -> None:
    sent = made(provider, task, **({"voice": "tara"} if task == "text-to-speech" else {}))
    assert is_path_of(sent.path, provider)
    assert not {"authorization", "user-agent"} & set(sent.headers)
    assert b"hf_" not in sent.body
    assert sent.body


@pytest.mark.parametrize(
    "id",
    ["../../v1/models", "a/../../b", "..", "a//b", "a?b=c", "a#b", "a@b", "a b", "ü", "a\\b", ""],
)
@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed", "novita"])
def test_a_name_that_leads_away_from_its_provider_is_not_followed(provider: str, id: str) -> None:
    task = "text-to-video"
    with pytest.raises(ConfigError, match=r"leads away from it|cannot be asked"):
        made(provider, task, id)


def test_a_model_of_hf_inference_is_named_by_its_own_name() -> None:
    assert made("hf-inference", "text-to-image").path == "/hf-inference/models/org/name"


@pytest.mark.parametrize("provider", ["hf-inference", "nscale", "deepinfra", "zai-org", "novita"])
def test_a_provider_that_fetches_nothing_is_given_no_address(provider: str) -> None:
    task = next(task for task in TASKS if provider in providers_of(task))
    with pytest.raises(ConfigError, match="fetches nothing from an address"):
        made(provider, task, inputs=Link("https://a.example/b"))


@pytest.mark.parametrize(
    "value", [float("nan"), object(), b"x", "\ud800"], ids=["NaN", "an object", "bytes", "half a character"]
)
def test_what_json_has_no_word_for_is_refused(value: Any) -> None:
    with pytest.raises((BadRequest, ConfigError), match="Nothing was sent"):
        made("fal-ai", "text-to-image", scheduler=value)


def test_parameters_and_further_keys_are_left_as_they_were_given() -> None:
    parameters, more = {"width": 8, "height": 8, "guidance_scale": 2.0}, {"loras": [{"path": "x"}]}
    request = TaskRequest("text-to-image", "a boat", "org/name", dict(parameters), dict(more))
    for provider in sorted(providers_of("text-to-image")):
        try:
            body = payload(Served(provider, "org/name", "live", "text-to-image"), request).body
        except RouterError:
            continue
        assert json.loads(body)["loras"] == more["loras"], provider
    assert (request.parameters, request.extra_body) == (parameters, more)


def test_weights_that_a_mapping_names_are_sent_along() -> None:
    served = Served("fal-ai", "fal-ai/lora", "live", "text-to-image", "weights.safetensors")
    body = json.loads(payload(served, TaskRequest("text-to-image", "a boat", "org/name")).body)
    assert body["loras"] == [
        {"path": "https://huggingface.co/org/name/resolve/main/weights.safetensors", "scale": 1}
    ]


@pytest.mark.parametrize(
    ("provider", "task"), [("nobody", "text-to-image"), ("nscale", "text-to-video"), ("fal-ai", "x")]
)
def test_a_pair_that_nobody_knows_is_refused(provider: str, task: str) -> None:
    with pytest.raises(ConfigError, match=f"How {provider} is asked for {task} is not known here"):
        payload(Served(provider, "m", "live", task), TaskRequest(task, "a", "org/name"))
