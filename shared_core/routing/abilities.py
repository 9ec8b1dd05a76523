"""What a request needs of a model, and which targets are known to lack it. Unknown counts as able."""

from __future__ import annotations

from shared_core.catalog import ModelFacts, lookup
from shared_core.types import Request, Target
from shared_core.types.chat import ChatRequest

__all__ = ["facts_of", "lacks", "needs_of", "window_of"]

_MEDIA = {"image_url": "image_input", "input_audio": "audio_input", "video_url": "video_input"}
"""Parts of messages, and the fact that says whether a model takes them."""

_WORDS = {
    "tools": "calls no tools",
    "structured_output": "keeps to no JSON schema",
    "image_input": "sees no images",
    "audio_input": "hears no sound",
    "video_input": "sees no video",
}


def needs_of(request: Request) -> frozenset[str]:
    """The abilities, by their names in `ModelFacts`, without which the request cannot be answered.

    Example:
        >>> sorted(needs_of(ChatRequest([], "org/name", {"tools": [{}]})))
        ['tools']
    """
    if not isinstance(request, ChatRequest):
        return frozenset()
    needs = set()
    params = request.params
    if params.get("tools") and params.get("tool_choice") != "none":
        needs.add("tools")
    wanted = params.get("response_format")
    if wanted and wanted.get("type") == "json_schema":
        needs.add("structured_output")
    for message in request.messages:
        content = message.get("content")
        if content and not isinstance(content, str):
            needs.update(_MEDIA[part["type"]] for part in content if part.get("type") in _MEDIA)
    return frozenset(needs)


def lacks(target: Target, needs: frozenset[str]) -> str:
    """Why the target cannot answer such a request, in words; "" where nothing speaks against it."""
    facts = facts_of(target) if needs else None
    if facts is None:
        return ""
    return " and ".join(_WORDS[need] for need in sorted(needs) if getattr(facts, need) is False)


def window_of(target: Target) -> int | None:
    """Tokens of prompt and answer together; None when unknown."""
    facts = facts_of(target)
    return None if facts is None else facts.context_window


def facts_of(target: Target) -> ModelFacts | None:
    """What the catalogue knows of the model, at this host if it was loaded from there."""
    return lookup(target.model, base_url=target.base_url) if target.model else None
