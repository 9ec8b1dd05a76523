"""`offline/json`: answers with an instance of the schema asked for, filled from the conversation.

The schema is the one of `response_format`; for a bare `json_object`, and without `response_format`, a schema
or key names that the prompt shows.
"""

from __future__ import annotations

import json
import re
from typing import Any

from shared_core.testing.call import Answer, ChatCall
from shared_core.testing.sse import to_json

from .schema import fill

_KEYS = re.compile(r"(['\"`])([A-Za-z_]\w*)\1")


def instance(call: ChatCall) -> Answer:
    """An instance of the schema asked for; `{"text": ...}` where none can be found."""
    schema = call.schema or schema_in_prompt(call) or _named_keys(call.question.text)
    return Answer(to_json(fill(schema, without_schema(source_text(call))), spaces=True))


def source_text(call: ChatCall) -> str:
    """What is filled in: the user's last message and the tool results after it."""
    results = [message.text for message in call.since_question if message.role == "tool"]
    return "\n".join([call.question.text, *results])


def schema_in_prompt(call: ChatCall) -> dict[str, Any] | None:
    """A JSON schema that is written out in the user's message or in a system message."""
    for message in (call.question, *(m for m in call.messages if m.role in ("system", "developer"))):
        for _, _, value in _json_objects(message.text):
            if isinstance(value.get("properties"), dict):
                return value
    return None


def without_schema(text: str) -> str:
    """The text without the schemas written in it, whose words and numbers are not what was said."""
    for start, end, value in reversed(_json_objects(text)):
        if "properties" in value:
            text = text[:start] + text[end:]
    return (
        re.sub(r"(?im)^.*\b(?:json schema|valid json|do not repeat the schema)\b.*$", "", text).strip()
        or text
    )


def _json_objects(text: str) -> list[tuple[int, int, dict[str, Any]]]:
    decoder, found, place = json.JSONDecoder(), [], text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except ValueError:
            value, end = _doubled(text, place) if text.startswith('{{"', place) else (None, place + 1)
        if isinstance(value, dict):
            found.append((place, end, value))
        place = text.find("{", end)
    return found


def _doubled(text: str, place: int) -> tuple[Any, int]:
    """An object with its braces doubled, as LlamaIndex's output parser leaves them in its prompts."""
    shown = text[place:].replace("{{", "{").replace("}}", "}")
    try:
        value, length = json.JSONDecoder().raw_decode(shown)
    except ValueError:
        return None, place + 1
    return value, place + length + shown.count("{", 0, length) + shown.count("}", 0, length)


def _named_keys(text: str) -> dict[str, Any]:
    """A schema of the quoted words, as in: return JSON with 'setup' and 'punchline' keys."""
    keys = list(dict.fromkeys(match[2] for match in _KEYS.finditer(text))) if "json" in text.lower() else []
    properties = {key: {"type": "string", "default": text} for key in keys or ["text"]}
    return {"type": "object", "properties": properties, "required": list(properties)}
