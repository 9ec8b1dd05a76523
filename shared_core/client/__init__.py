"""The clients: settings, the pipeline, and one line a method."""

from shared_core.client.router import AsyncHFRouter, HFRouter
from shared_core.client.status import ModelStatus
from shared_core.client.streams import AsyncChatStream, AsyncTextStream, ChatStream, TextStream

__all__ = [
    "AsyncChatStream",
    "AsyncHFRouter",
    "AsyncTextStream",
    "ChatStream",
    "HFRouter",
    "ModelStatus",
    "TextStream",
]
