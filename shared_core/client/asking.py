"""From the arguments of `embed` to a request, each argument checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared_core.catalog import prompts_for
from shared_core.client.checks import checked_body, checked_count, checked_options, checked_texts
from shared_core.client.embedding import Memory
from shared_core.client.progress import Bar
from shared_core.client.spread import Pace
from shared_core.errors import ConfigError
from shared_core.providers import Route
from shared_core.types import EmbedOptions, EmbedRequest, Kind, RerankOptions, RerankRequest

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache

__all__ = ["Before", "before_texts", "embed_request", "memory_of", "pace_of", "rerank_request", "unheeded"]


@dataclass(frozen=True, slots=True)
class Before:
    """What stands in front of each text.

    Args:
        prompt: It; "" for nothing.
        unasked: What is to be said of one that the caller did not ask for; "" for all others.
    """

    prompt: str
    unasked: str = ""


def embed_request(
    texts: Iterable[str], kind: Kind, options: EmbedOptions, model: str, extra_body: dict[str, Any]
) -> tuple[EmbedRequest, Before | None]:
    """The request for all texts, and what stands in front of each: the caller's prompt; None where that is open.

    Args:
        texts: As the caller gave them.
        kind: "query" or "document".
        options: What is special to this call.
        model: The model's id.
        extra_body: The client's own further keys.

    Raises:
        ConfigError: An argument cannot work.
    """
    checked_options(options, EmbedOptions.__annotations__)
    if kind not in ("query", "document"):
        raise ConfigError(f"kind={kind!r} is neither 'query' nor 'document'.")
    prompt = options.get("query_prompt") if kind == "query" else options.get("document_prompt")
    prompt_name = options.get("prompt_name")
    if prompt and prompt_name:
        raise ConfigError(
            f"Both {kind}_prompt and prompt_name are given.",
            hint="One puts the prompt here, the other the host.",
        )
    if prompt is not None:
        checked_texts([prompt], f"{kind}_prompt")
    dimensions = options.get("dimensions")
    listed = checked_texts(texts)
    request = EmbedRequest(
        [prompt + text for text in listed] if prompt else listed,
        model,
        kind,
        None if dimensions is None else checked_count(dimensions, "dimensions"),
        options.get("normalize"),
        options.get("truncate"),
        prompt_name,
        {**extra_body, **checked_body(options.get("extra_body"))},
        range(len(listed)),
    )
    return request, None if prompt is None and prompt_name is None else Before(prompt or "")


def before_texts(request: EmbedRequest, *models: str) -> tuple[EmbedRequest, Before]:
    """A request whose caller left the prompt open, with what its model is known to want in front of each text.

    Args:
        request: With plain texts.
        models: Ids that the model has; the first one that is known decides.
    """
    known = next(filter(None, map(prompts_for, models)), None)
    prompt = "" if known is None else known.of(request.kind)
    if known is None or not prompt:
        return request, Before("")
    texts = [prompt + text for text in request.texts]
    return replace(request, texts=texts), Before(prompt, known.note(request.kind))


def rerank_request(
    query: str, documents: Iterable[str], options: RerankOptions, model: str, extra_body: dict[str, Any]
) -> RerankRequest:
    """The request for all documents; the arguments are those of `embed_request`.

    Raises:
        ConfigError: An argument cannot work.
    """
    checked_options(options, RerankOptions.__annotations__)
    checked_texts([query], "query")
    listed = checked_texts(documents, "documents")
    return RerankRequest(
        query,
        listed,
        model,
        options.get("truncate"),
        options.get("raw_scores"),
        {**extra_body, **checked_body(options.get("extra_body"))},
        range(len(listed)),
    )


def pace_of(options: EmbedOptions | RerankOptions) -> Pace:
    """How the list is sent.

    Raises:
        ConfigError: An argument cannot work.
    """
    batch_size, at_once = options.get("batch_size"), options.get("max_concurrency")
    wanted: Any = options.get("progress")
    progress: Callable[[int, int], object] | None = None
    if callable(wanted):
        progress = wanted
    elif wanted:
        progress = Bar()
    return Pace(
        None if batch_size is None else checked_count(batch_size, "batch_size"),
        8 if at_once is None else checked_count(at_once, "max_concurrency"),
        progress,
    )


def unheeded(request: EmbedRequest, route: Route) -> tuple[str, ...]:
    """Notes on what was asked for and a host of this kind cannot be told.

    Raises:
        ConfigError: The vectors would be others than asked for: a prompt by name, and a host that keeps none.
    """
    if route.dialect != "openai":
        return ()
    if request.prompt_name is not None:
        raise ConfigError(
            f"prompt_name={request.prompt_name!r} needs a host that keeps prompts (TEI, hf-inference); this one "
            "speaks OpenAI's dialect, which has no word for it. Nothing was sent.",
            hint=f"Pass the prompt itself as {request.kind}_prompt.",
        )
    notes = []
    if request.truncate is not None:
        notes.append(
            "An OpenAI-style host cannot be told whether to cut long texts: `truncate` was not sent."
        )
    if request.normalize is False:
        notes.append("An OpenAI-style host cannot be told not to normalise: vectors are as it makes them.")
    return tuple(notes)


def memory_of(cache: EmbeddingCache, request: EmbedRequest, route: Route, prompt: str) -> Memory:
    """The cache with the keys of this way of embedding.

    Whatever may change a vector is part of the keys: besides what the user asked for, the address, since two
    hosts compute one model differently, and further keys of the body. A prompt that the host keeps goes by its name.
    """
    from shared_core.cache import VectorKeys

    made_by: list[Any] = ["remote", route.url, request.truncate is False]
    if request.prompt_name is not None:
        made_by.append(["prompt_name", request.prompt_name])
    if request.extra_body:
        made_by.append(json.dumps(request.extra_body, sort_keys=True, default=repr))
    keys = VectorKeys(
        route.model,
        None,
        request.kind,
        None if request.prompt_name is not None else prompt,
        request.dimensions,
        request.normalize,
        json.dumps(made_by),
    )
    return Memory(cache, keys, prompt)
