"""A streamed reply that does not come to its end: what is told, and that nothing is lost that had come."""

from __future__ import annotations

import pytest
from stream_bodies import DONE, META, chunk, event, read, text

from shared_core import errors
from shared_core.wire.chat_stream import ChatStreamReader

BROKEN: dict[str, tuple[list[bytes], type[errors.RouterError], str]] = {
    "nothing at all": ([], errors.MalformedResponse, "without any answer"),
    "only keep-alives": ([b": hi\n\n", event({})], errors.MalformedResponse, "without any answer"),
    "only [DONE]": ([DONE], errors.MalformedResponse, "without any answer"),
    "an end in the middle": (
        [event(text("Hel"))],
        errors.MalformedResponse,
        "neither a finish reason nor [DONE]",
    ),
    "one of two answers unfinished": (
        [event(text("a", "stop")), event(text("x", index=1))],
        errors.MalformedResponse,
        "neither a finish reason nor [DONE]",
    ),
    "an event that is no JSON": (
        [event(text("Hel")), b"data: {nonsense\n\n"],
        errors.MalformedResponse,
        "not JSON",
    ),
    "an event cut in the middle": (
        [event(text("Hel")), b'data: {"choices":[{"del'],
        errors.MalformedResponse,
        "not JSON",
    ),
    "a web page": ([b"<html><body>login</body></html>\n\n"], errors.MalformedResponse, "without any answer"),
    "TGI's error as the only event": (
        [
            event(
                {
                    "error": "Input validation error: `inputs` must be <= 4096. Given: 5000",
                    "error_type": "validation",
                }
            )
        ],
        errors.InputTooLong,
        "4096",
    ),
    "OpenAI's error object": (
        [
            event(text("Hel")),
            event({"error": {"message": "slow", "type": "x", "code": "rate_limit_exceeded"}}),
        ],
        errors.RateLimited,
        "slow",
    ),
    "an error beside choices": (
        [event(chunk({"content": "x"}, None, error={"message": "oh"}))],
        errors.ProviderFailed,
        "oh",
    ),
    "an event called error": ([b'event: error\ndata: {"message": "oh"}\n\n'], errors.ProviderFailed, "oh"),
    "an event called error that is no JSON": (
        [b"event: error\ndata: overloaded\n\n"],
        errors.RouterError,
        "overloaded",
    ),
    "vLLM's error object": (
        [event({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400})],
        errors.BadRequest,
        "bad",
    ),
    "the finish reason error": (
        [event(text("Hel")), event(chunk({}, "error"))],
        errors.ProviderFailed,
        "'error'",
    ),
}


@pytest.mark.parametrize(("body", "kind", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_stream_is_an_error(body: list[bytes], kind: type[errors.RouterError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read(*body)
    assert words in caught.value.message


def test_what_came_before_the_break_is_not_lost() -> None:
    reader = ChatStreamReader()
    reader.feed(event(text("Hel")))
    with pytest.raises(errors.ProviderFailed):
        reader.feed(event({"error": "oh"}))
    assert reader.reply(META).text == "Hel"
    assert reader.reply(META).finish_reason is None


def test_what_comes_in_the_same_read_as_the_break_is_not_lost_either() -> None:
    reader = ChatStreamReader()
    assert [delta.text for delta in reader.feed(event(text("Hel")) + event({"error": "oh"}))] == ["Hel"]
    assert isinstance(reader.failure, errors.ProviderFailed)
    with pytest.raises(errors.ProviderFailed):
        reader.end()


def test_an_unterminated_last_event_that_finishes_nothing_is_shown_and_then_missed() -> None:
    reader = ChatStreamReader()
    reader.feed(event(text("Hel")))
    reader.feed(event(text("lo")).rstrip())
    assert [delta.text for delta in reader.end()] == ["lo"]
    assert isinstance(reader.failure, errors.MalformedResponse)


def test_an_event_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = ChatStreamReader()
    reader.feed(event(text("Hel")))
    with pytest.raises(errors.MalformedResponse, match="larger than"):
        _ = [reader.feed(b"x" * 2**20) for _ in range(40)]


def test_a_token_in_an_unreadable_event_is_not_repeated() -> None:
    with pytest.raises(errors.MalformedResponse) as caught:
        read(b"data: no such key: hf_abcdefghijklmnopqrstuvwxyz\n\n")
    assert "hf_abc" not in str(caught.value)
