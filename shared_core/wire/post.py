"""A JSON POST: what the requests for vectors and scores have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.errors import InputTooLong
from shared_core.types import ApiKey, HttpRequest, Target
from shared_core.wire import json

__all__ = ["LARGEST_BODY", "post"]

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes. Servers refuse far less (TEI: 2 MB); this guards against an accident."""


def post(url: str, body: Mapping[str, Any], target: Target, key: ApiKey, user_agent: str) -> HttpRequest:
    """The request, its body without the Nones.

    Raises:
        BadRequest: Something cannot be written as JSON.
        InputTooLong: The body exceeds 64 MiB.
    """
    content = json.dump({name: value for name, value in body.items() if value is not None})
    if len(content) > LARGEST_BODY:
        raise InputTooLong(
            f"The request has {len(content) / 2**20:.0f} MiB, more than the {LARGEST_BODY // 2**20} MiB that are "
            "sent at most. Nothing was sent.",
            hint="Cut the text into passages.",
        )
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": user_agent,
        **target.headers,
    }
    if target.bill_to:
        headers["x-hf-bill-to"] = target.bill_to
    return HttpRequest("POST", url, headers, content, key)
