"""The offline router: Hugging Face's inference router, imitated on loopback for tests and demos.

Lives here: a server with the router's wire behaviour, honest stand-in models for chat, vectors, media and
classic tasks, a second origin for result files, and a script of faults.
Not here: anything of our client. This room imports nothing of `shared_core` but its version: the server
reads the wire request alone, so that it cannot agree with our client by construction.

    from shared_core.testing import offline_router

    with offline_router() as url:
        client = openai.OpenAI(base_url=url, api_key="any")
        client.chat.completions.create(model="offline/echo", messages=[{"role": "user", "content": "hi"}])

From a shell: `python -m shared_core.testing --port 8899`. Starlette and uvicorn are imported when a server
starts, not before: importing this package is cheap.
"""

from __future__ import annotations

from .bill import Bill, BillEntry
from .embedding.quirks import EmbedQuirks
from .faults import (
    BadGzip,
    Cut,
    Endless,
    ExtraHeaders,
    Fault,
    Junk,
    Loading,
    Pieces,
    Raw,
    RawHTTP,
    SlowChunks,
    SlowHead,
    Stall,
    Status,
    StreamError,
)
from .hub_quirks import HubLimited, HubQuirks
from .quirks import PROVIDER_QUIRKS, Quirks
from .record import Received
from .server import OfflineRouter, offline_router
from .tasks.jobs import Job
from .tasks.quirks import MediaQuirks

__all__ = [
    "PROVIDER_QUIRKS",
    "BadGzip",
    "Bill",
    "BillEntry",
    "Cut",
    "EmbedQuirks",
    "Endless",
    "ExtraHeaders",
    "Fault",
    "HubLimited",
    "HubQuirks",
    "Job",
    "Junk",
    "Loading",
    "MediaQuirks",
    "OfflineRouter",
    "Pieces",
    "Quirks",
    "Raw",
    "RawHTTP",
    "Received",
    "SlowChunks",
    "SlowHead",
    "Stall",
    "Status",
    "StreamError",
    "offline_router",
]
