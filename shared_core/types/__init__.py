"""Values that travel between the rooms: frozen, free of frameworks, HTTP libraries and I/O."""

from shared_core.types.call import Call, LookupRequest, Progress, Target
from shared_core.types.chat import (
    CHAT_PARAMS,
    ChatDelta,
    ChatOptions,
    ChatParams,
    ChatReply,
    ChatRequest,
    Choice,
    Message,
    ReplyMeta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from shared_core.types.http import HttpRequest
from shared_core.types.models import POLICIES, ModelRef
from shared_core.types.secret import ApiKey
from shared_core.types.waits import Timeouts, Waits

__all__ = [
    "CHAT_PARAMS",
    "POLICIES",
    "ApiKey",
    "Call",
    "ChatDelta",
    "ChatOptions",
    "ChatParams",
    "ChatReply",
    "ChatRequest",
    "Choice",
    "HttpRequest",
    "LookupRequest",
    "Message",
    "ModelRef",
    "Progress",
    "ReplyMeta",
    "Target",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "Waits",
]
