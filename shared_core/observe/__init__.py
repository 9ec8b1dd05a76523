"""What can be seen of the package at work: log, events that hooks are told of, usage ledger, spans and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.observe.events import CallEnded, CallStarted, Event, Hook, MovedOn, Retrying
    from shared_core.observe.ledger import Ledger
    from shared_core.observe.telemetry import OpenTelemetry

_MODULES = {
    "events": ("CallEnded", "CallStarted", "Event", "Hook", "MovedOn", "Retrying"),
    "ledger": ("Ledger",),
    "telemetry": ("OpenTelemetry",),
}
__getattr__, __dir__ = lazily(__name__, _MODULES)

__all__ = ["CallEnded", "CallStarted", "Event", "Hook", "Ledger", "MovedOn", "OpenTelemetry", "Retrying"]
