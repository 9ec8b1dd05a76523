"""Error replies in the words and grammars of the real router.

The bodies follow what was seen of `router.huggingface.co`, TGI and the providers behind it. A `Refusal` is
raised while a request is read and turned into a reply by the routes.
"""

from __future__ import annotations

import json
from typing import Any


class Refusal(Exception):
    """A request that gets an error reply: its status, body and headers."""

    def __init__(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.content_type = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
        self.body = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        self.headers = headers or {}


def openai_error(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """The OpenAI form of an error body, the automatic router's own."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """400 in the OpenAI form: a value that the server understands but cannot take."""
    return Refusal(400, openai_error(message, param=param, code=code))


def bad_shape(message: str) -> Refusal:
    """422 in TGI's plain text: a body that does not have the request's shape."""
    return Refusal(422, f"Failed to deserialize the JSON body into the target type: {message}")


def model_not_found(model: str) -> Refusal:
    """400 of the automatic router for a model that does not exist."""
    return bad_request(f"The requested model '{model}' does not exist.", "model", "model_not_found")


def provider_not_serving(provider: str) -> Refusal:
    """400 for a pinned provider that does not serve the model."""
    return Refusal(400, {"error": f"Model not supported by provider {provider}"})


def unauthorised() -> Refusal:
    """401 of the router, with the headers that were recorded beside it."""
    text = "Invalid username or password."
    headers = {"www-authenticate": 'Bearer realm="Authentication required"', "x-error-message": text}
    return Refusal(401, {"error": text}, headers)


def too_long(tokens: int, max_new: int, limit: int) -> Refusal:
    """422 of TGI for a prompt that does not fit the context window."""
    text = (
        f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. "
        f"Given: {tokens} `inputs` tokens and {max_new} `max_new_tokens`"
    )
    return Refusal(422, {"error": text, "error_type": "validation"})


def default_body(status: int) -> object:
    """A body that the router or a provider was seen to send with this status; used by scripted faults."""
    return _SEEN.get(status, {"error": f"Status {status}"})


_SEEN: dict[int, object] = {
    400: openai_error("Invalid request"),
    401: {"error": "Invalid username or password."},
    402: {
        "error": "You have depleted your monthly included credits. Purchase pre-paid credits to continue "
        "using Inference Providers. Alternatively, subscribe to PRO to get 20x more included credits."
    },
    403: {
        "error": "This authentication method does not have sufficient permissions to call Inference "
        "Providers on behalf of user offline"
    },
    404: {"error": "Not Found"},
    408: "<html><body><h1>408 Request Time-out</h1></body></html>",
    413: "<html><head><title>413 Request Entity Too Large</title></head></html>",
    422: {
        "error": "Input validation error: `inputs` must have less than 32768 tokens",
        "error_type": "validation",
    },
    429: openai_error(
        "Rate limit reached. Please try again later.", kind="tokens", code="rate_limit_exceeded"
    ),
    500: openai_error("Internal server error", kind="server_error"),
    502: "<html><body><h1>502 Bad Gateway</h1></body></html>",
    503: {"error": "Service Unavailable"},
    504: "<html><body><h1>504 Gateway Time-out</h1></body></html>",
}
