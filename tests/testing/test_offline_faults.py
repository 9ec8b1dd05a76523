"""Every scripted fault, seen at the level where it hurts: bare sockets or a plain HTTP client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from shared_core.testing import (
    PROVIDER_QUIRKS,
    BadGzip,
    Cut,
    Endless,
    ExtraHeaders,
    Junk,
    OfflineRouter,
    Pieces,
    Raw,
    RawHTTP,
    SlowChunks,
    SlowHead,
    Stall,
    Status,
    StreamError,
)

Post = Callable[..., httpx2.Response]
RawExchange = Callable[..., tuple[bytes, BaseException | None]]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504])
def test_a_status_comes_with_a_body_that_was_seen_with_it(
    router: OfflineRouter, post: Post, status: int
) -> None:
    router.queue(Status(status))
    reply = post()
    assert reply.status_code == status
    said = reply.json() if reply.headers["content-type"] == "application/json" else reply.text
    assert said
    assert "x-request-id" in reply.headers


BODIES = {
    "a page": ("<html>gateway</html>", "text/html"),
    "text": ("404: Not Found", "text/plain; charset=utf-8"),
    "JSON": ({"error": "x"}, "application/json"),
    "bytes": (b"\x00\x01", "text/plain; charset=utf-8"),
    "nothing": ("", "text/plain; charset=utf-8"),
}


@pytest.mark.parametrize(("body", "kind"), BODIES.values(), ids=BODIES.keys())
def test_a_200_can_carry_any_body(router: OfflineRouter, post: Post, body: object, kind: str) -> None:
    router.queue(Status(200, body))
    reply = post()
    assert reply.status_code == 200
    assert reply.headers["content-type"] == kind
    assert reply.content == (json.dumps(body).encode() if isinstance(body, dict) else _bytes(body))


def _bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else body  # type: ignore[return-value]


def test_headers_of_a_status_are_sent_and_can_change_the_content_type(
    router: OfflineRouter, post: Post
) -> None:
    router.queue(
        Status(429, {"detail": "x"}, {"Retry-After": "7", "Content-Type": "application/problem+json"})
    )
    reply = post()
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["content-type"] == "application/problem+json"


def test_further_headers_leave_the_answer_right(router: OfflineRouter, post: Post) -> None:
    router.queue(ExtraHeaders({"Retry-After": "2", "Inference-Id": "abc"}))
    reply = post("hi")
    assert reply.json()["choices"][0]["message"]["content"] == "hi"
    assert (reply.headers["retry-after"], reply.headers["inference-id"]) == ("2", "abc")


def test_items_are_used_one_a_request_first_in_first_out(router: OfflineRouter, post: Post) -> None:
    router.queue(Status(503), Status(429))
    router.queue(Status(500), times=2)
    assert [post().status_code for _ in range(5)] == [503, 429, 500, 500, 200]
    assert router.queued == 0


def test_an_item_for_a_model_waits_for_that_model(router: OfflineRouter, post: Post) -> None:
    router.queue(Status(503), match="offline/echo:groq")
    codes = [
        post(model=name).status_code for name in ("offline/echo", "offline/echo:groq", "offline/echo:groq")
    ]
    assert codes == [200, 503, 200]


def test_an_item_without_end_stays(router: OfflineRouter, post: Post) -> None:
    router.queue(Status(503), times=-1)
    assert {post().status_code for _ in range(4)} == {503}
    router.forget()
    assert post().status_code == 200


def test_an_item_for_the_catalogue_leaves_chat_alone(router: OfflineRouter, post: Post) -> None:
    router.queue(Status(500), path="/v1/models")
    assert post().status_code == 200
    assert [httpx2.get(f"{router}/models").status_code for _ in range(2)] == [500, 200]


def test_several_faults_can_meet_in_one_request(router: OfflineRouter, post: Post) -> None:
    router.queue(
        (PROVIDER_QUIRKS["tgi"], ExtraHeaders({"x-extra": "1"}), Cut(after=2, chunks=True, how="end"))
    )
    reply = post("one two three", stream=True)
    assert reply.headers["x-extra"] == "1"
    assert reply.text.count("data:{") == 2
    assert len(router.requests[0].faults) == 3


def test_a_slow_head_delays_the_status_line(router: OfflineRouter, post: Post) -> None:
    router.queue(SlowHead(0.15))
    started = time.perf_counter()
    assert post().status_code == 200
    assert time.perf_counter() - started >= 0.15


def test_slow_chunks_come_one_by_one_after_the_first_few(router: OfflineRouter) -> None:
    router.queue(SlowChunks(0.05, after=2))
    body = {"model": "offline/echo", "stream": True, "messages": [{"role": "user", "content": "a b"}]}
    times = []
    with httpx2.stream("POST", f"{router}/chat/completions", json=body) as reply:
        for _ in reply.iter_raw():
            times.append(time.perf_counter())
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len([gap for gap in gaps if gap >= 0.04]) == 3  # "b", the finish, [DONE]


def test_pieces_cut_the_bytes_anywhere_and_lose_none(router: OfflineRouter, post: Post) -> None:
    whole = post("Ünïcode 你好", stream=True).content
    router.queue(Pieces(1), Pieces(3))
    for _ in range(2):
        again = post("Ünïcode 你好", stream=True).content
        assert len(again) == len(whole)
        assert again.endswith(b"data: [DONE]\n\n")


def body_of(raw: bytes) -> bytes:
    """The decoded chunks of a raw HTTP reply, as far as they came."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return rest
    decoded = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        decoded += rest[: int(size or b"0", 16)]
        rest = rest[int(size or b"0", 16) + 2 :]
    return decoded


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("after", [0, 1, 57, 200])
def test_a_close_cuts_after_exactly_so_many_bytes(
    router: OfflineRouter, raw_exchange: RawExchange, stream: bool, after: int
) -> None:
    router.queue(Cut(after=after))
    raw, error = raw_exchange("one two three", stream=stream)
    assert raw.startswith(b"HTTP/1.1 200")
    assert len(body_of(raw)) == after
    assert not raw.endswith(b"0\r\n\r\n")
    assert error is None
    assert router.wait_idle()
    assert router.requests[0].outcome == "broken"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_reset_is_felt_as_a_reset(router: OfflineRouter, raw_exchange: RawExchange, stream: bool) -> None:
    router.queue((Cut(after=3, how="reset"), SlowHead(0.01)))
    _, error = raw_exchange(stream=stream)
    assert isinstance(error, ConnectionResetError)


@pytest.mark.parametrize(("how", "expected"), [("close", type(None)), ("reset", ConnectionResetError)])
def test_a_connection_can_break_before_the_head(
    router: OfflineRouter, raw_exchange: RawExchange, how: str, expected: type
) -> None:
    router.queue(Cut(after=None, how=how))
    raw, error = raw_exchange()
    assert raw == b""
    assert isinstance(error, expected)
    assert router.wait_idle()
    assert router.requests[0].status == 0


def test_a_correct_end_hides_the_cut_from_http(router: OfflineRouter, post: Post) -> None:
    router.queue(Cut(after=3, chunks=True, how="end"))
    text = post("one two three", stream=True).text
    assert text.count("data: ") == 3
    assert 'finish_reason":"stop' not in text


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("after", [None, 0, 1])
def test_a_stall_keeps_the_connection_and_sends_nothing_more(
    router: OfflineRouter, raw_exchange: RawExchange, after: int | None, stream: bool
) -> None:
    router.queue(Stall(after))
    raw, error = raw_exchange(stream=stream, timeout=0.2)
    assert isinstance(error, TimeoutError)
    assert (raw == b"") == (after is None)
    assert router.wait_idle()  # the server notices that the client went
    assert router.requests[0].outcome == "client left"


@pytest.mark.parametrize("data", [b": keep-alive\n\n", b"data: {}\n\n", b'data: {"choices":[]}\n\n'])
def test_endless_keep_alives_go_on_until_the_client_leaves(router: OfflineRouter, data: bytes) -> None:
    router.queue(Endless(data, seconds=0.005, after=1))
    body = {"model": "offline/echo", "stream": True, "messages": [{"role": "user", "content": "a"}]}
    received = b""
    with httpx2.stream("POST", f"{router}/chat/completions", json=body) as reply:
        for part in reply.iter_raw():
            received += part
            if received.count(data) > 20:
                break
    assert b'"role":"assistant"' in received
    assert router.wait_idle()
    assert router.requests[0].outcome == "client left"


def test_junk_stands_between_right_events_or_in_place_of_them(router: OfflineRouter, post: Post) -> None:
    router.queue(Junk(b"\x00junk\n\n", after=1), Junk(b"<html>", after=1, instead=True))
    between, instead = (post("hi", stream=True).content for _ in range(2))
    assert between.count(b"\x00junk") == 1
    assert between.endswith(b"[DONE]\n\n")
    assert instead.endswith(b"<html>")


def test_bad_gzip_cannot_be_decoded(router: OfflineRouter, post: Post) -> None:
    router.queue(BadGzip())
    with pytest.raises(httpx2.DecodingError):
        post()


ERRORS = {
    "openai": b'data: {"error":{"message":"boom"',
    "text": b'data: {"error":"boom"}',
    "tgi": b'data: {"error":"boom","error_type":"generation"}',
    "event": b'event: error\ndata: {"error":{"message":"boom"',
}


@pytest.mark.parametrize(("form", "line"), ERRORS.items(), ids=ERRORS.keys())
@pytest.mark.parametrize("after", [0, 2])
def test_an_error_comes_inside_a_200_stream(
    router: OfflineRouter, post: Post, form: str, line: bytes, after: int
) -> None:
    router.queue(StreamError(after, form, "boom"))
    reply = post("one two three", stream=True)
    assert reply.status_code == 200
    assert line in reply.content
    assert reply.content.count(b"data: ") == after + 1
    assert b"[DONE]" not in reply.content


def test_an_error_in_a_stream_can_be_followed_by_done(router: OfflineRouter, post: Post) -> None:
    router.queue(StreamError(1, "openai", done=True))
    assert post(stream=True).text.endswith("data: [DONE]\n\n")


def test_raw_bytes_are_sent_as_they_are(router: OfflineRouter, post: Post) -> None:
    router.queue(Raw((b"data: a\r\n", b"\r\n\xff")), Raw(b"x", "text/plain", 418))
    first, second = post(), post()
    assert (first.content, first.headers["content-type"]) == (b"data: a\r\n\r\n\xff", "text/event-stream")
    assert (second.content, second.status_code) == (b"x", 418)


def test_raw_http_bypasses_the_server(router: OfflineRouter, raw_exchange: RawExchange) -> None:
    router.queue(RawHTTP(b"SSH-2.0-nothing here\r\n"))
    assert raw_exchange() == (b"SSH-2.0-nothing here\r\n", None)
    raw, _ = raw_exchange(timeout=0.1)
    assert raw.startswith(b"HTTP/1.1 200")


def test_a_fault_replaces_even_a_refusal(router: OfflineRouter, post: Post) -> None:
    router.queue(Status(503))
    assert post(model="nobody/nothing").status_code == 503


@pytest.mark.parametrize("make", [lambda: Cut(how="gently")], ids=["cut"])
def test_a_misspelt_fault_is_an_error_at_once(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="gently"):
        make()


def test_a_client_that_leaves_in_the_middle_makes_no_noise(
    router: OfflineRouter, caplog: pytest.LogCaptureFixture
) -> None:
    body = {
        "model": "offline/echo",
        "stream": True,
        "messages": [{"role": "user", "content": "word " * 20_000}],
    }
    with httpx2.stream("POST", f"{router}/chat/completions", json=body) as reply:
        next(reply.iter_raw())
    assert router.wait_idle()
    assert router.requests[0].outcome == "client left"
    assert not caplog.records
