"""Rows F1 to F6, F30, F31 and F40 to F44: a host that says no, and says so in HTTP's own way."""

from __future__ import annotations

from fault_row import CHATS, WEB_PAGE, Row, problem, reply

from shared_core import errors

THEN = "Thu, 01 Jan 2015 00:00:00 GMT"  # a server whose clock is years behind this machine's
LATER = "Thu, 01 Jan 2015 01:00:00 GMT"
LOADING = {"error": "Model a/b is currently loading", "estimated_time": 20}

BUSY = [
    Row(
        "F1 a 429 without Retry-After",
        reply(429, problem("Slow down")),
        errors.RateLimited,
        asked=2,
        waits=0.04,
    ),
    Row(
        "F2 a 429 with Retry-After in seconds",
        reply(429, retry_after="0.15"),
        errors.RateLimited,
        asked=2,
        waits=0.15,
        retry_after=0.15,
    ),
    Row(
        "F2 a 429 with retry-after-ms",
        reply(429, retry_after_ms="150"),
        errors.RateLimited,
        asked=2,
        waits=0.15,
        retry_after=0.15,
    ),
    Row("F2 a 503 with Retry-After", reply(503, retry_after="0.15"), errors.Overloaded, asked=2, waits=0.15),
    Row("a 503 without Retry-After", reply(503, {"error": "Try later"}), errors.Overloaded, asked=2),
    Row(
        "F3 F34 a Retry-After date, measured with the reply's own clock, which here says now",
        reply(429, retry_after=THEN, date=THEN),
        errors.RateLimited,
        asked=2,
        retry_after=0,
    ),
    Row(
        "F3 F34 a Retry-After date an hour ahead of the reply's own clock",
        reply(429, retry_after=LATER, date=THEN),
        errors.RateLimited,
        retry_after=3600,
    ),
    Row(
        "F4 a 429 that asks for an hour", reply(429, retry_after="3600"), errors.RateLimited, retry_after=3600
    ),
    Row(
        "F4 a 429 that asks for more than the call has left",
        reply(429, retry_after="6"),
        errors.RateLimited,
        retry_after=6,
    ),
    Row(
        "F5 a model that loads",
        reply(503, LOADING),
        errors.ModelLoading,
        retry_after=20,
        hint="wait_for_model=True",
    ),
]

FAILING = [
    Row("a 500", reply(500, problem("Oops", "server_error")), errors.ProviderFailed, asked=2, first=2),
    Row(
        "F6 a 502 with a web page",
        reply(502, WEB_PAGE),
        errors.ProviderFailed,
        asked=2,
        first=2,
        says="The provider failed: Please log in",
    ),
    Row(
        "F6 a 502 with a web page without end of text",
        reply(502, b"<html><body>" + b"long " * 5000),
        errors.ProviderFailed,
        asked=2,
        first=2,
    ),
    Row("F6 a 504 with a web page", reply(504, WEB_PAGE), errors.TimedOut, asked=2, first=2),
]

REQUEST = [
    Row(
        "a request that is wrong",
        reply(400, problem("Bad schema")),
        errors.BadRequest,
        first=0,
        says="Bad schema",
    ),
    Row(
        "a request of the wrong shape",
        reply(422, b"Failed to deserialize the JSON body"),
        errors.BadRequest,
        first=0,
    ),
    Row(
        "F30 a request that the content filter stops",
        reply(400, problem("Filtered", "content_filter")),
        errors.Refused,
        first=0,
    ),
    Row(
        "F31 OpenAI's words for too long an input",
        reply(400, problem("too many tokens", "context_length_exceeded")),
        errors.InputTooLong,
        first={"embed": 0, "else": 1},
    ),
    Row(
        "F31 vLLM's words for too long an input",
        reply(
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 8192 tokens.",
                "code": 400,
            },
        ),
        errors.InputTooLong,
        first={"embed": 0, "else": 1},
    ),
    Row(
        "F31 TGI's words for too long an input",
        reply(
            422,
            {
                "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9",
                "error_type": "validation",
            },
        ),
        errors.InputTooLong,
        tasks=CHATS,
        because="these are the words of a host of chats",
    ),
    Row("F44 a 413", reply(413, WEB_PAGE), errors.InputTooLong, first={"embed": 0, "else": 1}),
]

ACCOUNT = [
    Row(
        "F40 a 401",
        reply(401, {"error": "Invalid username or password."}),
        errors.Unauthorized,
        hint="this server's own key",
    ),
    Row(
        "F40 a token without the scope",
        reply(403, {"error": "This method does not have sufficient permissions"}),
        errors.PermissionDenied,
        hint="Make calls to Inference Providers",
    ),
    Row(
        "F41 an account without credits",
        reply(402, {"error": "You have exceeded your monthly included credits for Inference Providers."}),
        errors.PaymentRequired,
        hint="https://hf.co/settings/billing",
    ),
    Row(
        "F41 a provider without pay-as-you-go",
        reply(400, {"error": "Pay-as-you-go is not enabled for provider fal"}),
        errors.PaymentRequired,
    ),
    Row(
        "F42 a gated model",
        reply(403, {"error": "Gated"}, x_error_code="GatedRepo"),
        errors.PermissionDenied,
        hint="Accept the model's terms",
    ),
    Row(
        "F43 a model that no enabled provider serves",
        reply(400, problem("not supported by any provider you have enabled", "model_not_supported")),
        errors.ModelNotServed,
        hint="https://hf.co/settings/inference-providers",
    ),
    Row("a model that is not there", reply(404, {"error": "Not found"}), errors.ModelNotServed),
]

REFUSALS = [*BUSY, *FAILING, *REQUEST, *ACCOUNT]
