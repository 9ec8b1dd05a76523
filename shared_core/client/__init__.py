"""The clients: settings, the pipeline, and one line a method."""

from shared_core.client.router import AsyncHFRouter, HFRouter
from shared_core.client.status import ModelStatus
from shared_core.client.streams import AsyncChatStream, ChatStream

__all__ = ["AsyncChatStream", "AsyncHFRouter", "ChatStream", "HFRouter", "ModelStatus"]
