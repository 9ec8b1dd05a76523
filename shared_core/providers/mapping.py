"""Which providers serve a model, in the Hub's words, and which of them to take.

Lives here: reading the mapping, choosing, and the memory of mappings that the process has fetched.
Not here: fetching. The clock is an argument: unix seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_core._locks import new_lock
from shared_core.errors import ModelNotServed, NoRoute
from shared_core.providers.routes import EMBED_ROUTES

__all__ = ["EMBEDDINGS", "MAPPINGS", "Mappings", "Need", "Served", "choose", "parse_mapping"]


@dataclass(frozen=True, slots=True)
class Need:
    """What a provider is chosen for.

    Args:
        called: What errors call it.
        tasks: The Hub's names for it in a mapping.
        providers: Those whose route is known.
        adapters: Whether LoRA weights on a model will do.
        instead: What else there is to do, as the end of a hint.
    """

    called: str
    tasks: frozenset[str]
    providers: Collection[str]
    adapters: bool = False
    instead: str = ""

    def fits(self, served: Served) -> bool:
        """Whether the provider serves the model for this."""
        return served.task in self.tasks and (self.adapters or not served.adapter_path)


EMBEDDINGS = Need(
    "embeddings",
    # Both name models that embed: hf-inference serves either by its feature-extraction route (huggingface_hub
    # 2.4.0, `_check_supported_task`).
    frozenset({"feature-extraction", "sentence-similarity"}),
    EMBED_ROUTES,
    instead='Reach another provider by its own `base_url` with embedding_api="openai".',
)


@dataclass(frozen=True, slots=True)
class Served:
    """One provider's word on one model.

    Args:
        provider: Its name.
        provider_id: Its own name for the model.
        status: "live", "staging", "error", or what the Hub invents next.
        task: The task it serves the model for.
        adapter_path: File of the LoRA weights in the model's repository, where it is served as such on another
            model; "" otherwise.
    """

    provider: str
    provider_id: str
    status: str
    task: str
    adapter_path: str = ""

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
            by provider or, newer, a list; entries that are no such thing are passed over.

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
        Served(
            provider,
            pid,
            str(entry.get("status", "")),
            str(entry.get("task", "")),
            str(entry.get("adapterWeightsPath") or ""),
        )
        for entry in entries
        if isinstance(entry, Mapping)
        and isinstance(provider := entry.get("provider"), str)
        and isinstance(pid := entry.get("providerId"), str)
    )
    return name if isinstance(name, str) else "", served


def choose(model: str, served: Sequence[Served], named: str | None, need: Need = EMBEDDINGS) -> Served:
    """The provider to ask.

    Args:
        model: The model's id, for errors.
        served: From `parse_mapping`.
        named: The provider that the user named. None takes the first live one, in the user's order, whose route
            is known: there are no figures of speed or price but for chat, so that `:fastest` and `:cheapest`
            choose like this too.
        need: What for.

    Raises:
        ModelNotServed: Nobody serves the model for this, or not the one that was named.
        NoRoute: Somebody does, whose route is unknown here.
    """
    able = [entry for entry in served if need.fits(entry)]
    known = [entry for entry in able if entry.provider in need.providers]
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
        raise _unknown_route(model, strangers, live, need)
    raise _not_served(model, served, need) if named is None else _not_by(model, named, live, need)


def _unknown_route(model: str, strangers: Sequence[str], live: Sequence[Served], need: Need) -> NoRoute:
    return NoRoute(
        f"For {need.called} {model!r} is served by {', '.join(strangers)}, whose route is not known here. "
        "Nothing was sent.",
        hint=f"Routes are known of {', '.join(sorted(need.providers))}{_of_these(live)}. {need.instead}".rstrip(),
    )


def _not_served(model: str, served: Sequence[Served], need: Need) -> ModelNotServed:
    listed = sorted(f"{entry.provider} ({entry.status}, {entry.task})" for entry in served)
    own = ", a server of your own with `base_url`, or a local model" if need is EMBEDDINGS else ""
    return ModelNotServed(
        f"No provider serves {model!r} for {need.called}"
        + (f"; listed are {', '.join(listed)}." if listed else "."),
        hint="Choose a model that one does (https://huggingface.co/models?inference_provider=all&"
        f"pipeline_tag={min(need.tasks)}){own}.",
    )


def _not_by(model: str, named: str, live: Sequence[Served], need: Need) -> ModelNotServed:
    who = f"live are {', '.join(entry.provider for entry in live)}" if live else "nobody else does either"
    return ModelNotServed(
        f"The provider {named!r} does not serve {model!r} for {need.called}; {who}.",
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
        self._lock = new_lock()

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
