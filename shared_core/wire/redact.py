"""Tokens out of texts, before anybody reads them."""

from __future__ import annotations

import re

from shared_core.errors import RouterError, StreamInterrupted

__all__ = ["redact", "redact_error"]

_TOKEN = re.compile(r"\b(hf_|sk-|api_org_)[A-Za-z0-9_-]{8,}|(?<=[Bb]earer )[^\s\"',}]+")

_SHORTEST_SECRET = 6
"""A local server's "x" or "none" is no secret, and cutting it out would spoil every message."""


def redact(text: str, secret: str = "") -> str:
    """The text with everything that looks like a token, and the given one, replaced.

    Args:
        text: A provider's message, which may quote the key it was sent.
        secret: The token of this call, for keys that look like nothing known.
    """
    if len(secret) >= _SHORTEST_SECRET:
        text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)


def redact_error(error: RouterError, secret: str = "") -> None:
    """Cuts tokens out of everything that an error, and the one that caused it, say.

    A provider may quote the key it was sent anywhere: in its message, its code, a header that became a hint.
    """
    error.message = redact(error.message, secret)
    error.hint = redact(error.hint, secret)
    error.code = redact(error.code, secret) if error.code else error.code
    error.request_id = redact(error.request_id, secret) if error.request_id else error.request_id
    error.args = (error.message,)
    if isinstance(error, StreamInterrupted) and error.cause is not None:
        redact_error(error.cause, secret)
