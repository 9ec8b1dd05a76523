"""The product minus frameworks: one client for every Hugging Face inference provider.

>>> from shared_core import HFRouter
>>> router = HFRouter(model="openai/gpt-oss-120b:cheapest")
>>> router.chat([{"role": "user", "content": "Hello!"}]).text  # doctest: +SKIP

Importing this package loads nothing heavy: each name is fetched from its room when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily
from shared_core._version import __version__

if TYPE_CHECKING:
    from shared_core.cache import ChatCache
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
    from shared_core.media import MediaFile, MediaReply, TranscriptReply
    from shared_core.observe import OpenTelemetry
    from shared_core.types import (
        ChatDelta,
        ChatOptions,
        ChatParams,
        ChatReply,
        Choice,
        Cost,
        CostEstimate,
        EmbedOptions,
        EmbedReply,
        Job,
        JobReport,
        ModelRef,
        ReplyMeta,
        RerankOptions,
        RerankReply,
        Target,
        Timeouts,
        ToolCall,
        ToolCallDelta,
        Usage,
    )

_ROOMS = {
    "cache": ("ChatCache",),
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
    "media": ("MediaFile", "MediaReply", "TranscriptReply"),
    "observe": ("OpenTelemetry",),
    "types": (
        "ChatDelta",
        "ChatOptions",
        "ChatParams",
        "ChatReply",
        "Choice",
        "Cost",
        "CostEstimate",
        "EmbedOptions",
        "EmbedReply",
        "Job",
        "JobReport",
        "ModelRef",
        "ReplyMeta",
        "RerankOptions",
        "RerankReply",
        "Target",
        "Timeouts",
        "ToolCall",
        "ToolCallDelta",
        "Usage",
    ),
}
__getattr__, __dir__ = lazily(__name__, _ROOMS)

__all__ = [
    "AllRoutesFailed",
    "AsyncChatStream",
    "AsyncHFRouter",
    "BadRequest",
    "BudgetExceeded",
    "Catalog",
    "ChatCache",
    "ChatDelta",
    "ChatOptions",
    "ChatParams",
    "ChatReply",
    "ChatStream",
    "Choice",
    "ConfigError",
    "ConnectionLost",
    "Cost",
    "CostEstimate",
    "EmbedOptions",
    "EmbedReply",
    "HFRouter",
    "InputTooLong",
    "Job",
    "JobFailed",
    "JobReport",
    "MalformedResponse",
    "MediaFile",
    "MediaReply",
    "ModelFacts",
    "ModelInfo",
    "ModelLoading",
    "ModelNotServed",
    "ModelRef",
    "ModelStatus",
    "NoRoute",
    "OpenTelemetry",
    "Overloaded",
    "PaymentRequired",
    "PermissionDenied",
    "ProviderFailed",
    "RateLimited",
    "Refused",
    "ReplyMeta",
    "RerankOptions",
    "RerankReply",
    "RouterError",
    "StreamInterrupted",
    "Target",
    "TimedOut",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "TranscriptReply",
    "Unauthorized",
    "Usage",
    "__version__",
]
