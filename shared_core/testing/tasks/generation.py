"""Text generation on hf-inference, as TGI does it: `[{"generated_text"}]`, and a stream of tokens."""

from __future__ import annotations

import hashlib
from typing import Any

from shared_core.testing.embedding.calls import sound
from shared_core.testing.endpoint import json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal, bad_shape, too_long
from shared_core.testing.sse import error_event, event, to_json
from shared_core.testing.tokens import count
from shared_core.testing.validate import json_type

from .completions import CONTEXT, stop_texts
from .fields import Fields
from .refusals import HF
from .written import Written, write

__all__ = ["generate"]

_USUAL = 20
_REASONS = {"end": "eos_token", "stop": "stop_sequence", "length": "length"}


def _invalid(text: str) -> Refusal:
    return HF.refused(422, f"Input validation error: {text}", "validation")


def generate(fields: Fields, headers: dict[str, str], fails: str = "") -> Reply:
    """The reply to a request for text, streamed where that is wanted."""
    prompt = fields.values.get("inputs")
    if "inputs" not in fields.values:
        raise bad_shape("missing field `inputs` at line 1 column 2")
    if not isinstance(prompt, str):
        raise bad_shape(f"inputs: invalid type: {json_type(prompt)}, expected a string at line 1 column 11")
    streams = bool(fields.values.get("stream"))
    try:
        return _answered(sound(prompt), fields.inner("parameters"), headers, streams, fails)
    except Refusal as refusal:
        if not streams or refusal.status != 422 or b"error_type" not in refusal.body:
            raise
        # Once it streams, TGI can only say so in the stream.
        return _events((b"data:" + refusal.body + b"\n\n",), headers)


def _answered(prompt: str, given: Fields, headers: dict[str, str], streams: bool, fails: str) -> Reply:
    if not prompt:
        raise _invalid("`inputs` cannot be empty")
    limit = given.values.get("max_new_tokens")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise _invalid("`max_new_tokens` must be strictly positive")
    limit = limit or _USUAL
    temperature = given.values.get("temperature")
    if temperature is not None and not (isinstance(temperature, int | float) and temperature > 0):
        raise _invalid("`temperature` must be strictly positive")
    if count(prompt) + limit > CONTEXT:
        raise too_long(count(prompt), limit, CONTEXT)
    seed = given.seed()
    written = write(prompt, limit, stop_texts(given), seed)
    whole = ("" if given.values.get("return_full_text") is False else prompt) + written.text
    headers |= {
        "x-compute-type": "cpu",
        "x-prompt-tokens": str(count(prompt)),
        "x-generated-tokens": str(len(written.tokens)),
    }
    if not streams:
        if fails:
            raise HF.refused(424, fails, "generation")
        details = {"details": _details(written, seed)} if given.values.get("details") else {}
        return json_reply([{"generated_text": whole} | details], headers)
    events = _tokens(written, whole, prompt, seed, bool(given.values.get("details")))
    if fails:
        return _events((*events[: len(events) // 2], error_event("tgi", fails)), headers)
    return _events(tuple(events), headers)


def _token(text: str) -> dict[str, Any]:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")
    return {"id": number, "text": text, "logprob": -round(number / 65536, 6), "special": False}


def _details(written: Written, seed: int | None) -> dict[str, Any]:
    return {
        "finish_reason": _REASONS[written.reason],
        "generated_tokens": len(written.tokens),
        "seed": seed,
        "prefill": [],
        "tokens": [_token(token) for token in written.tokens],
    }


def _tokens(written: Written, whole: str, prompt: str, seed: int | None, detailed: bool) -> list[bytes]:
    last = len(written.tokens)
    events = []
    for index, token in enumerate(written.tokens, 1):
        ended = index == last
        details = {
            "finish_reason": _REASONS[written.reason],
            "generated_tokens": last,
            "seed": seed,
            "input_length": count(prompt),
        }
        body = {
            "index": index,
            "token": _token(token),
            "generated_text": whole if ended else None,
            "details": details if ended and detailed else None,
        }
        events.append(event(to_json(body)))
    return events


def _events(events: tuple[bytes, ...], headers: dict[str, str]) -> Reply:
    return Reply(200, headers | {"content-type": "text/event-stream", "cache-control": "no-cache"}, events)
