"""What a call is in the words of OpenTelemetry's GenAI conventions: names and values, no tracer.

Lives here: the operation, attributes of the request, of the reply, of the usage. Not here: prompts and answers
(`gen_ai_content`), spans (`telemetry`), metrics (`gen_ai_metrics`).

Source: open-telemetry/semantic-conventions 1.41 and semantic-conventions-genai 0.1 (status "Development"), where
these attributes have the same names. What the conventions have no word for stands under `hfrouter.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared_core.observe.events import CallEnded, CallStarted
from shared_core.routing import is_hugging_face
from shared_core.types import ChatReply, ChatRequest, EmbedRequest, ModelRef, TaskRequest, Usage, endpoint_in
from shared_core.types.cost import plain

__all__ = ["Values", "ended", "operation_of", "started", "whereabouts"]

Values = dict[str, Any]

_OPERATIONS = {"embed": "embeddings", "text-generation": "text_completion"}
_GENERATED = {"image": "image", "video": "video", "speech": "speech", "audio": "speech", "3d": "3d"}
_OTHER = "_OTHER"

_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "reasoning_effort": "reasoning.level",
}
"""Ours, and what follows `gen_ai.request.`"""

_DETAILS = {"prompt_tokens_details": "input_tokens", "completion_tokens_details": "output_tokens"}


def operation_of(task: str) -> str:
    """The operation's name: a well-known one, else the task's own.

    Example:
        >>> operation_of("embed"), operation_of("text-to-video"), operation_of("rerank")
        ('embeddings', 'generate_content', 'rerank')
    """
    return _OPERATIONS.get(task) or ("generate_content" if _kind_made(task) else task)


def whereabouts(event: CallStarted | CallEnded) -> Values:
    """Who is asked for what and where; all of it may be a dimension of a metric.

    `gen_ai.provider.name` is who answered; until that is known, whom the model's suffix names, else "huggingface",
    else "_OTHER".
    """
    parts = urlsplit(event.url)
    values: Values = {
        "gen_ai.operation.name": operation_of(event.task),
        "gen_ai.provider.name": _provider(event),
    }
    if event.model:
        values["gen_ai.request.model"] = event.model
    if parts.hostname and not endpoint_in(event.url):
        values["server.address"] = parts.hostname
        values["server.port"] = parts.port or (443 if parts.scheme == "https" else 80)
    return values


def started(event: CallStarted) -> Values:
    """What is known when a call begins, besides its `whereabouts`."""
    request = event.request
    values: Values = {f"hfrouter.tag.{name}": value for name, value in event.usage_tags.items()}
    values["hfrouter.call.id"] = event.id
    if event.streamed:
        values["gen_ai.request.stream"] = True
    if made := _kind_made(event.task):
        values["gen_ai.output.type"] = made
    if isinstance(request, ChatRequest):
        values |= _parameters(request.params)
        form = request.params.get("response_format")
        if isinstance(form, Mapping) and isinstance(form.get("type"), str):
            values["gen_ai.output.type"] = "json" if form["type"].startswith("json") else form["type"]
    elif isinstance(request, TaskRequest):
        values |= _parameters(request.parameters)
    elif isinstance(request, EmbedRequest):
        values["hfrouter.texts"] = len(request.texts)
        if request.dimensions is not None:
            values["gen_ai.embeddings.dimension.count"] = request.dimensions
    return values


def ended(event: CallEnded) -> Values:
    """What is known when a call is over, besides its `whereabouts`."""
    reply, meta = event.reply, getattr(event.reply, "meta", None)
    values: Values = {
        "hfrouter.outcome": event.outcome,
        "hfrouter.attempts": event.attempts,
        "hfrouter.moves": event.moves,
        "hfrouter.cached": event.cached,
        "hfrouter.cost.basis": event.cost.basis,
    }
    if event.cost.usd is not None:
        values["hfrouter.cost.usd"] = plain(event.cost.usd)
    if event.error:
        values["error.type"] = event.error
    if event.request_id:
        values["hfrouter.request.id"] = event.request_id
    if event.first_token_s is not None and event.streamed:
        values["gen_ai.response.time_to_first_chunk"] = event.first_token_s
    if meta is not None and meta.model:
        values["gen_ai.response.model"] = meta.model
    if isinstance(reply, ChatReply):
        if reply.id:
            values["gen_ai.response.id"] = reply.id
        # The conventions' word for an answer that did not come to its end.
        values["gen_ai.response.finish_reasons"] = [one.finish_reason or "error" for one in reply.choices]
    elif reason := getattr(reply, "finish_reason", None):
        values["gen_ai.response.finish_reasons"] = [reason]
    if event.usage is not None and not event.cached:
        values |= _usage(event.usage)
    return values


def _usage(usage: Usage) -> Values:
    values: Values = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }
    if usage.reasoning_tokens is not None:
        values["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    if usage.cached_tokens is not None:
        values["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    for details, what in _DETAILS.items():
        counts = usage.raw.get(details)
        if not isinstance(counts, Mapping):
            continue
        for kind in ("text", "image", "audio", "video"):
            if isinstance(count := counts.get(f"{kind}_tokens"), int):
                values[f"gen_ai.usage.{kind}.{what}"] = count
    return values


def _parameters(given: Mapping[str, Any]) -> Values:
    values: Values = {}
    for name, word in _PARAMETERS.items():
        value = given.get(name)
        if isinstance(value, int | float | str):
            values[f"gen_ai.request.{word}"] = value
    stop = given.get("stop")
    if stop:
        values["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else [str(s) for s in stop]
    if isinstance(count := given.get("n"), int) and count != 1:
        values["gen_ai.request.choice.count"] = count
    return values


def _provider(event: CallStarted | CallEnded) -> str:
    known = event.provider if isinstance(event, CallEnded) else None
    if known or (known := ModelRef.parse(event.model).provider):
        return known
    return "huggingface" if is_hugging_face(event.url) or endpoint_in(event.url) else _OTHER


def _kind_made(task: str) -> str:
    """What a task makes; "" where that is words or numbers."""
    source, _, made = task.rpartition("to-")
    return _GENERATED.get(made, "") if source else ""
