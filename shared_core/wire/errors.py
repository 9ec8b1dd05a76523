"""Which reply means which error: the table, and the reading of a dozen body grammars.

Lives here: from (status, headers, body) to one class of `shared_core.errors`. Not here: what is done
about it. Bodies are data from strangers: kept short, stripped of markup, never parsed as HTML.

Sources: router protocol notes, section 6 (bodies per status), and reliability notes, section 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_core import errors
from shared_core.errors import Reaction, RouterError
from shared_core.wire import json
from shared_core.wire.redact import redact
from shared_core.wire.retry_after import parse_estimate, retry_after_of

__all__ = ["classify", "classify_body", "describe"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the first that fits decides. Empty fields fit anything.

    Args:
        error: The class to raise.
        status: Statuses that fit.
        code: Machine codes or types that fit, as a pattern over the lower-case code.
        text: Pattern over the lower-case message.
        hint: Next step, where the class's own is not good enough.
        reactions: Where the class's own do not hold.
    """

    error: type[RouterError]
    status: frozenset[int] = frozenset()
    code: str = ""
    text: str = ""
    hint: str = ""
    reactions: frozenset[Reaction] | None = None

    def fits(self, status: int | None, code: str, text: str) -> bool:
        return (
            (not self.status or status in self.status)
            and (not self.code or re.search(self.code, code) is not None)
            and (not self.text or re.search(self.text, text) is not None)
        )


def _on(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


_TOO_LONG = (
    r"context.{0,20}(length|window)|maximum context|too many tokens|prompt is too long|"
    r"input is too long|reduce the length|length limit exceeded|`inputs` tokens|must be <= \d+\. given|"
    r"must have less than \d+ tokens|should have at most \d+ characters"
)
_NO_SCHEMA_BESIDE_TOOLS = (
    r"json mode .*(tool|function)|tools?\W.{1,40}response_format\W.{1,40}not|"
    r"response_format\W.{1,40}not.{1,40}tools?\b"
)
_PROVIDER_SETTINGS = (
    "Enable a provider that serves it at https://hf.co/settings/inference-providers, or choose another model."
)

RULES: tuple[Rule, ...] = (
    Rule(errors.InputTooLong, code=r"context_length|string_above_max"),
    Rule(errors.InputTooLong, status=_on(400, 413, 422), text=_TOO_LONG),
    # TEI says 413 to whatever it finds invalid.
    Rule(errors.BadRequest, status=_on(413), code=r"^validation$"),
    Rule(errors.InputTooLong, status=_on(413), reactions=frozenset({"other_route", "larger_context"})),
    Rule(errors.Refused, code=r"content_filter|content_policy|moderation", reactions=frozenset()),
    Rule(errors.ModelNotServed, code="model_not_supported", hint=_PROVIDER_SETTINGS),
    Rule(errors.ModelNotServed, code="model_not_found"),
    Rule(
        errors.ModelNotServed,
        text=r"not supported by (any )?provider|no longer supported",
        hint=_PROVIDER_SETTINGS,
    ),
    Rule(errors.ModelNotServed, text=r"the requested provider .* is not available"),
    Rule(
        errors.PaymentRequired,
        text=r"pay-as-you-go is not enabled for provider",
        reactions=frozenset({"other_route", "other_account"}),
    ),
    Rule(errors.PaymentRequired, status=_on(402)),
    Rule(errors.PaymentRequired, code=r"not_enough_balance|insufficient_(quota|balance|credits)"),
    Rule(errors.PaymentRequired, text=r"(monthly|included) credits"),
    Rule(errors.RateLimited, status=_on(429)),
    Rule(errors.RateLimited, code=r"rate_limit|too_many_requests"),
    Rule(errors.Unauthorized, status=_on(401)),
    Rule(errors.Unauthorized, code=r"invalid_api_key|authentication_error"),
    Rule(
        errors.PermissionDenied,
        status=_on(403),
        code="gatedrepo",
        hint="Accept the model's terms on its Hub page, with the account that the token belongs to.",
        reactions=frozenset({"other_route"}),
    ),
    Rule(
        errors.PermissionDenied,
        status=_on(403),
        text=r"sufficient permissions",
        hint="Make a token with the permission 'Make calls to Inference Providers' at https://hf.co/settings/tokens.",
        reactions=frozenset({"other_account"}),
    ),
    Rule(errors.PermissionDenied, status=_on(403)),
    Rule(
        errors.ModelNotServed,
        status=frozenset(range(300, 400)),
        hint="Set `base_url` to the address it leads to, if you trust it: messages and token would go there.",
    ),
    Rule(errors.ModelNotServed, status=_on(404), text="model"),
    Rule(
        errors.ModelNotServed,
        status=_on(404, 405, 410, 421),
        hint="Check `base_url`: an OpenAI-compatible one usually ends in /v1 (for embeddings at another path, pass "
        'embedding_api="openai"). Then check the model\'s id.',
    ),
    Rule(errors.TimedOut, status=_on(408)),
    Rule(
        errors.TimedOut,
        status=_on(504),
        hint="Stream the answer: a gateway gave up waiting for the whole of it.",
    ),
    Rule(errors.ModelLoading, status=_on(503), text=r"loading|estimated_time|scaled to zero|initializing"),
    Rule(errors.Overloaded, status=_on(503, 529)),
    Rule(errors.Overloaded, code=r"^overloaded|engine_overloaded|server_busy"),
    Rule(errors.Overloaded, text=r"model too busy|is overloaded"),
    Rule(errors.ProviderFailed, status=frozenset(range(500, 600))),
    Rule(errors.ProviderFailed, code=r"server_error|internal_error|incomplete_generation|^generation$"),
    Rule(errors.ConnectionLost, status=_on(425)),
    # Groq, for one: "json mode cannot be combined with tool/function calling".
    Rule(
        errors.BadRequest,
        text=_NO_SCHEMA_BESIDE_TOOLS,
        hint="Offer the schema as a tool (in LangChain `ToolStrategy(Schema)`), or pick another provider.",
        reactions=frozenset({"other_route"}),
    ),
    Rule(errors.BadRequest, code=r"invalid_request|validation|template_error|bad_request"),
    Rule(errors.BadRequest, status=frozenset(range(400, 500))),
)

_HINTS_FOR_BAD_REQUEST = (
    (r"template", "This model has no chat template; choose one made for chat."),
    (
        r"reasoning(_content)?.*(unsupported|not supported|unexpected)",
        "Turn off sending reasoning back to this model.",
    ),
    (
        r"unsupported|not supported|unexpected|unknown|not permitted",
        "Leave that parameter out, or pick another provider.",
    ),
)


def classify(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, secret: str = ""
) -> RouterError:
    """The error for a reply that is not a success.

    Args:
        status: The HTTP status.
        headers: Names in lower case.
        body: The first part of the body is enough.
        now: Unix time in seconds, for a `Retry-After` that is a date.
        secret: The token of the call, to be kept out of the message.
    """
    payload = _payload(body, headers)
    text, code = describe(payload)
    if not text:
        text = headers.get("x-error-message", "")
    code = code or headers.get("x-error-code", "")
    if 300 <= status < 400:
        text = f"the address redirects to {headers.get('location', 'nowhere')[:500]}, which is not followed"
    wait = retry_after_of(status, headers, now=now)
    if wait is None and status in (429, 503):
        wait = parse_estimate(payload)
    error = _match(status, code, redact(text, secret))
    error.retry_after = wait
    return error


def classify_body(payload: Mapping[str, Any]) -> RouterError:
    """The error for an error object inside a 200 reply or a stream."""
    text, code = describe(payload)
    inner = payload.get("error")
    status = payload.get("status_code") or (inner.get("status_code") if isinstance(inner, Mapping) else None)
    if status is None and re.fullmatch("[45][0-9]{2}", code):
        status = int(code)
    error = _match(status if isinstance(status, int) and status >= 400 else None, code, redact(text))
    error.retry_after = parse_estimate(payload)
    return error


def _match(status: int | None, code: str, text: str) -> RouterError:
    low_code, low_text = code.lower(), text.lower()
    if status is None and not code and re.search(_TOO_LONG, low_text):
        rule = Rule(errors.InputTooLong)
    else:
        unknown = Rule(errors.ProviderFailed)
        rule = next((row for row in RULES if row.fits(status, low_code, low_text)), unknown)
        # TGI calls a prompt that is too long a failed validation, also inside a stream.
        if rule.error is errors.BadRequest and re.search(_TOO_LONG, low_text):
            rule = Rule(errors.InputTooLong)
    hint = rule.hint
    if not hint and rule.error is errors.BadRequest:
        hint = next((hint for pattern, hint in _HINTS_FOR_BAD_REQUEST if re.search(pattern, low_text)), "")
    said = text or "no explanation was given"
    return rule.error(
        f"{_FAILED[rule.error]}: {said}",
        hint=hint,
        status=status,
        code=code or None,
        reactions=rule.reactions,
    )


_FAILED: Mapping[type[RouterError], str] = {
    errors.InputTooLong: "The input is too long",
    errors.Refused: "The answer was refused",
    errors.ModelNotServed: "The model is not served",
    errors.PaymentRequired: "The account may not spend more",
    errors.RateLimited: "Too many requests",
    errors.Unauthorized: "The token was not accepted",
    errors.PermissionDenied: "The token may not do this",
    errors.TimedOut: "The service gave up waiting",
    errors.ModelLoading: "The model is still loading",
    errors.Overloaded: "The service has no capacity",
    errors.ProviderFailed: "The provider failed",
    errors.ConnectionLost: "The service was not ready for the connection",
    errors.BadRequest: "The request was rejected",
}


def _payload(body: bytes, headers: Mapping[str, str]) -> object:
    try:
        return json.load(body)
    except ValueError:
        text = body.decode("utf-8", "replace").strip()
        if "html" in headers.get("content-type", "") or text[:1] == "<":
            text = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", text[:20_000])
            text = re.sub(r"<[^>]*>", " ", text)
        return " ".join(text.split())[:200]


_DEEPEST = 8
"""Known bodies nest three objects; deeper ones were made to exhaust the stack."""


def describe(payload: object, depth: int = 0) -> tuple[str, str]:
    """(message, machine code) from any of the known body grammars; "" where there is none.

    The order follows the protocol notes, section 6.1: `error`, `detail`, `message`, `errors`.
    """
    if depth > _DEEPEST:
        return "", ""
    if isinstance(payload, str):
        return payload[:2000], ""
    if isinstance(payload, Sequence):
        return "; ".join(filter(None, (describe(item, depth + 1)[0] for item in payload)))[:2000], ""
    if not isinstance(payload, Mapping):
        return "", ""
    code = _code(payload)
    for key in ("error", "detail", "message", "msg", "errors", "error_description", "reason", "title"):
        value = payload.get(key)
        if not value:
            continue
        text, inner_code = describe(value, depth + 1)
        if text or inner_code:
            return text, inner_code or code
    return "", code


def _code(payload: Mapping[str, Any]) -> str:
    reason = payload.get("reason")
    if isinstance(reason, str) and re.fullmatch(r"[A-Za-z_]+", reason):
        return reason  # novita's word, which says more than the number beside it
    for key in ("code", "error_type", "type"):
        value = payload.get(key)
        if isinstance(value, str | int) and value and not isinstance(value, bool):
            return str(value)
    return ""
