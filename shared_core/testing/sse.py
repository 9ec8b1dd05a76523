"""Writing server-sent events, correctly by default and in the wrong ways that providers were seen to."""

from __future__ import annotations

import json
from typing import Any


def to_json(value: object, *, spaces: bool = False) -> str:
    """JSON as the wire carries it: compact, or with spaces as some providers send it."""
    return json.dumps(value, ensure_ascii=False, separators=None if spaces else (",", ":"))


def event(
    data: str, *, name: str = "", space: bool = True, line_end: str = "\n", multi_line: bool = False
) -> bytes:
    """One event.

    Args:
        data: What the event carries; one line unless `multi_line`.
        name: The event's name, `""` for none.
        space: Whether a space follows `data:`.
        line_end: How lines end.
        multi_line: Spread the JSON over several `data:` lines, which the standard joins with line feeds
            again.
    """
    gap = " " if space else ""
    lines = [f"event:{gap}{name}"] if name else []
    payload = (
        json.dumps(json.loads(data), ensure_ascii=False, indent=1) if multi_line and data[:1] == "{" else data
    )
    lines += [f"data:{gap}{line}" for line in payload.split("\n")]
    return (line_end.join(lines) + 2 * line_end).encode()


def comment(text: str, *, line_end: str = "\n") -> bytes:
    """A comment, which readers must ignore."""
    return f": {text}{2 * line_end}".encode()


def error_event(form: str, message: str, **style: Any) -> bytes:
    """An error inside a stream, in one of the forms that were seen.

    Args:
        form: `openai` (an object), `text` (a string), `tgi` (a string and an `error_type`), or `event`, an
            event named `error` that carries an object.
        message: What went wrong.
        **style: Passed on to `event`.
    """
    detailed = {
        "error": {"message": message, "type": "server_error", "param": None, "code": "provider_error"}
    }
    bodies: dict[str, object] = {
        "openai": detailed,
        "text": {"error": message},
        "tgi": {"error": message, "error_type": "generation"},
        "event": detailed,
    }
    return event(to_json(bodies[form]), name="error" if form == "event" else "", **style)
