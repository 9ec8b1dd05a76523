"""The product minus frameworks: one client for every Hugging Face inference provider.

>>> from shared_core import HFRouter
>>> router = HFRouter(model="openai/gpt-oss-120b:cheapest")
>>> router.chat([{"role": "user", "content": "Hello!"}]).text  # doctest: +SKIP

Importing this package loads nothing heavy: each name is fetched from its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from shared_core._version import __version__

if TYPE_CHECKING:
    from shared_core.catalog import Catalog, ModelFacts, ModelInfo
    from shared_core.client import AsyncChatStream, AsyncHFRouter, ChatStream, HFRouter, ModelStatus
    from shared_core.errors import (
        AllRoutesFailed,
        BadRequest,
        BudgetExceeded,
        ConfigError,
        ConnectionLost,
        InputTooLong,
        JobFailed,
        MalformedResponse,
        ModelLoading,
        ModelNotServed,
        NoRoute,
        Overloaded,
        PaymentRequired,
        PermissionDenied,
        ProviderFailed,
        RateLimited,
        Refused,
        RouterError,
        StreamInterrupted,
        TimedOut,
        Unauthorized,
    )
    from shared_core.types import (
        ChatDelta,
        ChatOptions,
        ChatParams,
        ChatReply,
        Choice,
        ModelRef,
        ReplyMeta,
        Timeouts,
        ToolCall,
        ToolCallDelta,
        Usage,
    )

_ROOMS = {
    "catalog": ("Catalog", "ModelFacts", "ModelInfo"),
    "client": ("AsyncChatStream", "AsyncHFRouter", "ChatStream", "HFRouter", "ModelStatus"),
    "errors": (
        "AllRoutesFailed",
        "BadRequest",
        "BudgetExceeded",
        "ConfigError",
        "ConnectionLost",
        "InputTooLong",
        "JobFailed",
        "MalformedResponse",
        "ModelLoading",
        "ModelNotServed",
        "NoRoute",
        "Overloaded",
        "PaymentRequired",
        "PermissionDenied",
        "ProviderFailed",
        "RateLimited",
        "Refused",
        "RouterError",
        "StreamInterrupted",
        "TimedOut",
        "Unauthorized",
    ),
    "types": (
        "ChatDelta",
        "ChatOptions",
        "ChatParams",
        "ChatReply",
        "Choice",
        "ModelRef",
        "ReplyMeta",
        "Timeouts",
        "ToolCall",
        "ToolCallDelta",
        "Usage",
    ),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "AllRoutesFailed",
    "AsyncChatStream",
    "AsyncHFRouter",
    "BadRequest",
    "BudgetExceeded",
    "Catalog",
    "ChatDelta",
    "ChatOptions",
    "ChatParams",
    "ChatReply",
    "ChatStream",
    "Choice",
    "ConfigError",
    "ConnectionLost",
    "HFRouter",
    "InputTooLong",
    "JobFailed",
    "MalformedResponse",
    "ModelFacts",
    "ModelInfo",
    "ModelLoading",
    "ModelNotServed",
    "ModelRef",
    "ModelStatus",
    "NoRoute",
    "Overloaded",
    "PaymentRequired",
    "PermissionDenied",
    "ProviderFailed",
    "RateLimited",
    "Refused",
    "ReplyMeta",
    "RouterError",
    "StreamInterrupted",
    "TimedOut",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "Unauthorized",
    "Usage",
    "__version__",
]


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'shared_core' has no attribute {name!r}")
    value: object = getattr(import_module(f"shared_core.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF})
