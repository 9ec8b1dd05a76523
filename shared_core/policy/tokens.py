"""How many tokens a call will use, by guess, and how many it did, by its usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared_core.types import ChatRequest, EmbedRequest, Request, RerankRequest, TaskRequest

__all__ = ["tokens_before", "tokens_used"]

_BYTES_A_TOKEN = (
    4  # of English and of code; of other languages not far off, since their letters take more bytes
)
_A_MESSAGE = 4  # its role, and what stands around it
_AN_ANSWER = 256  # where `max_tokens` does not say
_A_MEDIUM = 1000  # a picture in a message; providers count between 85 and 2,000


def tokens_before(request: Request) -> int:
    """A guess, for limits: four bytes a token, and `max_tokens` for the answer. What is made of media counts none.

    Example:
        >>> tokens_before(EmbedRequest(["x" * 40], "org/name"))
        10
    """
    if isinstance(request, ChatRequest):
        params = request.params
        longest = params.get("max_completion_tokens") or params.get("max_tokens") or _AN_ANSWER
        return sum(map(_of_message, request.messages)) + longest * (params.get("n") or 1)
    if isinstance(request, EmbedRequest):
        return _of_texts(request.texts)
    if isinstance(request, RerankRequest):
        return _of_texts(request.texts) + len(request.texts) * _of_texts([request.query])
    if isinstance(request, TaskRequest) and request.task == "text-generation":
        return _of_texts([str(request.inputs)]) + (request.parameters.get("max_new_tokens") or _AN_ANSWER)
    return 0


def tokens_used(result: Any) -> int | None:
    """What the provider counted, read and written; None where it did not say."""
    reply = result if hasattr(result, "usage") or not isinstance(result, tuple) else result[0]
    usage = getattr(reply, "usage", None)
    return None if usage is None else usage.total_tokens


def _of_message(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    if isinstance(content, str):
        return _A_MESSAGE + len(content.encode("utf-8", "replace")) // _BYTES_A_TOKEN
    tokens = _A_MESSAGE + sum(_of_texts([str(each)]) for each in message.get("tool_calls") or ())
    for part in content or ():
        text = part.get("text") if isinstance(part, Mapping) else None
        tokens += _of_texts([text]) if isinstance(text, str) else _A_MEDIUM
    return tokens


def _of_texts(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN for text in texts)
