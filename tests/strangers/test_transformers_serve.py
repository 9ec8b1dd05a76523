"""Our client against `transformers serve`: a server that nobody here wrote and that cannot agree with us.

Its model is random, but greedy: the same question has the same answer, which a bare HTTP request without any
of our code gives us to compare with. Its streams end without `[DONE]`, its errors are FastAPI's.
"""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, errors

KINDS = ("threads", "httpx2", "aiohttp")
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]
LIMIT = 12


@pytest.fixture(scope="session")
def plain(stranger: Any) -> dict[str, Any]:
    """The answer, as bare HTTP has it."""
    body = {"model": stranger.model, "messages": MESSAGES, "max_tokens": LIMIT}
    reply = httpx2.post(f"{stranger.url}/chat/completions", json=body, timeout=60)
    reply.raise_for_status()
    answer: dict[str, Any] = reply.json()
    assert answer["choices"][0]["message"]["content"]
    return answer


@pytest.fixture
def text(plain: dict[str, Any]) -> str:
    said: str = plain["choices"][0]["message"]["content"]
    return said


async def chat(kind: str, stranger: Any, **options: Any) -> Any:
    settings = {"model": stranger.model, "base_url": stranger.url, "max_retries": 0}
    if kind == "threads":
        return HFRouter(**settings).chat(MESSAGES, max_tokens=LIMIT, **options)
    return await AsyncHFRouter(**settings, transport=kind).chat(MESSAGES, max_tokens=LIMIT, **options)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_core_gets_the_plain_answer(kind: str, stranger: Any, plain: Any, text: str) -> None:
    reply = await chat(kind, stranger)
    assert reply.text == text
    assert reply.finish_reason == plain["choices"][0]["finish_reason"] == "length"
    assert reply.usage.raw == plain["usage"]
    assert reply.usage.completion_tokens == LIMIT
    assert reply.meta.model == plain["model"]
    assert reply.meta.request_id == reply.id


@pytest.mark.parametrize("kind", KINDS)
async def test_the_core_streams_the_same_answer(kind: str, stranger: Any, plain: Any, text: str) -> None:
    settings = {"model": stranger.model, "base_url": stranger.url, "max_retries": 0}
    if kind == "threads":
        with HFRouter(**settings).stream(MESSAGES, max_tokens=LIMIT) as stream:
            deltas = list(stream)
    else:
        async with AsyncHFRouter(**settings, transport=kind).stream(MESSAGES, max_tokens=LIMIT) as stream:
            deltas = [delta async for delta in stream]
    assert "".join(delta.text for delta in deltas) == stream.reply.text == text
    assert len([delta for delta in deltas if delta.text]) > 1
    assert stream.reply.finish_reason == "length"
    assert deltas[-1].usage.raw == stream.reply.usage.raw == plain["usage"]


async def test_leaving_a_stream_early_leaves_the_server_well(stranger: Any, text: str) -> None:
    router = HFRouter(stranger.model, base_url=stranger.url, max_retries=0)
    with router.stream(MESSAGES, max_tokens=400) as stream:
        next(stream)
    assert router.chat(MESSAGES, max_tokens=LIMIT).text == text


async def test_parameters_that_it_knows_are_taken(stranger: Any) -> None:
    reply = await chat(
        "threads", stranger, temperature=0.7, top_p=0.9, seed=3, stop=["zzz"], frequency_penalty=0.1
    )
    assert 0 < reply.usage.completion_tokens <= LIMIT


FAILURES = {
    "a model that it does not serve": ({"model": "org/other"}, errors.BadRequest, "Server is pinned", ""),
    "a parameter that it does not know": (
        {"top_k": 5},
        errors.BadRequest,
        "top_k",
        "Leave that parameter out",
    ),
    "a crash inside": ({"extra_body": {"messages": []}}, errors.ProviderFailed, "Internal Server Error", ""),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", FAILURES)
async def test_its_failures_are_told(case: str, kind: str, stranger: Any) -> None:
    options, wanted, words, hint = FAILURES[case]
    with pytest.raises(errors.RouterError) as caught:
        await chat(kind, stranger, **options)
    assert type(caught.value) is wanted
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_a_wrong_path_names_the_base_url(stranger: Any) -> None:
    router = HFRouter(stranger.model, base_url=stranger.url.removesuffix("/v1"), max_retries=0)
    with pytest.raises(errors.ModelNotServed) as caught:
        router.chat(MESSAGES)
    assert "/v1" in caught.value.hint


def test_langchain_answers_and_streams(stranger: Any, text: str) -> None:
    from langchain_hfrouter import ChatHFRouter

    llm = ChatHFRouter(model=stranger.model, base_url=stranger.url, max_tokens=LIMIT, max_retries=0)
    answer = llm.invoke(MESSAGES)
    assert answer.content == text
    assert answer.usage_metadata["output_tokens"] == LIMIT
    chunks = list(llm.stream(MESSAGES))
    assert "".join(chunk.content for chunk in chunks) == text
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["output_tokens"] == LIMIT
    assert whole.response_metadata["finish_reason"] == "length"


async def test_langchain_answers_and_streams_in_a_loop(stranger: Any, text: str) -> None:
    from langchain_hfrouter import ChatHFRouter

    llm = ChatHFRouter(model=stranger.model, base_url=stranger.url, max_tokens=LIMIT, max_retries=0)
    assert (await llm.ainvoke(MESSAGES)).content == text
    assert "".join([chunk.content async for chunk in llm.astream(MESSAGES)]) == text


def test_langchain_tells_its_failures(stranger: Any) -> None:
    from langchain_hfrouter import ChatHFRouter

    llm = ChatHFRouter(model="org/other", base_url=stranger.url, max_retries=0)
    with pytest.raises(errors.BadRequest, match="Server is pinned"):
        llm.invoke(MESSAGES)
    with pytest.raises(errors.BadRequest, match="Server is pinned"):
        list(llm.stream(MESSAGES))


@pytest.fixture
def index_llm(stranger: Any) -> Any:
    from llama_index_hfrouter import HFRouterLLM

    return HFRouterLLM(model=stranger.model, base_url=stranger.url, max_tokens=LIMIT, max_retries=0)


@pytest.fixture
def index_messages() -> list[Any]:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(**message) for message in MESSAGES]


def test_llama_index_answers_and_streams(index_llm: Any, index_messages: Any, text: str) -> None:
    assert index_llm.chat(index_messages).message.content == text
    chunks = list(index_llm.stream_chat(index_messages))
    assert "".join(chunk.delta for chunk in chunks) == chunks[-1].message.content == text
    assert chunks[-1].additional_kwargs["completion_tokens"] == LIMIT
    assert index_llm.complete("Say hello.").text


async def test_llama_index_answers_and_streams_in_a_loop(
    index_llm: Any, index_messages: Any, text: str
) -> None:
    assert (await index_llm.achat(index_messages)).message.content == text
    chunks = [chunk async for chunk in await index_llm.astream_chat(index_messages)]
    assert chunks[-1].message.content == text


def test_llama_index_tells_its_failures(index_llm: Any, index_messages: Any) -> None:
    with pytest.raises(errors.BadRequest, match="Server is pinned"):
        index_llm.chat(index_messages, model="org/other")
    with pytest.raises(errors.BadRequest, match="Server is pinned"):
        list(index_llm.stream_chat(index_messages, model="org/other"))
