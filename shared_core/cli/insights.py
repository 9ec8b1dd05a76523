"""What a search for models shows besides its results: as lines for people, and as JSON for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from shared_core.hub import SearchResult

__all__ = ["found_as_dict", "insights"]

_NARROWING = {"capability": "can"}


def insights(found: SearchResult) -> Iterator[tuple[str, str]]:
    """What else there is to know of a search: how many of which task, what is asked for, what would narrow it."""
    seen = found.insights
    if len(seen.tasks) > 1:
        yield "tasks", ", ".join(f"{task} ({count})" for task, count in seen.tasks)
    if seen.trending:
        yield "trending", ", ".join(seen.trending)
    narrower = [
        f"--{_NARROWING.get(name, name)} {shlex.quote(value)} ({how_many} of {found.looked_through})"
        for name, value, how_many in seen.narrowing[:5]
    ]
    if narrower:
        yield "narrower", ", ".join(narrower)
    if seen.related:
        yield "related", ", ".join(seen.related)


def found_as_dict(found: SearchResult) -> dict[str, Any]:
    """All of a search as plain JSON values."""
    seen = found.insights
    return {
        "models": [model.as_dict() for model in found.models],
        "notes": list(found.notes),
        "looked_through": found.looked_through,
        "insights": {
            "tasks": dict(seen.tasks),
            "trending": list(seen.trending),
            "narrowing": [
                {"filter": name, "value": value, "models": how_many}
                for name, value, how_many in seen.narrowing
            ],
            "related": list(seen.related),
        },
    }
