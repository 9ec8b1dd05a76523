"""Every recorded chat call comes out right through the core: sync, async on both transports, cut anywhere.

What must come out is worked out here by a reader that knows nothing of our wire code, and by two tables
written by hand: the error classes, and what is surprising about some recordings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.types import CHAT_PARAMS, ChatDelta, ChatReply

KINDS = ("threads", "httpx2", "aiohttp")

# What each recorded failure means, read from the recordings by a person.
ERRORS: dict[str, tuple[type[errors.RouterError], str]] = {
    "hf-inference_gemma-2b_missing-messages_422_2024-05": (errors.BadRequest, "missing field `messages`"),
    "hf-inference_gemma-2b_no-chat-template_422_2025-01": (errors.BadRequest, "template not found"),
    "hf-inference_meta-llama-3-70b-instruct_bad-body_422_2024-04": (
        errors.BadRequest,
        "expected a sequence",
    ),
    "hf-inference_meta-llama-3-70b-instruct_unauthorised_401_2025-03": (
        errors.Unauthorized,
        "Invalid username or password.",
    ),
    "openai_gpt-3-5-turbo_wrong-host-path_421_2025-01": (errors.ModelNotServed, "Welcome to the OpenAI API!"),
    "openai_missing-model_400_2025-01": (errors.BadRequest, "you must provide a model parameter"),
    "openai_wrong-host-path-no-model_421_2025-01": (errors.ModelNotServed, "Welcome to the OpenAI API!"),
}

# Requests that our client cannot make as they were made: no model, or no list of messages.
NO_MODEL = {"openai_missing-model_400_2025-01", "openai_wrong-host-path-no-model_421_2025-01"}
WRONG_PATH = {
    "openai_gpt-3-5-turbo_wrong-host-path_421_2025-01",
    "openai_wrong-host-path-no-model_421_2025-01",
}

ASKED = [{"role": "user", "content": "The recording decides."}]


@dataclass
class Expected:
    """What a person would read off the recorded body."""

    texts: dict[int, str]
    finish: dict[int, str | None]
    calls: list[tuple[str, str, Any]]
    usage: tuple[int, int, int] | None
    model: str
    id: str
    created: int
    fingerprint: str | None


def read_body(recording: Any) -> Expected:
    """A naive reading: split, parse, add up. Provider words are put right by hand."""
    chunks = _events(recording) if recording.is_event_stream else [json.loads(recording.body)]
    texts: dict[int, str] = {}
    finish: dict[int, str | None] = {}
    calls: list[tuple[str, str, Any]] = []
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            said = choice.get("delta") or choice.get("message") or {}
            index = choice["index"]
            texts[index] = texts.get(index, "") + (said.get("content") or "")
            finish[index] = choice.get("finish_reason") or finish.get(index)
            for call in said.get("tool_calls") or []:
                function = call["function"]
                arguments = function["arguments"]
                arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
                calls.append((str(call["id"]), function["name"], arguments))
    if finish.get(0) == "eos_token":  # TGI of 2024: its word for the end, and its end mark as text
        texts[0] = texts[0].removesuffix("</s>")
    words = {"eos": "stop", "eos_token": "tool_calls" if calls else "stop"}
    head = next(chunk for chunk in chunks if chunk["choices"])
    return Expected(
        texts,
        {index: words.get(reason or "", reason) for index, reason in finish.items()},
        calls,
        usage and (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
        head["model"],
        head["id"],
        head["created"],
        head.get("system_fingerprint") or None,
    )


def _events(recording: Any) -> list[dict[str, Any]]:
    found = []
    for event in recording.body.decode().strip().split("\n\n"):
        data = event.removeprefix("data:").strip()
        if data != "[DONE]":
            # One recording ends with a stray quotation mark.
            found.append(json.loads(data.removesuffix('}"') + "}" if data.endswith('}"') else data))
    return found


def arguments_for(recording: Any) -> tuple[Any, dict[str, Any]]:
    """The recorded request as arguments of `chat`: what no list of messages or parameter is goes extra."""
    request = {name: value for name, value in recording.request.items() if value is not None}
    request.pop("stream", None)
    options: dict[str, Any] = {"model": request.pop("model", "none/none")}
    messages = request.pop("messages", ASKED)
    extra = {name: request.pop(name) for name in list(request) if name not in CHAT_PARAMS}
    if not isinstance(messages, list):
        messages, extra["messages"] = ASKED, messages
    return messages, {**options, **request, **({"extra_body": extra} if extra else {})}


def sent_like_recorded(recording: Any, target: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """Our request is the recorded one, but for Nones, the order of keys, and what is ours by intent."""
    assert next(iter(body)) == "model"
    body = dict(body)
    assert body.pop("stream_options", {"include_usage": True}) == {"include_usage": True}
    recorded = {name: value for name, value in recording.request.items() if value is not None}
    if not recorded.get("stream"):
        recorded.pop("stream", None)
        body.pop("stream", None)
    if str(recording) in NO_MODEL:
        assert body.pop("model") == "none/none"
    if "messages" not in recorded:
        assert body.pop("messages") == ASKED
    assert body == recorded
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer canary"
    path = "/chat/completions" if str(recording) in WRONG_PATH else f"{recording.base_path}/chat/completions"
    assert target == path


async def call(
    kind: str, url: str, messages: Any, *, stream: bool, reasoning_tags: bool = False, **options: Any
) -> tuple[ChatReply, list[ChatDelta]]:
    """One call through one of our clients; (reply, deltas), the latter empty for a plain call."""
    settings = {"api_key": "canary", "base_url": url, "max_retries": 0, "timeout": 10.0}
    if kind == "threads":
        router = HFRouter(**settings, reasoning_tags=reasoning_tags)
        if not stream:
            return router.chat(messages, **options), []
        with router.stream(messages, **options) as answer:
            deltas = list(answer)
        return answer.reply, deltas
    async with AsyncHFRouter(**settings, reasoning_tags=reasoning_tags, transport=kind) as arouter:
        if not stream:
            return await arouter.chat(messages, **options), []
        async with arouter.stream(messages, **options) as answer:
            deltas = [delta async for delta in answer]
        return answer.reply, deltas


def reply_is(expected: Expected, reply: ChatReply) -> None:
    assert {choice.index: choice.text for choice in reply.choices} == expected.texts
    assert {choice.index: choice.finish_reason for choice in reply.choices} == expected.finish
    calls = [(made.id, made.name, made.parsed()) for made in reply.tool_calls]
    assert calls == expected.calls
    usage = reply.usage
    assert (usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)) == expected.usage
    assert (reply.meta.model, reply.id, reply.created) == (expected.model, expected.id, expected.created)
    assert reply.system_fingerprint == expected.fingerprint
    assert reply.meta.attempts == 1


def deltas_are(expected: Expected, deltas: list[ChatDelta]) -> None:
    """The pieces add up, each finish reason comes once, the usage once and last."""
    texts = {index: "".join(d.text for d in deltas if d.index == index) for index in expected.texts}
    assert texts == expected.texts
    assert [(d.index, d.finish_reason) for d in deltas if d.finish_reason] == list(expected.finish.items())
    counted = [place for place, delta in enumerate(deltas) if delta.usage is not None]
    assert counted == ([len(deltas) - 1] if expected.usage else [])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recorded_answer_comes_out_right(kind: str, answered: Any, replay: Any) -> None:
    url = replay.play(answered)
    messages, options = arguments_for(answered)
    stream = bool(answered.request.get("stream"))
    reply, deltas = await call(kind, url, messages, stream=stream, **options)
    expected = read_body(answered)
    reply_is(expected, reply)
    named = {name.lower(): value for name, value in answered.headers.items()}
    assert reply.meta.request_id == named.get("x-request-id")
    assert {name: reply.meta.headers[name] for name in named} == named
    if stream:
        deltas_are(expected, deltas)
    else:
        assert reply.raw == json.loads(answered.body)
    (sent,) = replay.requests  # one request: `retry-after` on a success, as together sends it, is no reason
    sent_like_recorded(answered, *sent)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recorded_failure_is_told_as_what_it_is(kind: str, failed: Any, replay: Any) -> None:
    url = replay.play(failed)
    messages, options = arguments_for(failed)
    wanted, words = ERRORS[str(failed)]
    with pytest.raises(errors.RouterError) as caught:
        await call(kind, url, messages, stream=bool(failed.request.get("stream")), **options)
    assert type(caught.value) is wanted
    assert caught.value.status == failed.status
    assert words in caught.value.message
    assert caught.value.hint
    assert "canary" not in str(caught.value)
    (sent,) = replay.requests
    sent_like_recorded(failed, *sent)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", [1, 7, 1021])
async def test_a_recorded_stream_comes_out_the_same_however_it_is_cut(
    piece: int, kind: str, streamed: Any, replay: Any
) -> None:
    if piece == 1 and len(streamed.body) > 6000:
        piece = 3  # sixty thousand writes would prove no more
    if piece < 100 and len(streamed.body) > 20_000:
        piece = 101
    url = replay.play(streamed, piece)
    messages, options = arguments_for(streamed)
    reply, deltas = await call(kind, url, messages, stream=True, **options)
    expected = read_body(streamed)
    reply_is(expected, reply)
    deltas_are(expected, deltas)


@pytest.mark.parametrize("kind", KINDS)
async def test_think_tags_are_split_off_where_that_is_asked_for(
    kind: str, answered: Any, replay: Any
) -> None:
    url = replay.play(answered)
    messages, options = arguments_for(answered)
    stream = answered.is_event_stream
    reply, deltas = await call(kind, url, messages, stream=stream, reasoning_tags=True, **options)
    whole = read_body(answered).texts[0]
    reasoning, answer = "", whole
    if whole.startswith("<think>"):
        reasoning, _, answer = whole.removeprefix("<think>").partition("</think>")
    assert (reply.reasoning, reply.text) == (reasoning.strip("\n"), answer.lstrip() if reasoning else answer)
    if deltas:
        assert "".join(d.reasoning for d in deltas) == reply.reasoning
        assert "".join(d.text for d in deltas) == reply.text


def test_three_recordings_do_think_aloud(all_recordings: list[Any]) -> None:
    """The test above would prove nothing without them."""
    assert sum(b"<think>" in item.body for item in all_recordings) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_what_cannot_be_asked_is_told_before_the_wire(kind: str, failed: Any, replay: Any) -> None:
    """Two recorded requests have no list of messages, two no model: the core sends none of them as they are."""
    url = replay.play(failed)
    request = failed.request
    if isinstance(request.get("messages"), list) and "model" in request:
        assert str(failed) not in NO_MODEL
        return
    with pytest.raises((errors.BadRequest, errors.ConfigError)) as caught:
        await call(kind, url, request.get("messages", []), stream=False, model=request.get("model"))
    assert caught.value.status is None
    assert replay.requests == []


def test_the_files_are_those_of_the_index(all_recordings: list[Any], index_rows: list[str]) -> None:
    assert [f"chat/{item.path.name}" for item in all_recordings] == index_rows


def test_every_failure_is_in_the_table(all_recordings: list[Any]) -> None:
    assert {str(item) for item in all_recordings if item.status != 200} == ERRORS.keys()
