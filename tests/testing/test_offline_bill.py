"""The offline router's bill: what is charged, what is not, and that its tariffs are its published prices."""

from __future__ import annotations

import contextlib
import json

import httpx
import pytest

from shared_core.testing import (
    BadGzip,
    Cut,
    Endless,
    ExtraHeaders,
    Junk,
    Loading,
    OfflineRouter,
    Pieces,
    Quirks,
    Raw,
    RawHTTP,
    SlowChunks,
    Stall,
    Status,
    StreamError,
)
from shared_core.testing.bill import EMBED_TARIFFS, TARIFFS, Charge, Tariff, settle
from shared_core.testing.catalogue import PROVIDERS

TEXT = "one two three four five six seven eight"  # 8 tokens; the prompt has 3 more


def chat(url: OfflineRouter, provider: str = "novita", **body: object) -> httpx.Response:
    body = {"model": f"offline/echo:{provider}", "messages": [{"role": "user", "content": TEXT}], **body}
    return httpx.post(f"{url}/chat/completions", json=body, timeout=10)


def leave(url: OfflineRouter, events: int, **body: object) -> str:
    """Reads so many events of a stream, then closes it."""
    body = {"model": "offline/echo:novita", "stream": True, **body}
    body["messages"] = [{"role": "user", "content": TEXT}]
    with httpx.stream("POST", f"{url}/chat/completions", json=body, timeout=10) as reply:
        request_id = reply.headers["x-request-id"]
        for seen, _ in enumerate((line for line in reply.iter_lines() if line), 1):
            if seen == events:
                break
    return request_id


@pytest.mark.parametrize("provider", [name for name, facts in PROVIDERS.items() if "pricing" in facts])
def test_the_tariffs_are_the_published_prices_in_nano_dollars_a_token(provider: str) -> None:
    pricing = PROVIDERS[provider]["pricing"]
    tariff = TARIFFS[provider]
    assert (tariff.prompt, tariff.completion) == (
        round(pricing["input"] * 1000),
        round(pricing["output"] * 1000),
    )
    cached = pricing.get("cached_input")
    assert tariff.cached == (None if cached is None else round(cached * 1000))


def test_nobody_charges_without_a_published_price() -> None:
    assert set(TARIFFS) == {name for name, facts in PROVIDERS.items() if "pricing" in facts}


def test_an_answer_is_charged_by_its_id(offline_url: OfflineRouter) -> None:
    first, second = chat(offline_url), chat(offline_url, "cerebras")
    bill = offline_url.bill
    one, two = (bill.entries[reply.headers["x-request-id"]] for reply in (first, second))
    assert (one.prompt_tokens, one.completion_tokens, one.nano_usd) == (11, 8, 11 * 420 + 8 * 3000)
    assert (two.model, two.provider, two.nano_usd) == ("offline/echo", "cerebras", 11 * 990 + 8 * 1490)
    assert bill.nano_usd == bill.of(bill.entries) == one.nano_usd + two.nano_usd


def test_a_stream_costs_what_the_plain_answer_does(offline_url: OfflineRouter) -> None:
    chat(offline_url, stream=True)
    chat(offline_url)
    streamed, plain = offline_url.bill.entries.values()
    assert streamed.nano_usd == plain.nano_usd


def test_cached_tokens_cost_less_only_where_they_have_a_price(offline_url: OfflineRouter) -> None:
    offline_url.queue(Quirks(cached_tokens=5), times=2)
    for provider in ("groq", "novita"):
        chat(offline_url, provider, max_tokens=1)
    groq, novita = offline_url.bill.entries.values()
    assert (groq.cached_tokens, groq.nano_usd) == (5, 6 * 100 + 5 * 50 + 500)
    assert (novita.cached_tokens, novita.nano_usd) == (0, 11 * 420 + 3000)


def test_no_more_is_cached_than_was_read(offline_url: OfflineRouter) -> None:
    offline_url.queue(Quirks(cached_tokens=10_000))
    usage = chat(offline_url, "groq").json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"] == 11


@pytest.mark.parametrize("provider", ["fireworks-ai", "featherless-ai"])
def test_a_provider_without_a_price_charges_nothing(offline_url: OfflineRouter, provider: str) -> None:
    assert chat(offline_url, provider).status_code == 200
    assert len(offline_url.bill) == 0


@pytest.mark.parametrize(
    "fault",
    [
        Status(503),
        Status(402),
        Status(200, {"error": "no"}),
        Loading(),
        Raw(b"data: {}\n\n"),
        RawHTTP(b"HTTP/1.1 200 OK\r\n\r\n"),
        BadGzip(),
        Cut(after=None, how="reset"),
        Cut(after=20),
        Cut(after=20, how="end"),
    ],
    ids=lambda fault: repr(fault)[:40],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_failed_is_not_charged(offline_url: OfflineRouter, fault: object, stream: bool) -> None:
    offline_url.queue(fault)  # type: ignore[arg-type]
    with contextlib.suppress(httpx.HTTPError):
        chat(offline_url, stream=stream)
    assert offline_url.wait_idle()
    assert len(offline_url.bill) == 0


def test_a_stream_that_the_server_gives_up_is_not_charged(offline_url: OfflineRouter) -> None:
    offline_url.queue(StreamError(after=3))
    chat(offline_url, stream=True)
    assert len(offline_url.bill) == 0


@pytest.mark.parametrize(
    "fault",
    [
        Pieces(size=5),
        Junk(after=2),
        ExtraHeaders({"x-more": "1"}),
        SlowChunks(0.001),
        Quirks(words_per_chunk=3),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_the_right_bytes_are_charged_however_they_come(offline_url: OfflineRouter, fault: object) -> None:
    chat(offline_url, stream=True)
    offline_url.queue(fault)  # type: ignore[arg-type]
    chat(offline_url, stream=True)
    straight, crooked = offline_url.bill.entries.values()
    assert straight.nano_usd == crooked.nano_usd


@pytest.mark.parametrize("way", [Stall(after=4), Endless(after=4)], ids=["silence", "keep-alives"])
def test_a_stream_that_the_client_leaves_is_charged_for_what_was_sent(
    offline_url: OfflineRouter, way: object
) -> None:
    offline_url.queue(way)  # type: ignore[arg-type]
    request_id = leave(offline_url, events=4)
    assert offline_url.wait_idle()
    line = offline_url.bill.entries[request_id]
    # The first event has the role alone, so that four hold three tokens.
    assert (line.prompt_tokens, line.completion_tokens) == (11, 3)
    assert line.nano_usd == 11 * 420 + 3 * 3000


def test_thoughts_and_tool_calls_that_were_sent_count_too() -> None:
    charge = Charge(
        "id", "m", "novita", Tariff(1, 10), 5, completion=100, stream=True, steps=(b"never sent",)
    )
    delta = {"role": "assistant", "reasoning": "well then", "content": "so", "tool_calls": []}
    call = {"tool_calls": [{"index": 0, "function": {"name": "add", "arguments": "{}"}}]}
    sent = [
        b"data: " + json.dumps({"choices": [{"delta": part}]}).encode() + b"\n\n" for part in (delta, call)
    ]
    entry = settle(charge, 200, [*sent, b'data: {"choices": [{"del'], left=True)
    assert entry is not None
    assert entry.completion_tokens == 2 + 1 + 1 + 2
    assert settle(charge, 200, sent, left=False) is None
    assert settle(charge, 0, sent, left=True) is None


def test_vectors_are_charged_at_the_providers_that_charge_by_the_token(offline_url: OfflineRouter) -> None:
    for provider in EMBED_TARIFFS:
        path = f"{offline_url.root}/{provider}/v1{'/openai' if provider == 'deepinfra' else ''}/embeddings"
        reply = httpx.post(path, json={"model": "offline/embed-8", "input": ["a b c", "d"]})
        assert reply.status_code == 200
    assert {line.provider: line.nano_usd for line in offline_url.bill.entries.values()} == {
        "deepinfra": 40,
        "scaleway": 400,
        "together": 80,
    }


def test_what_is_forgotten_leaves_the_bill(offline_url: OfflineRouter) -> None:
    chat(offline_url)
    offline_url.forget()
    assert (len(offline_url.bill), offline_url.bill.nano_usd) == (0, 0)


def test_a_plain_answer_that_the_client_left_was_written_all_the_same() -> None:
    charge = Charge("id", "m", "novita", Tariff(1, 10), 5, completion=7, steps=(b"a long body",))
    entry = settle(charge, 200, [], left=True)
    assert entry is not None
    assert entry.nano_usd == 5 + 70
    assert settle(charge, 503, [b"a long body"], left=False) is None
