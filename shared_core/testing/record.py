"""What the server received and how each exchange ended: the evidence that tests look at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .bill import Charge

_IN_PATH = re.compile(
    r"/hf-inference/models/(.+?)(?:/pipeline/.*)?"
    r"|/replicate/v1/models/(.+)/predictions"
    r"|/(?:fal-ai|wavespeed/api/v3|novita/v3/hf)/(.+)"
)


@dataclass(slots=True)
class Received:
    """One request as it came off the wire, filled further while it is answered.

    Attributes:
        method: `GET`, `POST` or `PUT`.
        path: The path without the query, such as `/v1/chat/completions`.
        headers: Names in lower case; of a repeated header the last value.
        raw: The body's bytes.
        json: The body decoded, None when there is none or it is not JSON.
        connection: Number of the TCP connection, counted from 1 as they were accepted.
        media: `(media type, bytes)` of every image, audio, video or document part that was sent inline.
        urls: Addresses of media that were sent by reference; the server never fetches them.
        status: Status of the reply, 0 while there is none or when the connection was broken before it.
        outcome: `open`, `complete`, `client left` (it closed first) or `broken` (a scripted fault broke the
            connection).
        faults: The scripted faults that were applied.
        query: What follows the `?` of the address, undecoded.
        charge: What the answer costs if it goes out, None for nothing; see `bill`.
        origin: `router`, or `files` for the second origin, which result files lie on.
    """

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    json: Any
    connection: int
    media: list[tuple[str, bytes]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    status: int = 0
    outcome: str = "open"
    faults: tuple[object, ...] = ()
    query: str = ""
    origin: str = "router"
    charge: Charge | None = field(default=None, repr=False)

    @property
    def model_first(self) -> bool:
        """Whether `model` is the body's first key, where the real router looks for it."""
        return isinstance(self.json, dict) and next(iter(self.json), None) == "model"

    @property
    def model(self) -> str | None:
        """The model asked for, with its suffix, or the one that the path names, or None."""
        named = _IN_PATH.fullmatch(self.path)
        if named is not None:
            return unquote(next(filter(None, named.groups())))
        value = self.json.get("model") if isinstance(self.json, dict) else None
        return value if isinstance(value, str) else None
