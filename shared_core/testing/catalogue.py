"""The models and providers that the offline router claims to have: data, and the `/v1/models` reply made of
it.

Only `offline` really answers. The other providers are there so that a pinned provider can be asked for; as
on the real router most of what their entries say is optional, and one says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

CONTEXT_LENGTH = 32768
CREATED = 1767225600  # 2026-01-01, so that replies can be compared between runs

POLICIES = ("fastest", "cheapest", "preferred")

PROVIDERS: dict[str, dict[str, Any]] = {
    "offline": {
        "pricing": {"input": 0, "output": 0},
        "is_free": True,
        "first_token_latency_ms": 1.0,
        "throughput": 1000.0,
    },
    "cerebras": {
        "pricing": {"input": 0.99, "output": 1.49},
        "first_token_latency_ms": 4926,
        "throughput": 166.2,
    },
    "groq": {
        "pricing": {"input": 0.1, "output": 0.5, "cached_input": 0.05},
        "first_token_latency_ms": 212.5,
        "throughput": 430.1,
    },
    "novita": {"pricing": {"input": 0.42, "output": 3}, "first_token_latency_ms": 762.6, "throughput": 39.3},
    "together": {"pricing": {"input": 0.9299999999999999, "output": 1.2}},
    "fireworks-ai": {"first_token_latency_ms": 380.0},
    "featherless-ai": {},
}
"""What a `providers` entry of the catalogue says beyond what every entry says."""


@dataclass(frozen=True, slots=True)
class OfflineModel:
    """One stand-in model: its id, what it takes in, what it can do, and what it is in a line."""

    id: str
    about: str
    tools: bool = False
    structured: bool = False
    inputs: tuple[str, ...] = ("text",)


MODELS: dict[str, OfflineModel] = {
    model.id: model
    for model in (
        OfflineModel(
            "offline/extractive", "answers with the sentence of the given context nearest to the question"
        ),
        OfflineModel(
            "offline/tools",
            "calls the offered tool that fits, fills schemas from the message",
            tools=True,
            structured=True,
            inputs=("text", "image", "audio", "video", "file"),
        ),
        OfflineModel("offline/json", "answers with an instance of the schema asked for", structured=True),
        OfflineModel("offline/reasoner", "thinks aloud, then answers"),
        OfflineModel("offline/echo", "repeats the last message of the user"),
    )
}


def served(aliases: Mapping[str, str]) -> dict[str, OfflineModel]:
    """The models that chat, and under their other ids those that have any."""
    named = {alias: MODELS[model] for alias, model in aliases.items() if model in MODELS}
    return MODELS | {alias: replace(model, id=alias) for alias, model in named.items()}


def model_entry(model: OfflineModel) -> dict[str, Any]:
    """One entry of `/v1/models`, in the documented shape."""
    return {
        "id": model.id,
        "object": "model",
        "created": CREATED,
        "owned_by": "offline",
        "architecture": {"input_modalities": list(model.inputs), "output_modalities": ["text"]},
        "providers": [_provider_entry(model, name, facts) for name, facts in PROVIDERS.items()],
    }


def _provider_entry(model: OfflineModel, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"provider": name, "status": "live"}
    if facts:
        entry["context_length"] = CONTEXT_LENGTH
        entry |= facts
        entry |= {"supports_tools": model.tools, "supports_structured_output": model.structured}
    return entry | {"is_model_author": name == "offline"}
