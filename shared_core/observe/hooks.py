"""Telling hooks what happens; a hook that fails harms no call."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared_core.observe.events import Event, Hook

__all__ = ["tell"]

_logger = logging.getLogger("hfrouter")


def tell(hooks: Iterable[Hook], event: Event) -> None:
    """Hands the event to each hook."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            _logger.exception("A hook failed at %s", type(event).__name__)
