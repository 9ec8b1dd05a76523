"""Which reply means which error: every status and every body grammar that was seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core import errors
from shared_core.wire.errors import classify, classify_body, describe

NOW = 1_786_000_000.0


def openai(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def error_for(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> errors.RouterError:
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    return classify(status, headers or {}, raw, now=NOW)


HTML = "<html><head><title>504 Gateway Time-out</title><style>a{color:red}</style></head><body>nginx</body></html>"

REPLIES: dict[str, tuple[int, Any, type[errors.RouterError]]] = {
    "400: no enabled provider serves the model": (
        400,
        openai(
            "The requested model 'X' is not supported by any provider you have enabled.",
            code="model_not_supported",
        ),
        errors.ModelNotServed,
    ),
    "400: the model does not exist": (
        400,
        openai("The requested model 'a/b' does not exist.", code="model_not_found"),
        errors.ModelNotServed,
    ),
    "400: the pinned provider does not serve it": (
        400,
        {"error": "Model not supported by provider hf-inference"},
        errors.ModelNotServed,
    ),
    "400: a parameter is refused": (
        400,
        "messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported",
        errors.BadRequest,
    ),
    "400: groq takes no schema beside tools": (
        400,
        openai("json mode cannot be combined with tool/function calling"),
        errors.BadRequest,
    ),
    "400: together misses a field": (
        400,
        {"id": "9026-CDG", **openai("Invalid request")},
        errors.BadRequest,
    ),
    "400: fal's bad input": (400, {"detail": "Unsupported data URL"}, errors.BadRequest),
    "400: context length by code": (
        400,
        openai("Too much.", code="context_length_exceeded"),
        errors.InputTooLong,
    ),
    "400: context length by words": (
        400,
        openai("This model's maximum context length is 8192 tokens."),
        errors.InputTooLong,
    ),
    "400: the content filter": (400, openai("No.", code="content_filter"), errors.Refused),
    "400: no credits, in novita's words": (
        400,
        {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "not enough balance"},
        errors.PaymentRequired,
    ),
    "401: bad token": (401, {"error": "Invalid username or password."}, errors.Unauthorized),
    "401: the Hub's words": (
        401,
        {"error": "Invalid credentials in Authorization header"},
        errors.Unauthorized,
    ),
    "401: without a body": (401, b"", errors.Unauthorized),
    "402: credits of 2025": (
        402,
        {
            "error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO."
        },
        errors.PaymentRequired,
    ),
    "402: credits of 2026": (
        402,
        {"error": "You have depleted your monthly included credits. Purchase pre-paid credits."},
        errors.PaymentRequired,
    ),
    "403: pay-as-you-go is off for the provider": (
        403,
        {"error": "Pay-as-you-go is not enabled for provider fal-ai"},
        errors.PaymentRequired,
    ),
    "403: the token lacks the permission": (
        403,
        {
            "error": "This authentication method does not have sufficient permissions to call Inference Providers"
        },
        errors.PermissionDenied,
    ),
    "403: gated": (
        403,
        {"error": "You cannot access this model unless the model owner gives you access..."},
        errors.PermissionDenied,
    ),
    "404: hf-inference does not know it": (
        404,
        {"error": "Model this-model/does-not-exist-123 does not exist"},
        errors.ModelNotServed,
    ),
    "404: the older proxy": (404, {"error": "Not Found: Model not found"}, errors.ModelNotServed),
    "404: plain text": (404, "Not Found", errors.ModelNotServed),
    "404: a provider that is not available": (
        404,
        {"error": "The requested provider 'deepinfra' is not available."},
        errors.ModelNotServed,
    ),
    "405: the dead address": (405, b"", errors.ModelNotServed),
    "408: gateway": (408, HTML, errors.TimedOut),
    "410: the dead address": (
        410,
        {"error": "https://api-inference.huggingface.co is no longer supported."},
        errors.ModelNotServed,
    ),
    "413: TGI": (413, "Failed to buffer the request body: length limit exceeded", errors.InputTooLong),
    "413: nginx": (413, "<html><h1>413 Request Entity Too Large</h1></html>", errors.InputTooLong),
    "421: openai's welcome": (421, {"message": "Welcome to the OpenAI API!"}, errors.ModelNotServed),
    "422: TGI cannot read the body": (
        422,
        'Failed to deserialize the JSON body into the target type: messages: invalid type: string "x"',
        errors.BadRequest,
    ),
    "422: no chat template": (
        422,
        {"error": "Template error: template not found", "error_type": "template_error"},
        errors.BadRequest,
    ),
    "422: context too long for TGI": (
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. Given: 96721",
            "error_type": "validation",
        },
        errors.InputTooLong,
    ),
    "422: FastAPI's list": (
        422,
        {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]},
        errors.BadRequest,
    ),
    "425: too early": (425, b"", errors.ConnectionLost),
    "429: groq": (
        429,
        openai(
            "Rate limit reached on tokens per minute (TPM). Please try again in 50.59s.",
            "tokens",
            "rate_limit_exceeded",
        ),
        errors.RateLimited,
    ),
    "429: cerebras says too many tokens, which is no context": (
        429,
        {
            "message": "Tokens per minute limit exceeded - too many tokens processed.",
            "code": "too_many_tokens_error",
        },
        errors.RateLimited,
    ),
    "429: without a body": (429, b"", errors.RateLimited),
    "500: together": (500, openai("Internal server error", "server_error"), errors.ProviderFailed),
    "502: a web page": (502, HTML, errors.ProviderFailed),
    "503: the model is loading": (
        503,
        {"error": "Model X is currently loading", "estimated_time": 577.37},
        errors.ModelLoading,
    ),
    "503: loading without an estimate": (503, {"error": "Model X is currently loading"}, errors.ModelLoading),
    "503: overloaded": (503, {"error": "Service Unavailable"}, errors.Overloaded),
    "503: busy": (503, {"error": "Model too busy, try again later"}, errors.Overloaded),
    "503: TGI is overloaded": (
        503,
        {"error": "Model is overloaded", "error_type": "overloaded"},
        errors.Overloaded,
    ),
    "504: a web page": (504, HTML, errors.TimedOut),
    "529: overloaded": (529, b"", errors.Overloaded),
    "599: some server's own number": (599, b"", errors.ProviderFailed),
    "418: some other refusal": (418, {"error": "I'm a teapot"}, errors.BadRequest),
}


@pytest.mark.parametrize(("status", "body", "kind"), REPLIES.values(), ids=REPLIES.keys())
def test_a_reply_means_one_error(status: int, body: Any, kind: type[errors.RouterError]) -> None:
    error = error_for(status, body)
    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize(("status", "body", "kind"), REPLIES.values(), ids=REPLIES.keys())
def test_every_error_says_what_to_do_next_unless_the_service_said_it_all(
    status: int, body: Any, kind: type[errors.RouterError]
) -> None:
    error = error_for(status, body)
    assert error.hint or kind in (errors.BadRequest, errors.Refused)
    assert error.message.partition(": ")[2]


GRAMMARS: dict[str, tuple[Any, str, str]] = {
    "1. a text": ({"error": "It broke."}, "It broke.", ""),
    "2. a text and TGI's type": (
        {"error": "It broke.", "error_type": "generation"},
        "It broke.",
        "generation",
    ),
    "3. OpenAI's object": (openai("It broke.", code="broken"), "It broke.", "broken"),
    "3. OpenAI's object without a code": (openai("It broke.", "server_error"), "It broke.", "server_error"),
    "3. with a number for a code": ({"error": {"message": "It broke.", "code": 429}}, "It broke.", "429"),
    "4. flat, of the vLLM family": (
        {"object": "error", "message": "It broke.", "type": "BadRequestError", "param": None, "code": 400},
        "It broke.",
        "400",
    ),
    "4. flat, cerebras": (
        {"message": "It broke.", "type": "invalid_request_error", "param": "x", "code": "wrong"},
        "It broke.",
        "wrong",
    ),
    "4. flat, mistral": ({"message": "It broke.", "request_id": "1"}, "It broke.", ""),
    "5. detail": ({"detail": "It broke."}, "It broke.", ""),
    "5. a list of details": (
        {"detail": [{"loc": ["a"], "msg": "It broke.", "type": "t"}, {"msg": "Badly."}]},
        "It broke.; Badly.",
        "",
    ),
    "5. problem+json": (
        {
            "detail": "- input: It broke.",
            "status": 422,
            "title": "Input validation failed",
            "invalid_fields": [],
        },
        "- input: It broke.",
        "",
    ),
    "6. a list of texts": ({"error": ["It broke.", "Badly."]}, "It broke.; Badly.", ""),
    "6. OAuth's description": ({"error": {}, "error_description": "It broke."}, "It broke.", ""),
    "6. a list of errors": ({"errors": [{"message": "It broke."}]}, "It broke.", ""),
    "7. novita": ({"code": 403, "reason": "NOT_ENOUGH", "message": "It broke."}, "It broke.", "NOT_ENOUGH"),
    "8. plain text": ("It broke.", "It broke.", ""),
    "a list at the top": ([{"error": "It broke."}, "Badly."], "It broke.; Badly.", ""),
    "an object inside an object": ({"error": {"error": {"message": "It broke."}}}, "It broke.", ""),
    "null": (None, "", ""),
    "a number": (7, "", ""),
    "an empty object": ({}, "", ""),
    "nothing said": ({"error": None, "message": ""}, "", ""),
}


@pytest.mark.parametrize(("payload", "text", "code"), GRAMMARS.values(), ids=GRAMMARS.keys())
def test_a_body_is_read_in_its_grammar(payload: Any, text: str, code: str) -> None:
    assert describe(payload) == (text, code)


@pytest.mark.parametrize("reason", ["NOT_ENOUGH_BALANCE", "insufficient_quota"])
def test_novitas_reason_tells_an_empty_account_whatever_the_number_beside_it(reason: str) -> None:
    error = error_for(400, {"code": 403, "reason": reason, "message": "no"})
    assert type(error) is errors.PaymentRequired


def test_a_web_page_is_stripped_of_its_markup_and_kept_short() -> None:
    error = error_for(502, HTML.replace("nginx", "nginx " * 200), {"content-type": "text/html"})
    assert error.message.startswith("The provider failed: 504 Gateway Time-out nginx")
    assert "<" not in error.message
    assert "color" not in error.message
    assert len(error.message) < 300


def test_a_very_long_explanation_is_cut() -> None:
    assert len(error_for(400, {"error": "x" * 100_000}).message) < 2_100


def test_the_hubs_headers_speak_where_the_body_is_silent() -> None:
    error = error_for(403, b"", {"x-error-code": "GatedRepo", "x-error-message": "Access is restricted."})
    assert type(error) is errors.PermissionDenied
    assert "Access is restricted." in error.message
    assert error.code == "GatedRepo"
    assert error.reactions == {"other_route"}


REACTIONS: dict[str, tuple[int, Any, set[str]]] = {
    "too many requests: wait, or another provider": (429, b"", {"retry", "other_route"}),
    "no credits: every provider on this account fails": (402, b"", {"other_account"}),
    "no pay-as-you-go for one provider: another may do": (
        402,
        {"error": "Pay-as-you-go is not enabled for provider x"},
        {"other_route", "other_account"},
    ),
    "a wrong token: another account": (401, b"", {"other_account"}),
    "no permission: another token": (
        403,
        {"error": "This authentication method does not have sufficient permissions"},
        {"other_account"},
    ),
    "a wrong request: nothing helps": (400, {"error": "bad"}, set()),
    "an unknown model: another provider": (404, {"error": "model"}, {"other_route"}),
    "a broken provider: again, or another": (500, b"", {"retry", "other_route"}),
    "a loading model: not blindly again": (503, {"error": "is currently loading"}, {"other_route"}),
    "too long: a larger context": (422, {"error": "too many tokens"}, {"larger_context"}),
    "too large a body: another server's limit may be higher": (413, b"", {"other_route", "larger_context"}),
    "refused: nothing helps": (400, openai("no", code="content_filter"), set()),
}


@pytest.mark.parametrize(("status", "body", "reactions"), REACTIONS.values(), ids=REACTIONS.keys())
def test_what_may_help_is_data(status: int, body: Any, reactions: set[str]) -> None:
    assert error_for(status, body).reactions == reactions


def test_a_redirect_is_not_followed_and_the_error_names_where_it_leads() -> None:
    error = error_for(307, b"", {"location": "https://elsewhere.example/v1/chat/completions"})
    assert type(error) is errors.ModelNotServed
    assert "https://elsewhere.example" in error.message
    assert "base_url" in error.hint
    assert "retry" not in error.reactions


WAITS: dict[str, tuple[int, Any, dict[str, str], float | None]] = {
    "a 429 with seconds": (429, b"", {"retry-after": "7"}, 7.0),
    "a 503 with a date": (503, b"", {"retry-after": "Thu, 06 Aug 2026 06:27:10 GMT"}, 1785997630.0 - NOW),
    "a loading model's estimate": (503, {"error": "loading", "estimated_time": 20.5}, {}, 20.5),
    "groq's sentence": (429, openai("Please try again in 50.597142857s."), {}, 50.597142857),
    "the header counts more than the estimate": (
        503,
        {"error": "loading", "estimated_time": 500},
        {"retry-after": "3"},
        3.0,
    ),
    "an estimate on another status is none": (500, {"error": "x", "estimated_time": 20}, {}, None),
    "nothing said": (429, b"", {}, None),
    "a 400 with seconds is no invitation": (400, b"", {"retry-after": "7"}, None),
}


@pytest.mark.parametrize(("status", "body", "headers", "seconds"), WAITS.values(), ids=WAITS.keys())
def test_how_long_the_service_asks_to_wait(
    status: int, body: Any, headers: dict[str, str], seconds: float | None
) -> None:
    wait = error_for(status, body, headers).retry_after
    assert wait == (None if seconds is None else max(0.0, seconds))


INSIDE: dict[str, tuple[dict[str, Any], type[errors.RouterError]]] = {
    "TGI's too long prompt": (
        {
            "error": "Input validation error: `inputs` must be <= 4096. Given: 5000",
            "error_type": "validation",
        },
        errors.InputTooLong,
    ),
    "TGI's validation": (
        {"error": "Input validation error: x", "error_type": "validation"},
        errors.BadRequest,
    ),
    "TGI's overload": ({"error": "Model is overloaded", "error_type": "overloaded"}, errors.Overloaded),
    "TGI's generation": (
        {"error": "Request failed during generation", "error_type": "generation"},
        errors.ProviderFailed,
    ),
    "TGI's incomplete generation": (
        {"error": "x", "error_type": "incomplete_generation"},
        errors.ProviderFailed,
    ),
    "OpenAI's rate limit": (openai("slow down", "tokens", "rate_limit_exceeded"), errors.RateLimited),
    "OpenAI's server error": (openai("oh", "server_error"), errors.ProviderFailed),
    "a status for a code": ({"error": {"message": "slow down", "code": 429}}, errors.RateLimited),
    "a status beside the error": ({"error": "x", "status_code": 503}, errors.Overloaded),
    "a status inside the error": ({"error": {"message": "x", "status_code": 401}}, errors.Unauthorized),
    "vLLM's object": (
        {"object": "error", "message": "x", "type": "BadRequestError", "code": 400},
        errors.BadRequest,
    ),
    "a filter": (openai("no", code="content_filter"), errors.Refused),
    "a bare text": ({"error": "something broke"}, errors.ProviderFailed),
    "a number that is no status": ({"error": {"message": "x", "code": 7}}, errors.ProviderFailed),
    "a superscript for a code": ({"error": {"message": "x", "code": "²"}}, errors.ProviderFailed),
    "nothing said": ({"error": True}, errors.ProviderFailed),
}


@pytest.mark.parametrize(("payload", "kind"), INSIDE.values(), ids=INSIDE.keys())
def test_an_error_inside_a_success_means_the_same(
    payload: dict[str, Any], kind: type[errors.RouterError]
) -> None:
    assert type(classify_body(payload)) is kind


DEPTHS = {"deep": 300, "deeper than the interpreter's stack": 30_000}


@pytest.mark.parametrize("depth", DEPTHS.values(), ids=DEPTHS.keys())
@pytest.mark.parametrize("opening", ['{"error":', "["])
def test_a_body_nested_without_end_is_an_error_like_any_other(opening: str, depth: int) -> None:
    assert type(error_for(500, opening * depth)) is errors.ProviderFailed
    closed = opening * depth + "1" + ("}" if opening.startswith("{") else "]") * depth
    assert type(error_for(500, closed)) is errors.ProviderFailed


@pytest.mark.parametrize(
    "words",
    [
        "json mode cannot be combined with tool/function calling",
        "`tools` and `response_format` cannot be used in the same request",
        "response_format is not supported with tools.",
    ],
)
def test_a_schema_beside_tools_is_worth_another_provider_and_says_what_to_offer(words: str) -> None:
    error = error_for(400, openai(words))
    assert type(error) is errors.BadRequest
    assert error.reactions == {"other_route"}
    assert "ToolStrategy" in error.hint
