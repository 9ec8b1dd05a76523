"""A request and the head of its reply, free of any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared_core.types.secret import ApiKey

__all__ = ["HttpRequest"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent, except the token: the transport adds it as the bytes leave.

    Its repr leaves out headers and body: a traceback that shows locals must not show a gateway's key.

    Args:
        method: "GET", "POST", "PUT" or "DELETE".
        url: Absolute address.
        headers: Names in lower case; never an authorization header.
        body: JSON text in UTF-8, or what else a task is sent as; empty for GET.
        key: The token to send as `Authorization: Bearer`.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    key: ApiKey = field(default_factory=lambda: ApiKey(""))
