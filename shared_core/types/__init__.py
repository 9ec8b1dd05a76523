"""Values that travel between the rooms: frozen, free of frameworks, HTTP libraries and I/O.

Each module is loaded when one of its names is first used: making the classes costs adapters a tenth of
what importing them may cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.types.account import AccountUsage
    from shared_core.types.addresses import (
        ENDPOINT,
        check_endpoint,
        endpoint_address,
        endpoint_in,
        is_namespace,
        origin_of,
        with_endpoint,
    )
    from shared_core.types.answers import (
        Answer,
        Answers,
        Box,
        CompletionReply,
        Detection,
        Entity,
        Filling,
        Label,
        TableAnswer,
        TextReply,
    )
    from shared_core.types.budget import Budget, budget_from, nano_usd
    from shared_core.types.budget_state import BudgetState
    from shared_core.types.call import Call, Given, LookupRequest, Progress, Request, Turn
    from shared_core.types.chat import ChatReply, ChatRequest, Choice, Message, ReplyMeta
    from shared_core.types.cost import AT_HOME, EXACT, Basis, Cost, CostEstimate
    from shared_core.types.deltas import ChatDelta, ToolCall, ToolCallDelta, Usage
    from shared_core.types.embeddings import EmbedOptions, EmbedReply, EmbedRequest, Kind
    from shared_core.types.endpoints import EndpointHardware, InferenceEndpoint
    from shared_core.types.http import HttpRequest
    from shared_core.types.jobs import Job, JobReport, Output, Places, Remote
    from shared_core.types.late_signature import LateSignature
    from shared_core.types.limits import PERIODS, SCOPES, TAG, Concurrency, Limit, Period
    from shared_core.types.models import POLICIES, ModelRef
    from shared_core.types.params import CHAT_PARAMS, ChatOptions, ChatParams
    from shared_core.types.rerank import RerankOptions, RerankReply, RerankRequest
    from shared_core.types.safeguard_fields import Safeguarded
    from shared_core.types.safeguards import (
        SAFEGUARDS,
        SafeguardArguments,
        check_state_travels,
        plain_safeguard,
    )
    from shared_core.types.secret import ApiKey, KeyFunction
    from shared_core.types.target import (
        SECRET_HEADERS,
        Figures,
        Routing,
        Target,
        TargetSpec,
        other_model,
        plain_routing,
        plain_targets,
    )
    from shared_core.types.tasks import Blob, Link, MediaOptions, TaskOptions, TaskRequest
    from shared_core.types.waits import Timeouts, Waits

_MODULES = {
    "account": ("AccountUsage",),
    "addresses": (
        "ENDPOINT",
        "check_endpoint",
        "endpoint_address",
        "endpoint_in",
        "is_namespace",
        "origin_of",
        "with_endpoint",
    ),
    "answers": (
        "Answer",
        "Answers",
        "Box",
        "CompletionReply",
        "Detection",
        "Entity",
        "Filling",
        "Label",
        "TableAnswer",
        "TextReply",
    ),
    "budget": ("Budget", "budget_from", "nano_usd"),
    "budget_state": ("BudgetState",),
    "call": (
        "Call",
        "Given",
        "LookupRequest",
        "Progress",
        "Request",
        "Turn",
    ),
    "chat": ("ChatReply", "ChatRequest", "Choice", "Message", "ReplyMeta"),
    "cost": ("AT_HOME", "EXACT", "Basis", "Cost", "CostEstimate"),
    "deltas": ("ChatDelta", "ToolCall", "ToolCallDelta", "Usage"),
    "params": ("CHAT_PARAMS", "ChatOptions", "ChatParams"),
    "embeddings": ("EmbedOptions", "EmbedReply", "EmbedRequest", "Kind"),
    "endpoints": ("EndpointHardware", "InferenceEndpoint"),
    "http": ("HttpRequest",),
    "jobs": ("Job", "JobReport", "Output", "Places", "Remote"),
    "late_signature": ("LateSignature",),
    "limits": ("PERIODS", "SCOPES", "TAG", "Concurrency", "Limit", "Period"),
    "models": (
        "POLICIES",
        "ModelRef",
    ),
    "rerank": ("RerankOptions", "RerankReply", "RerankRequest"),
    "safeguard_fields": ("Safeguarded",),
    "safeguards": ("SAFEGUARDS", "SafeguardArguments", "check_state_travels", "plain_safeguard"),
    "secret": ("ApiKey", "KeyFunction"),
    "target": (
        "SECRET_HEADERS",
        "Figures",
        "Routing",
        "Target",
        "TargetSpec",
        "other_model",
        "plain_routing",
        "plain_targets",
    ),
    "tasks": ("Blob", "Link", "MediaOptions", "TaskOptions", "TaskRequest"),
    "waits": (
        "Timeouts",
        "Waits",
    ),
}

__getattr__, __dir__ = lazily(__name__, _MODULES)

__all__ = [
    "AT_HOME",
    "CHAT_PARAMS",
    "ENDPOINT",
    "EXACT",
    "PERIODS",
    "POLICIES",
    "SAFEGUARDS",
    "SCOPES",
    "SECRET_HEADERS",
    "TAG",
    "AccountUsage",
    "Answer",
    "Answers",
    "ApiKey",
    "Basis",
    "Blob",
    "Box",
    "Budget",
    "BudgetState",
    "Call",
    "ChatDelta",
    "ChatOptions",
    "ChatParams",
    "ChatReply",
    "ChatRequest",
    "Choice",
    "CompletionReply",
    "Concurrency",
    "Cost",
    "CostEstimate",
    "Detection",
    "EmbedOptions",
    "EmbedReply",
    "EmbedRequest",
    "EndpointHardware",
    "Entity",
    "Figures",
    "Filling",
    "Given",
    "HttpRequest",
    "InferenceEndpoint",
    "Job",
    "JobReport",
    "KeyFunction",
    "Kind",
    "Label",
    "LateSignature",
    "Limit",
    "Link",
    "LookupRequest",
    "MediaOptions",
    "Message",
    "ModelRef",
    "Output",
    "Period",
    "Places",
    "Progress",
    "Remote",
    "ReplyMeta",
    "Request",
    "RerankOptions",
    "RerankReply",
    "RerankRequest",
    "Routing",
    "SafeguardArguments",
    "Safeguarded",
    "TableAnswer",
    "Target",
    "TargetSpec",
    "TaskOptions",
    "TaskRequest",
    "TextReply",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "Turn",
    "Usage",
    "Waits",
    "budget_from",
    "check_endpoint",
    "check_state_travels",
    "endpoint_address",
    "endpoint_in",
    "is_namespace",
    "nano_usd",
    "origin_of",
    "other_model",
    "plain_routing",
    "plain_safeguard",
    "plain_targets",
    "with_endpoint",
]
