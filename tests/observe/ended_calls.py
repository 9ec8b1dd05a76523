"""Calls that have ended, made by hand."""

from __future__ import annotations

from typing import Any

from shared_core.observe.events import CallEnded
from shared_core.types import ChatRequest, Cost, Usage

__all__ = ["ended"]


def ended(**told: Any) -> CallEnded:
    """A call that has ended, at noon of a day, unless told otherwise."""
    usual: dict[str, Any] = {
        "id": "0" * 16,
        "at": 1_795_780_800.0,
        "task": "chat",
        "model": "a/b:groq",
        "provider": "groq",
        "url": "https://host/v1",
        "streamed": False,
        "usage_tags": {},
        "outcome": "answered",
        "error": "",
        "seconds": 0.5,
        "first_token_s": None,
        "attempts": 1,
        "moves": 0,
        "usage": Usage(10, 2, 12),
        "cost": Cost(),
        "cached": False,
        "request_id": None,
        "request": ChatRequest([], "a/b:groq"),
        "reply": None,
        "failure": None,
    }
    return CallEnded(**{**usual, **told})
