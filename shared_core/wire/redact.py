"""Tokens out of texts, before anybody reads them."""

from __future__ import annotations

import re

__all__ = ["redact"]

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
