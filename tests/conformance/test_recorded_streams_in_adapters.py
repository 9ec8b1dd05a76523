"""Every recorded chat stream comes out right through LangChain and through LlamaIndex, sync and async.

The expectation is what `test_recordings` works out by naive reading; here it is read anew, shorter still,
because an adapter adds to what the core already proved only that nothing is lost on the way.
"""

from __future__ import annotations

import json
from functools import reduce
from operator import add
from typing import Any

import pytest

from shared_core import errors

STYLES = ("sync", "async")


def read_off(recording: Any) -> tuple[str, str, tuple[int, int, int] | None]:
    """(text, finish reason, token counts) of a recorded stream."""
    text, finish, usage = "", "", None
    for event in recording.body.decode().replace('}"', "}").strip().split("\n\n"):
        data = event.removeprefix("data:").strip()
        if data == "[DONE]":
            continue
        chunk = json.loads(data)
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice.get("finish_reason") or finish
    if finish == "eos_token":
        text = text.removesuffix("</s>")
    counts = usage and (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
    return text, {"eos": "stop", "eos_token": "stop"}.get(finish, finish), counts


def settings_for(recording: Any, url: str) -> dict[str, Any]:
    request = recording.request
    given = {name: request[name] for name in ("max_tokens", "temperature", "seed") if request.get(name)}
    extra = {name: request[name] for name in ("return_full_text",) if name in request}
    return {
        "model": request["model"],
        "base_url": url,
        "api_key": "canary",
        "max_retries": 0,
        "timeout": 10.0,
        **given,
        **({"extra_body": extra} if extra else {}),
    }


def sent_what_was_recorded(recording: Any, replay: Any) -> None:
    ((_, _, body),) = replay.requests
    recorded = {name: value for name, value in recording.request.items() if value not in (None, [], 0)}
    sent = {name: value for name, value in body.items() if name != "stream_options" and value != 0}
    assert sent == recorded
    assert next(iter(body)) == "model"


@pytest.mark.parametrize("style", STYLES)
async def test_langchain_streams_what_was_recorded(style: str, streamed: Any, replay: Any) -> None:
    from langchain_hfrouter import ChatHFRouter

    llm = ChatHFRouter(**settings_for(streamed, replay.play(streamed)))
    messages = streamed.request["messages"]
    if style == "sync":
        chunks = list(llm.stream(messages))
    else:
        chunks = [chunk async for chunk in llm.astream(messages)]
    whole = reduce(add, chunks)
    text, finish, counts = read_off(streamed)
    assert whole.content == text
    assert whole.response_metadata["finish_reason"] == finish
    found = whole.usage_metadata
    assert (found and (found["input_tokens"], found["output_tokens"], found["total_tokens"])) == counts
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == (counts is not None)
    sent_what_was_recorded(streamed, replay)


@pytest.mark.parametrize("style", STYLES)
async def test_llama_index_streams_what_was_recorded(style: str, streamed: Any, replay: Any) -> None:
    from llama_index.core.llms import ChatMessage

    from llama_index_hfrouter import HFRouterLLM

    llm = HFRouterLLM(**settings_for(streamed, replay.play(streamed)))
    messages = [ChatMessage(**message) for message in streamed.request["messages"]]
    if style == "sync":
        chunks = list(llm.stream_chat(messages))
    else:
        chunks = [chunk async for chunk in await llm.astream_chat(messages)]
    text, finish, counts = read_off(streamed)
    last = chunks[-1]
    assert last.message.content == text
    assert "".join(chunk.delta for chunk in chunks) == text
    about = last.additional_kwargs
    assert about["finish_reason"] == finish
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    assert (tuple(about[name] for name in names) if "total_tokens" in about else None) == counts
    sent_what_was_recorded(streamed, replay)


REFUSED_STREAMS = {
    "hf-inference_gemma-2b_no-chat-template_422_2025-01": errors.BadRequest,
    "openai_gpt-3-5-turbo_wrong-host-path_421_2025-01": errors.ModelNotServed,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("framework", ["langchain", "llama_index"])
async def test_a_stream_that_was_refused_is_the_same_error_in_both(
    framework: str, style: str, failed: Any, replay: Any
) -> None:
    if str(failed) not in REFUSED_STREAMS:
        # Their requests have no model or no list of messages: the adapters cannot be made to send them.
        request = failed.request
        assert "model" not in request or not isinstance(request.get("messages"), list)
        return
    settings = settings_for(failed, replay.play(failed))
    with pytest.raises(REFUSED_STREAMS[str(failed)]) as caught:
        await _drain(framework, style, settings, failed.request["messages"])
    assert caught.value.status == failed.status


async def _drain(
    framework: str, style: str, settings: dict[str, Any], messages: list[dict[str, str]]
) -> None:
    if framework == "langchain":
        from langchain_hfrouter import ChatHFRouter

        llm = ChatHFRouter(**settings)
        if style == "sync":
            list(llm.stream(messages))
        else:
            [_ async for _ in llm.astream(messages)]
        return
    from llama_index.core.llms import ChatMessage

    from llama_index_hfrouter import HFRouterLLM

    index_llm = HFRouterLLM(**settings)
    converted = [ChatMessage(**message) for message in messages]
    if style == "sync":
        list(index_llm.stream_chat(converted))
    else:
        [_ async for _ in await index_llm.astream_chat(converted)]
