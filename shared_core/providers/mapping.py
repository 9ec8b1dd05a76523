"""Which providers serve a model, in the Hub's words, and which of them to take.

Lives here: reading the mapping, choosing, and the memory of mappings that the process has fetched.
Not here: fetching. The clock is an argument: unix seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_core.errors import ModelNotServed, NoRoute
from shared_core.providers.routes import EMBED_ROUTES

__all__ = ["MAPPINGS", "Mappings", "Served", "choose", "parse_mapping"]

_TASKS = frozenset({"feature-extraction", "sentence-similarity"})
"""Both name models that embed: hf-inference serves either by its feature-extraction route (huggingface_hub 2.4.0,
`_check_supported_task`)."""


@dataclass(frozen=True, slots=True)
class Served:
    """One provider's word on one model.

    Args:
        provider: Its name.
        provider_id: Its own name for the model.
        status: "live", "staging", "error", or what the Hub invents next.
        task: The task it serves the model for.
    """

    provider: str
    provider_id: str
    status: str
    task: str

    @property
    def embeds(self) -> bool:
        return self.task in _TASKS

    @property
    def warning(self) -> str:
        """What a caller who chose this provider should know; "" when it is live."""
        if self.status == "live":
            return ""
        return f"Hugging Face's health check has {self.provider} at {self.status!r} for this model, not at 'live'."


def parse_mapping(payload: Any) -> tuple[str, tuple[Served, ...]]:
    """The model's present id and its providers, in the user's order of preference.

    Args:
        payload: The reply of `/api/models/{id}?expand[]=inferenceProviderMapping`. The mapping is a dictionary
            by provider or, newer, a list; entries that are no such thing are passed over, and so are adapters
            (LoRA weights on a model for images).

    Returns:
        The id ("" when the reply has none) and the providers; no mapping at all counts as no provider.
    """
    if not isinstance(payload, Mapping):
        return "", ()
    name = payload.get("id")
    raw = payload.get("inferenceProviderMapping")
    if isinstance(raw, Mapping):
        entries: Sequence[Any] = [
            {"provider": provider, **entry} for provider, entry in raw.items() if isinstance(entry, Mapping)
        ]
    else:
        entries = raw if isinstance(raw, list) else ()
    served = tuple(
        Served(provider, pid, str(entry.get("status", "")), str(entry.get("task", "")))
        for entry in entries
        if isinstance(entry, Mapping)
        and isinstance(provider := entry.get("provider"), str)
        and isinstance(pid := entry.get("providerId"), str)
        and not entry.get("adapterWeightsPath")
    )
    return name if isinstance(name, str) else "", served


def choose(model: str, served: Sequence[Served], named: str | None) -> Served:
    """The provider to ask for embeddings.

    Args:
        model: The model's id, for errors.
        served: From `parse_mapping`.
        named: The provider that the user named. None takes the first live one, in the user's order, whose route
            is known: there are no figures of speed or price for embeddings, so that `:fastest` and `:cheapest`
            choose like this too.

    Raises:
        ModelNotServed: Nobody serves the model for embeddings, or not the one that was named.
        NoRoute: Somebody does, whose route is unknown here.
    """
    able = [entry for entry in served if entry.embeds]
    known = [entry for entry in able if entry.provider in EMBED_ROUTES]
    live = [entry for entry in known if entry.status == "live"]
    wanted = live if named is None else [entry for entry in known if entry.provider == named]
    if wanted:
        return wanted[0]
    strangers = [
        entry.provider
        for entry in able
        if entry not in known and (entry.status == "live" if named is None else entry.provider == named)
    ]
    if strangers:
        raise _unknown_route(model, strangers, live)
    raise _not_served(model, served) if named is None else _not_by(model, named, live)


def _unknown_route(model: str, strangers: Sequence[str], live: Sequence[Served]) -> NoRoute:
    return NoRoute(
        f"For embeddings {model!r} is served by {', '.join(strangers)}, whose route is not known here. "
        "Nothing was sent.",
        hint=f"Routes are known of {', '.join(sorted(EMBED_ROUTES))}{_of_these(live)}. Reach another provider by "
        'its own `base_url` with embedding_api="openai".',
    )


def _not_served(model: str, served: Sequence[Served]) -> ModelNotServed:
    listed = sorted(f"{entry.provider} ({entry.status}, {entry.task})" for entry in served)
    return ModelNotServed(
        f"No provider serves {model!r} for embeddings"
        + (f"; listed are {', '.join(listed)}." if listed else "."),
        hint="Choose a model that one does (https://huggingface.co/models?inference_provider=all&"
        "pipeline_tag=feature-extraction), a server of your own with `base_url`, or a local model.",
        reactions=(),
    )


def _not_by(model: str, named: str, live: Sequence[Served]) -> ModelNotServed:
    who = f"live are {', '.join(entry.provider for entry in live)}" if live else "nobody else does either"
    return ModelNotServed(
        f"The provider {named!r} does not serve {model!r} for embeddings; {who}.",
        hint=f"Take {model}:{live[0].provider}, or leave the provider out." if live else "",
    )


def _of_these(live: Sequence[Served]) -> str:
    return f"; of these, live are {', '.join(entry.provider for entry in live)}" if live else ""


class Mappings:
    """Mappings that were fetched, safe from threads: like the catalogue's memory, five minutes each.

    Keys are the Hub's address, the model's id, and a digest of the token: the order of providers is the
    account's own, and a token must not be kept here.
    """

    def __init__(self, ttl: float = 300.0, most: int = 1024) -> None:
        self._ttl = ttl
        self._most = most
        self._entries: dict[tuple[str, str, str], tuple[float, str, tuple[Served, ...]]] = {}
        self._lock = threading.Lock()

    def fresh(self, hub: str, model: str, account: str, now: float) -> tuple[str, tuple[Served, ...]] | None:
        """(present id, providers) when they are young enough; None means: fetch."""
        with self._lock:
            entry = self._entries.get((hub, model, account))
        if entry is None or not 0 <= now - entry[0] < self._ttl:
            return None
        return entry[1:]

    def remember(
        self, hub: str, model: str, account: str, found: tuple[str, tuple[Served, ...]], now: float
    ) -> None:
        """Stores what was fetched at `now`."""
        with self._lock:
            self._entries.pop((hub, model, account), None)
            self._entries[hub, model, account] = (now, *found)
            if len(self._entries) > self._most:
                del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._entries.clear()


MAPPINGS = Mappings()
"""The process's own."""
