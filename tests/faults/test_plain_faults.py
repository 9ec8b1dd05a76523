"""What goes wrong with a plain reply, and what comes out of it: statuses, bodies, broken connections.

The rows F1 to F13 and F26 to F43 of the fault table in the reliability notes, as far as a single plain chat
call can meet them; what belongs to streams, time and connections stands in the files beside this one.
"""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from shared_core import errors

DATE = "Thu, 01 Jan 2015 00:00:00 GMT"  # a server whose clock is years behind this machine's
LATER = "Thu, 01 Jan 2015 01:00:00 GMT"
SPLIT = '{"choices": [{"message": {"content": "H\u20acre."}}]}'.encode()
WEB_PAGE = b"<html><head><style>b{}</style></head><body><h1>Please  log in</h1></body></html>"


def row(sentence: str, /, **promises: Any) -> Any:
    """A row of a table; what it promises is explained at the fixture `suffer`."""
    return pytest.param(promises, id=sentence)


def again(*first: Any) -> Any:
    """These replies, then a right one."""
    return lambda say: [*(make(say) for make in first), say.answer("Here.")]


def twice(make: Any) -> Any:
    return lambda say: [make(say), make(say)]


def status(code: int, body: object = b"", **headers: object) -> Any:
    return lambda say: say.body(body, code, **headers)


def openai_error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


RETRIED = [
    row(
        "F1 a 429 without Retry-After is tried again after a moment",
        script=again(status(429, openai_error("Slow down"))),
        seconds=(0.04, 0.9),
    ),
    row(
        "F2 a 429 with Retry-After in seconds is tried again after that time",
        script=again(status(429, retry_after="0.15")),
        seconds=(0.15, 0.9),
    ),
    row(
        "F2 a 429 with retry-after-ms is tried again after that time",
        script=again(status(429, retry_after_ms="150")),
        seconds=(0.15, 0.9),
    ),
    row(
        "F2 a 503 with Retry-After is tried again after that time",
        script=again(status(503, retry_after="0.15")),
        seconds=(0.15, 0.9),
    ),
    row(
        "F3 F34 a Retry-After date is measured with the reply's own clock, which here says now",
        script=again(status(429, retry_after=DATE, date=DATE)),
        seconds=(0.0, 0.5),
    ),
    row("F6 a 502 with a web page is tried again", script=again(status(502, WEB_PAGE))),
    row("F6 a 504 with a web page is tried again", script=again(status(504, WEB_PAGE))),
    row("a 500 is tried again", script=again(status(500, openai_error("Oops", "server_error")))),
    row(
        "F7 a web page with status 200 is tried again",
        script=again(status(200, WEB_PAGE, content_type="text/html")),
    ),
    row(
        "F8 an error object with status 200 is tried again when its code is a passing one",
        script=again(status(200, openai_error("Slow down", "rate_limit_exceeded"))),
    ),
    row("F9 a reset before the head is tried again", script=again(lambda say: [say.reset])),
    row("F9 a close before the head is tried again", script=again(lambda say: [say.close])),
    row(
        "F9 a reset in the middle of the head is tried again",
        script=again(lambda say: [b"HTTP/1.1 200 OK\r\ncontent-", say.reset]),
    ),
    row(
        "F10 a reset inside the body is tried again",
        script=again(lambda say: [say.head(content_length=500), b'{"choices": [', 0.05, say.reset]),
    ),
    row(
        "F10 a body that closes before its length is tried again",
        script=again(lambda say: [say.head(content_length=500), b'{"choices": [', say.close]),
    ),
    row(
        "F11 JSON that stops in the middle is tried again",
        script=again(status(200, b'{"choices": [{"ind')),
    ),
    row(
        "F12 a gzip body that is none is tried again",
        script=again(status(200, b"no gzip at all", content_encoding="gzip")),
    ),
    row("F28 an answer without choices is tried again", script=again(status(200, {"choices": []}))),
    row(
        "a status line that is none is tried again",
        script=again(lambda say: [b"SSH-2.0-x\r\n\r\n", say.close]),
    ),
]


@pytest.mark.parametrize("row", RETRIED)
async def test_tried_again_and_answered(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    await suffer(any_kind, {"text": "Here.", "requests": 2, "idle": 1, **row})


FATAL = [
    row(
        "F1 a 429 that stays ends as RateLimited when the tries are used up",
        script=lambda say: [say.body({"error": "Slow down"}, 429)] * 3,
        settings={"max_retries": 2},
        error=errors.RateLimited,
        requests=3,
    ),
    row(
        "F4 a 429 that asks for an hour is not waited for",
        script=lambda say: [say.body(b"", 429, retry_after="3600")],
        error=errors.RateLimited,
        retry_after=3600,
    ),
    row(
        "F3 F4 a Retry-After date an hour ahead of the reply's own clock is not waited for",
        script=lambda say: [say.body(b"", 429, retry_after=LATER, date=DATE)],
        error=errors.RateLimited,
        retry_after=3600,
    ),
    row(
        "F4 a wait past the deadline is not begun",
        script=lambda say: [say.body(b"", 429, retry_after="5")],
        settings={"total": 0.5},
        error=errors.RateLimited,
        seconds=(0.0, 0.4),
    ),
    row(
        "F5 a model that loads is not asked again unless that was asked for",
        script=lambda say: [
            say.body({"error": "Model a/b is currently loading", "estimated_time": 0.1}, 503)
        ],
        error=errors.ModelLoading,
        retry_after=0.1,
    ),
    row(
        "F5 a model that loads longer than the caller will wait is not waited for",
        script=lambda say: [say.body({"error": "Model a/b is currently loading", "estimated_time": 9}, 503)],
        settings={"wait_for_model": 0.5},
        error=errors.ModelLoading,
        seconds=(0.0, 0.4),
    ),
    row(
        "F6 a 502 web page that stays is told without its markup",
        script=twice(status(502, WEB_PAGE)),
        error=errors.ProviderFailed,
        says="The provider failed: Please log in",
        requests=2,
    ),
    row(
        "F6 a 504 that stays is a time limit of somebody else's",
        script=twice(status(504, WEB_PAGE)),
        error=errors.TimedOut,
        requests=2,
    ),
    row(
        "F7 a web page in place of the answer names what it shows",
        script=twice(status(200, WEB_PAGE, content_type="text/html")),
        error=errors.MalformedResponse,
        says="web page, not an answer (text/html): Please log in",
        requests=2,
    ),
    row(
        "F8 an error object with status 200 is an error",
        script=lambda say: [say.body(openai_error("Bad schema", "invalid_request_error"))],
        error=errors.BadRequest,
        says="Bad schema",
    ),
    row(
        "F9 a connection that is reset each time is lost",
        script=lambda say: [[say.reset], [say.reset]],
        error=errors.ConnectionLost,
        requests=2,
        idle=0,
    ),
    row(
        "F10 a body that is cut each time is a lost connection",
        script=lambda say: [[say.head(content_length=500), b'{"a', say.close]] * 2,
        error=errors.ConnectionLost,
        requests=2,
        idle=0,
    ),
    row(
        "F10 a refusal whose explanation is cut stays a refusal",
        script=lambda say: [[say.head(401, content_length=500), b'{"err', say.close]],
        error=errors.Unauthorized,
        idle=0,
    ),
    row(
        "F11 JSON that stops in the middle each time is malformed",
        script=twice(status(200, b'{"choices": [{"ind')),
        error=errors.MalformedResponse,
        says="not JSON",
        requests=2,
    ),
    row(
        "F12 gzip that is none each time is malformed",
        script=twice(status(200, b"no gzip at all", content_encoding="gzip")),
        error=errors.MalformedResponse,
        requests=2,
    ),
    row(
        "F26 an error body without end is cut where nobody would read on",
        script=lambda say: [[say.head(400), say.forever(b"too much " * 2000, 0)]],
        error=errors.BadRequest,
        says="too much",
        idle=0,
    ),
    row(
        "F28 an answer without choices each time is malformed",
        script=twice(status(200, {"choices": []})),
        error=errors.MalformedResponse,
        requests=2,
    ),
    row(
        "F28 an answer that is a JSON list is malformed",
        script=twice(status(200, [1])),
        error=errors.MalformedResponse,
        requests=2,
    ),
    row(
        "F30 a request that the content filter stops is refused",
        script=lambda say: [say.body(openai_error("Filtered", "content_filter"), 400)],
        error=errors.Refused,
    ),
    row(
        "F31 OpenAI's words for too long an input",
        script=lambda say: [say.body(openai_error("too many tokens", "context_length_exceeded"), 400)],
        error=errors.InputTooLong,
    ),
    row(
        "F31 vLLM's words for too long an input",
        script=lambda say: [
            say.body(
                {
                    "object": "error",
                    "message": "This model's maximum context length is 8192 tokens.",
                    "code": 400,
                },
                400,
            )
        ],
        error=errors.InputTooLong,
    ),
    row(
        "F31 TGI's words for too long an input",
        script=lambda say: [
            say.body(
                {
                    "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9",
                    "error_type": "validation",
                },
                422,
            )
        ],
        error=errors.InputTooLong,
    ),
    row(
        "F44 a 413 is too long an input",
        script=lambda say: [say.body(WEB_PAGE, 413)],
        error=errors.InputTooLong,
    ),
    row(
        "F40 a 401 is told at once",
        script=lambda say: [say.body({"error": "Invalid username or password."}, 401)],
        error=errors.Unauthorized,
        hint="Make calls to Inference Providers",
    ),
    row(
        "F40 a token without the scope is told at once",
        script=lambda say: [say.body({"error": "This method does not have sufficient permissions"}, 403)],
        error=errors.PermissionDenied,
        hint="Make calls to Inference Providers",
    ),
    row(
        "F41 an account without credits is told at once",
        script=lambda say: [say.body({"error": "You have exceeded your monthly included credits"}, 402)],
        error=errors.PaymentRequired,
        hint="https://hf.co/settings/billing",
    ),
    row(
        "F41 a provider without pay-as-you-go is told at once",
        script=lambda say: [say.body({"error": "Pay-as-you-go is not enabled for provider fal"}, 400)],
        error=errors.PaymentRequired,
    ),
    row(
        "F42 a gated model is told with the way in",
        script=lambda say: [say.body({"error": "Gated"}, 403, x_error_code="GatedRepo")],
        error=errors.PermissionDenied,
        hint="Accept the model's terms",
    ),
    row(
        "F43 a model that no enabled provider serves is told with the settings page",
        script=lambda say: [
            say.body(
                openai_error("not supported by any provider you have enabled", "model_not_supported"), 400
            )
        ],
        error=errors.ModelNotServed,
        hint="https://hf.co/settings/inference-providers",
    ),
]


@pytest.mark.parametrize("row", FATAL)
async def test_told_as_what_it_is(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    outcome = await suffer(any_kind, {"idle": 1, **row})
    assert row.get("hint", "") in outcome.error.hint
    if "retry_after" in row:
        assert outcome.error.retry_after == row["retry_after"]


READ_ANYHOW = [
    row(
        "F5 a model that loads is waited for by its estimate, outside the retries",
        script=lambda say: [
            say.body({"error": "Model a/b is currently loading", "estimated_time": 0.1}, 503),
            say.body({"error": "Model a/b is currently loading", "estimated_time": 0.1}, 503),
            say.answer("Here."),
        ],
        settings={"wait_for_model": True, "max_retries": 0},
        requests=3,
        seconds=(0.2, 0.9),
    ),
    row(
        "F12 a gzip body that nobody asked for is read",
        script=lambda say: [
            say.body(
                gzip.compress(b'{"choices": [{"message": {"content": "Here."}}]}'), content_encoding="gzip"
            )
        ],
    ),
    row(
        "F13 a broken character in the JSON becomes a replacement mark",
        script=lambda say: [say.body(b'{"choices": [{"message": {"content": "H\xff\xfere."}}]}')],
        text="H\ufffd\ufffdre.",
    ),
    row(
        "F15 a character cut between two writes is whole",
        script=lambda say: [
            [
                say.head(content_length=len(SPLIT)),
                SPLIT[:41],
                0.05,
                SPLIT[41:],
            ]
        ],
        text="H\u20acre.",
    ),
    row(
        "Retry-After on a success is no reason to do anything",
        script=lambda say: [say.body(say.completion("Here."), retry_after="30")],
    ),
    row(
        "a reply in HTTP chunks of one byte is read",
        script=lambda say: [
            [
                say.head(transfer_encoding="chunked"),
                *(say.chunk(bytes([byte])) for byte in b'{"choices": [{"message": {"content": "Here."}}]}'),
                b"0\r\n\r\n",
            ]
        ],
    ),
    row(
        "a reply that ends with its connection is read",
        script=lambda say: [
            [say.head(connection="close"), b'{"choices": [{"message": {"content": "Here."}}]}', say.close]
        ],
        idle=0,
    ),
]


@pytest.mark.parametrize("row", READ_ANYHOW)
async def test_read_all_the_same(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    await suffer(any_kind, {"text": "Here.", "idle": 1, **row})


async def test_f26_a_body_past_the_bound_is_not_read_to_its_end(
    kind: str, server: Any, call: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared_core.client.exchange._LARGEST_REPLY", 100_000)
    server.script([say.head(), say.forever(b'{"pad": "' + b"x" * 10_000, 0)])
    outcome = await call(kind, server.url, max_retries=0)
    assert type(outcome.error) is errors.MalformedResponse
    assert "larger than" in outcome.error.message
    assert await server.freed()


async def test_f29_arguments_that_are_no_json_are_kept_as_they_came(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    broken = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b'}}
    server.script(say.body(say.completion("", "length", tool_calls=[broken])))
    outcome = await call(kind, server.url)
    (made,) = outcome.reply.tool_calls
    assert made.arguments == '{"a": 1, "b'
    assert outcome.reply.finish_reason == "length"
    with pytest.raises(ValueError, match="Unterminated string"):
        made.parsed()


async def test_f30_a_filtered_answer_and_a_refusal_are_told_apart(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body(say.completion("Half", "content_filter")), say.answer("", refusal="I will not."))
    filtered = (await call(kind, server.url)).reply
    assert (filtered.text, filtered.finish_reason, filtered.refusal) == ("Half", "content_filter", "")
    refused = (await call(kind, server.url)).reply
    assert (refused.text, refused.refusal) == ("", "I will not.")
