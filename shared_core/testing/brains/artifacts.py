"""Ids of pictures, sounds and films, which tools hand from one to the next: `img_1a2b3c`.

A step that works on a picture which another step is about to make waits for it, and takes its id from the
result.
"""

from __future__ import annotations

import re
from typing import Any

from shared_core.testing.call import ChatCall, Tool

from .words import telling

_ID = re.compile(r"\b(?:[a-z]{2,10}_(?=[a-z]*\d)[0-9a-z]{4,40}|(?:img|vid|aud|snd)_[0-9a-f]{6,40})\b")
_KEY = re.compile(
    r"(?:(?:input|source|init|base)_)?(image|picture|photo|video|film|clip|audio|sound|speech|artifact|media)s?"
    r"(?:_?(?:id|ref|handle))?"
)
_KINDS = {
    "img": ("image", "picture", "photo"),
    "pic": ("image", "picture", "photo"),
    "image": ("image", "picture", "photo"),
    "vid": ("video", "film", "clip"),
    "video": ("video", "film", "clip"),
    "aud": ("audio", "sound", "speech"),
    "audio": ("audio", "sound", "speech"),
    "snd": ("audio", "sound", "speech"),
}
_MADE = telling("image picture photo video film clip audio sound speech artifact")


def ids(text: str) -> list[str]:
    """The ids in a text, in order."""
    return _ID.findall(text)


def wanted(tool: Tool) -> dict[str, str]:
    """The parameters of a tool that take an id, and what kind of thing each is an id of."""
    found = {}
    for key, schema in tool.parameters.get("properties", {}).items():
        match = _KEY.fullmatch(key.lower())
        if match is not None and isinstance(schema, dict) and "number" not in str(schema.get("type")):
            found[key] = match[1]
    return found


def makes_one(tool: Tool) -> bool:
    """Whether a tool's words speak of something that would have an id."""
    return bool(_MADE & telling(f"{tool.name} {tool.description}"))


def known(call: ChatCall) -> list[str]:
    """The ids of the conversation, the latest last."""
    return list(dict.fromkeys(item for message in call.messages for item in ids(message.text)))


def filled(tool: Tool, arguments: dict[str, Any], text: str, known_ids: list[str]) -> dict[str, Any]:
    """The arguments with ids where ids belong: one that the text names, else the latest of the right kind."""
    for key, kind in wanted(tool).items():
        choices = ids(text) or known_ids
        fitting = [item for item in choices if kind in _KINDS.get(item.partition("_")[0], (kind,))]
        if choices:
            chosen = (fitting or choices)[-1]
            listed = tool.parameters["properties"][key].get("type") == "array"
            arguments[key] = [chosen] if listed else chosen
    return arguments
