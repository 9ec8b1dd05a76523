"""One try on one target, stepped by hand: which effects it asks for, in which order, on which clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core import errors
from shared_core.client.exchange import Exchange
from shared_core.client.settings import Keyring
from shared_core.flow import Drain, Emit, Offload, Read, Send
from shared_core.types import ApiKey, Call, ChatRequest, LookupRequest, Progress, Target, Timeouts, Waits

HELLO = [{"role": "user", "content": "Hello!"}]
ANSWER = json.dumps(
    {"model": "m", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
).encode()
LIMITS = Timeouts(total=100, connect=5, first_token=30, gap=10)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Reply:
    """The head of a reply; its body is what the test answers to `Read`."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


EVENTS = {"content_type": "text/event-stream"}


class Try:
    """A try that is answered effect by effect."""

    def __init__(
        self, *, stream: bool = False, key: ApiKey | None = None, look_up: Any = None, request: Any = None
    ) -> None:
        self.clock = Clock()
        self.waits = Waits(LIMITS, self.clock, streamed=stream)
        target = Target("https://router.huggingface.co/v1", key or ApiKey("hf_k"))
        self.call = Call(
            request or ChatRequest(HELLO, "org/name:groq", stream=stream),
            target,
            self.waits,
            Progress(self.clock()),
        )
        self.exchange = Exchange(Keyring(look_up), wall_clock=lambda: 1_786_000_000.0)
        self.flow = self.exchange.look_up(self.call) if request else self.exchange.chat(self.call)
        self.result: Any = None
        self.asked: list[str] = []
        self.effect: Any = self._note(next(self.flow))

    def answer(self, value: Any = None, *, after: float = 0.0) -> Any:
        """Answers the effect, some seconds later; gives the next one, or None at the end."""
        self.clock.now += after
        try:
            self.effect = self._note(self.flow.send(value))
        except StopIteration as end:
            self.effect, self.result = None, end.value
        return self.effect

    def _note(self, effect: Any) -> Any:
        self.asked.append(type(effect).__name__)
        return effect


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"model": "m", "choices": [choice]}).encode() + b"\n\n"


def test_a_plain_call_sends_reads_and_is_done() -> None:
    attempt = Try()
    assert attempt.effect.request.url == "https://router.huggingface.co/v1/chat/completions"
    attempt.answer(Reply(x_request_id="r1", x_inference_provider="novita"), after=2)
    attempt.answer(ANSWER, after=1)
    attempt.answer(b"")
    assert attempt.asked == ["Send", "Read", "Read"]
    meta = attempt.result.meta
    assert (meta.latency_s, meta.first_token_s, meta.attempts) == (3, None, 1)
    assert (meta.provider, meta.request_id, meta.model) == ("novita", "r1", "m")


def test_the_provider_that_was_asked_for_counts_when_none_is_named() -> None:
    attempt = Try()
    attempt.answer(Reply())
    attempt.answer(ANSWER)
    attempt.answer(b"")
    assert attempt.result.meta.provider == "groq"


def test_a_stream_emits_as_it_reads_and_drains_what_stands_behind_its_end() -> None:
    attempt = Try(stream=True)
    attempt.answer(Reply(**EVENTS), after=1)
    attempt.answer(event({"role": "assistant", "content": ""}), after=1)
    assert isinstance(attempt.effect, Read)  # no content yet: nothing to emit
    attempt.answer(event({"content": "a"}) + event({"content": "b"}), after=1)
    assert [delta.text for delta in attempt.effect.deltas] == ["a", "b"]
    attempt.answer()
    attempt.answer(event({}, "stop") + b"data: [DONE]\n\n", after=1)
    assert isinstance(attempt.effect, Emit)
    assert isinstance(attempt.answer(), Drain)
    attempt.answer()
    assert attempt.asked == ["Send", "Read", "Read", "Emit", "Read", "Emit", "Drain"]
    assert attempt.result.text == "ab"
    assert (attempt.result.meta.first_token_s, attempt.result.meta.latency_s) == (3, 4)


def test_a_stream_that_the_server_ended_needs_no_draining() -> None:
    attempt = Try(stream=True)
    attempt.answer(Reply(**EVENTS))
    attempt.answer(event({"content": "a"}, "stop"))
    attempt.answer()
    attempt.answer(b"")
    assert attempt.effect is None
    assert "Drain" not in attempt.asked


def test_content_starts_the_gap_anew_and_comments_do_not() -> None:
    attempt = Try(stream=True)
    attempt.waits.sending()  # as the transport does
    attempt.answer(Reply(**EVENTS), after=5)
    attempt.answer(b": keep-alive\n\n", after=5)
    assert attempt.waits.left() == 20
    attempt.answer(event({"content": "a"}), after=5)
    attempt.answer(after=50)  # the caller takes its time
    assert (attempt.waits.left(), attempt.waits.phase) == (10, "gap")
    attempt.answer(b": keep-alive\n\n", after=4)
    assert attempt.waits.left() == 6


def test_an_ambient_token_is_looked_for_where_it_holds_nobody_up_before_anything_is_sent() -> None:
    attempt = Try(key=ApiKey(None), look_up=lambda: "hf_found")
    assert isinstance(attempt.effect, Offload)
    attempt.answer(attempt.effect.function())
    assert isinstance(attempt.effect, Send)
    assert attempt.effect.request.key.reveal() == "hf_found"


def test_a_token_that_was_found_is_not_looked_for_again() -> None:
    attempt = Try(key=ApiKey(None), look_up=lambda: "hf_found")
    attempt.answer(attempt.effect.function())
    again = attempt.exchange.chat(attempt.call)
    assert isinstance(next(again), Send)
    again.close()


def test_without_a_token_a_chat_ends_before_it_is_sent_and_a_look_up_goes_on_without() -> None:
    attempt = Try(key=ApiKey(None), look_up=lambda: "")
    with pytest.raises(errors.Unauthorized) as caught:
        attempt.effect.function()
    with pytest.raises(errors.Unauthorized):
        attempt.flow.throw(caught.value)
    attempt = Try(key=ApiKey(None), look_up=lambda: "", request=LookupRequest("/models"))
    attempt.effect = attempt.flow.throw(caught.value)
    assert isinstance(attempt.effect, Send)
    assert attempt.effect.request.key.reveal() == ""


def test_of_an_error_only_the_beginning_is_read() -> None:
    attempt = Try()
    attempt.answer(Reply(500))
    with pytest.raises(errors.ProviderFailed):
        _ = [attempt.answer(b"x" * 10_000) for _ in range(100)]
    assert attempt.asked.count("Read") < 10


def test_a_date_to_come_back_at_is_measured_on_the_wall_clock() -> None:
    attempt = Try()
    attempt.answer(Reply(429, retry_after="Thu, 06 Aug 2026 07:07:10 GMT"))
    attempt.answer(b"{}")
    with pytest.raises(errors.RateLimited) as caught:
        attempt.answer(b"")
    assert caught.value.retry_after == 30


def test_a_reply_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.client.exchange._LARGEST_REPLY", 1000)
    attempt = Try()
    attempt.answer(Reply())
    with pytest.raises(errors.MalformedResponse, match="larger than"):
        _ = [attempt.answer(b"x" * 100) for _ in range(20)]


def test_a_refusal_whose_explanation_breaks_off_stays_a_refusal() -> None:
    attempt = Try()
    attempt.answer(Reply(401))
    with pytest.raises(errors.Unauthorized):
        attempt.flow.throw(errors.ConnectionLost("gone"))


def test_a_stream_of_one_unterminated_event_knows_its_first_token_too() -> None:
    attempt = Try(stream=True)
    attempt.answer(Reply(**EVENTS), after=1)
    attempt.answer(event({"content": "a"}, "stop").rstrip(), after=1)
    attempt.answer(b"", after=1)
    assert [delta.text for delta in attempt.effect.deltas] == ["a"]
    attempt.answer()
    assert attempt.result.meta.first_token_s == 3


def test_a_second_try_forgets_who_answered_the_first() -> None:
    attempt = Try()
    attempt.answer(Reply(500, x_request_id="r1", x_inference_provider="novita"))
    progress = attempt.call.progress
    assert (progress.request_id, progress.provider) == ("r1", "novita")
    again = attempt.exchange.chat(attempt.call)
    next(again)
    assert (progress.request_id, progress.provider, progress.attempts) == (None, None, 2)
    again.close()
    attempt.flow.close()
