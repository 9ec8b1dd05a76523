"""Whether a model is there to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from shared_core.catalog import parse_catalog
from shared_core.types import ModelRef

__all__ = ["ModelStatus", "status_from"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What the service says about a model.

    Args:
        model: The id that was asked about.
        state: "live" when a provider serves it, "error" when those that should are failing, "not served"
            when the service does not know it, "unknown" when it says nothing either way.
        providers: State by provider; empty for a server that is its own provider.
    """

    model: str
    state: Literal["live", "error", "not served", "unknown"]
    providers: tuple[tuple[str, str | None], ...] = ()


def status_from(name: str, ref: ModelRef, payload: Any) -> ModelStatus:
    """The status in a reply of `/v1/models/{id}`."""
    try:
        info = parse_catalog(payload, source="", fetched_at=None).get(ref.repo)
    except ValueError:
        info = None
    if info is None:
        return ModelStatus(name, "unknown")
    providers = tuple((offer.provider, offer.status) for offer in info.offers)
    asked = [status for provider, status in providers if ref.provider in (None, provider)]
    if not providers:
        # vLLM, TGI and the like list what they serve, without a status.
        return ModelStatus(name, "live")
    if not asked:
        return ModelStatus(name, "not served", providers)
    return ModelStatus(name, "live" if "live" in asked else "error", providers)
