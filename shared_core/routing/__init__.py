"""Where a request goes: from what the user asked for to the target that serves it."""

from shared_core.routing.plan import (
    ENDPOINTS_URL,
    HUB_URL,
    ROUTER_URL,
    is_dedicated,
    is_hugging_face,
    is_loopback,
    is_private,
    is_public,
    wire_model,
)

__all__ = [
    "ENDPOINTS_URL",
    "HUB_URL",
    "ROUTER_URL",
    "is_dedicated",
    "is_hugging_face",
    "is_loopback",
    "is_private",
    "is_public",
    "wire_model",
]
