"""Token counts, in every place and spelling that providers use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shared_core.types import Usage

__all__ = ["parse_usage"]


def parse_usage(chunk: Mapping[str, Any]) -> Usage | None:
    """The usage of a reply or chunk; None when it has none.

    Args:
        chunk: The JSON object. Groq hides usage in `x_groq` in streams; together puts `cached_tokens`
            beside the counts instead of into `prompt_tokens_details`.
    """
    raw = chunk.get("usage")
    if not isinstance(raw, Mapping) or not raw:
        hidden = chunk.get("x_groq")
        raw = hidden.get("usage") if isinstance(hidden, Mapping) else None
        if not isinstance(raw, Mapping) or not raw:
            return None
    prompt = _count(raw.get("prompt_tokens")) or 0
    completion = _count(raw.get("completion_tokens")) or 0
    total = _count(raw.get("total_tokens"))
    cached = _detail(raw, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(raw, "completion_tokens_details", "reasoning_tokens")
    return Usage(prompt, completion, prompt + completion if total is None else total, cached, reasoning, raw)


def _detail(raw: Mapping[str, Any], group: str, name: str) -> int | None:
    details = raw.get(group)
    value = details.get(name) if isinstance(details, Mapping) else None
    return _count(raw.get(name) if value is None else value)


def _count(value: object) -> int | None:
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return value if type(value) is int else None
