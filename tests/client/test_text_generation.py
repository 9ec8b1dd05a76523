"""Plain text generation, whole and as a stream, on every provider that has it and on servers of one's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.client.streams import AsyncTextStream, TextStream
from shared_core.providers import MAPPINGS
from shared_core.testing import Cut, MediaQuirks, Stall, Status, offline_router
from shared_core.types import CompletionReply

PROMPT = "The cat sat on the mat"
WRITTEN = " cat mat the sat sat cat mat the."
PROVIDERS = ["hf-inference", "deepinfra", "featherless-ai", "novita", "together"]

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    with offline_router(token="hf_canary") as url:
        yield url


@pytest.fixture(params=["threads", "event loop"])
def write(request: pytest.FixtureRequest, host: Any) -> Ask:
    """Has a fresh client of either kind go on with a prompt: (pieces, reply), the pieces of a stream alone."""
    host.forget()
    MAPPINGS.clear()
    base = {"base_url": str(host), "api_key": "hf_canary", "embedding_api": "router", "hub_url": host.root}

    def call(
        prompt: Any = PROMPT, *, stream: bool = False, settings: dict[str, Any] | None = None, **options: Any
    ) -> tuple[list[str], CompletionReply]:
        about = {**base, **(settings or {})}
        if request.param == "threads":
            router = HFRouter(**about)
            if not stream:
                return [], router.text_generation(prompt, **options)
            with router.stream_text(prompt, **options) as pieces:
                assert isinstance(pieces, TextStream)
                return [delta.text for delta in pieces], pieces.reply

        async def run() -> tuple[list[str], CompletionReply]:
            async with AsyncHFRouter(**about) as arouter:
                if not stream:
                    return [], await arouter.text_generation(prompt, **options)
                async with arouter.stream_text(prompt, **options) as apieces:
                    assert isinstance(apieces, AsyncTextStream)
                    return [delta.text async for delta in apieces], apieces.reply

        return asyncio.run(run())

    return call


def bodies(host: Any) -> list[Any]:
    return [one.json for one in host.requests if one.method == "POST"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_text_is_gone_on_with_and_the_prompt_is_no_part_of_it(write: Ask, provider: str) -> None:
    _, reply = write(model=f"offline/writer:{provider}", max_new_tokens=9)
    assert reply.text == WRITTEN
    assert reply.usage[:3] == (6, 9, 15)
    assert (reply.meta.provider, reply.meta.attempts) == (provider, 1)
    assert reply.finish_reason == (None if provider == "hf-inference" else "length")
    assert reply.raw


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_brings_the_same_in_pieces(write: Ask, provider: str) -> None:
    pieces, reply = write(stream=True, model=f"offline/writer:{provider}", max_new_tokens=9)
    assert len([piece for piece in pieces if piece]) == 9
    assert "".join(pieces) == reply.text == WRITTEN
    assert (reply.finish_reason, reply.usage[:3]) == ("length", (6, 9, 15))
    assert reply.meta.provider == provider
    assert reply.meta.first_token_s is not None
    assert reply.raw == {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stop_text_ends_the_text_and_is_no_part_of_it(write: Ask, provider: str, stream: bool) -> None:
    _, reply = write(stream=stream, model=f"offline/writer:{provider}", stop=[" sat"])
    assert reply.text == " cat mat the"


OPENAI = {"prompt": PROMPT, "max_tokens": 3, "temperature": 0.5, "stop": ["x"]}


@pytest.mark.parametrize(
    ("provider", "path", "body"),
    [
        (
            "hf-inference",
            "/hf-inference/models/offline/writer",
            {
                "inputs": PROMPT,
                "parameters": {
                    "max_new_tokens": 3,
                    "temperature": 0.5,
                    "stop": ["x"],
                    "return_full_text": False,
                },
            },
        ),
        ("deepinfra", "/deepinfra/v1/openai/completions", OPENAI),
        ("featherless-ai", "/featherless-ai/v1/completions", OPENAI),
        ("novita", "/novita/v3/openai/completions", OPENAI),
        ("together", "/together/v1/completions", OPENAI | {"model": "offline/Writer-Turbo"}),
    ],
    ids=PROVIDERS,
)
def test_each_provider_is_asked_in_its_own_words(
    write: Ask, host: Any, provider: str, path: str, body: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"max_new_tokens": 3, "temperature": 0.5, "stop": ["x"], "seed": None}
    write(model=f"offline/writer:{provider}", **asked)
    write(stream=True, model=f"offline/writer:{provider}", **asked)
    assert {one.path for one in host.requests if one.method == "POST"} == {path}
    whole, streamed = bodies(host)
    if provider == "hf-inference":
        assert whole == body
        given = {name: value for name, value in body["parameters"].items() if name != "return_full_text"}
        assert streamed == {**body, "parameters": given | {"details": True}, "stream": True}
    else:
        body = {"model": "offline/writer", **body}
        assert whole == body
        assert streamed == body | {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("provider", ["hf-inference", "together"])
def test_the_prompt_is_part_of_the_text_where_that_is_asked_for(write: Ask, provider: str) -> None:
    _, reply = write(model=f"offline/writer:{provider}", max_new_tokens=9, return_full_text=True)
    assert reply.text == PROMPT + WRITTEN


def test_details_are_there_where_they_are_asked_for(write: Ask) -> None:
    _, reply = write(model="offline/writer:hf-inference", max_new_tokens=9, details=True)
    assert reply.finish_reason == "length"
    assert len(reply.raw["details"]["tokens"]) == 9


def test_without_a_provider_the_first_that_is_live_is_taken(write: Ask) -> None:
    assert write(model="offline/writer")[1].meta.provider == "hf-inference"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_server_of_ones_own_with_v1_speaks_openais_completions(write: Ask, host: Any, stream: bool) -> None:
    own = {"base_url": f"{host.root}/featherless-ai/v1", "embedding_api": "auto", "model": "offline/writer"}
    _, reply = write(stream=stream, settings=own, max_new_tokens=9)
    assert reply.text == WRITTEN
    assert reply.meta.url == own["base_url"]
    (request,) = host.requests
    assert request.path == "/featherless-ai/v1/completions"
    assert request.json["max_tokens"] == 9


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_server_of_ones_own_without_v1_speaks_tgis_own_words(write: Ask, host: Any, stream: bool) -> None:
    own = {"base_url": f"{host.root}/hf-inference/models/offline/writer", "embedding_api": "auto"}
    _, reply = write(stream=stream, settings=own, max_new_tokens=9)
    assert reply.text == WRITTEN
    (request,) = host.requests
    assert request.json["inputs"] == PROMPT


def test_a_server_without_a_model_is_sent_no_empty_name() -> None:
    seen: list[Any] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((str(request.url), json.loads(request.content)))
        return httpx2.Response(
            200, json={"choices": [{"text": "x", "finish_reason": "stop"}], "model": "own"}
        )

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        router = HFRouter(base_url="http://localhost:8000/v1", api_key="", http_client=client)
        reply = router.text_generation(PROMPT, extra_body={"min_p": 0.1})
    assert seen == [("http://localhost:8000/v1/completions", {"prompt": PROMPT, "min_p": 0.1})]
    assert (reply.text, reply.meta.model, reply.meta.provider) == ("x", "own", None)


def test_a_server_that_does_not_stream_answers_at_once() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        body = {
            "choices": [{"text": "at once", "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        }
        return httpx2.Response(200, json=body)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        router = HFRouter("m", base_url="http://localhost:8000/v1", api_key="", http_client=client)
        with router.stream_text(PROMPT) as stream:
            assert [delta.text for delta in stream] == ["at once", ""]
    assert (stream.reply.text, stream.reply.usage and stream.reply.usage[:3]) == ("at once", (1, 2, 3))


@pytest.mark.parametrize("provider", ["hf-inference", "together"])
def test_a_stream_that_breaks_keeps_what_had_come_and_is_not_sent_again(
    write: Ask, host: Any, provider: str
) -> None:
    host.queue(Cut(after=3, chunks=True), path=f"/{provider}/*")
    with pytest.raises(errors.StreamInterrupted) as caught:
        write(stream=True, model=f"offline/writer:{provider}")
    assert caught.value.partial.text == " cat mat the"
    assert caught.value.partial.finish_reason is None
    assert len(bodies(host)) == 1


def test_an_error_in_the_middle_of_a_stream_says_what_the_server_said(write: Ask, host: Any) -> None:
    host.queue(MediaQuirks(fails="CUDA out of memory"), path="/hf-inference/*")
    with pytest.raises(errors.StreamInterrupted, match="CUDA out of memory") as caught:
        write(stream=True, model="offline/writer:hf-inference")
    assert caught.value.partial.text


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_prompt_that_is_too_long_is_told_even_inside_a_stream_that_says_200(
    write: Ask, stream: bool
) -> None:
    with pytest.raises(errors.InputTooLong, match="4096"):
        write(stream=stream, model="offline/writer:hf-inference", max_new_tokens=10_000)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_stumble_before_the_first_token_is_tried_again(write: Ask, host: Any, stream: bool) -> None:
    host.queue(Status(503), path="/together/*")
    _, reply = write(stream=stream, model="offline/writer:together", max_new_tokens=9)
    assert (reply.text, reply.meta.attempts) == (WRITTEN, 2)


def test_a_first_token_that_does_not_come_is_a_time_limit(write: Ask, host: Any) -> None:
    host.queue(Stall(), path="/together/*")
    with pytest.raises(errors.TimedOut):
        write(stream=True, model="offline/writer:together", timeout=0.3, settings={"max_retries": 0})


@pytest.mark.parametrize(
    ("prompt", "options", "words"),
    [
        pytest.param("", {}, "prompt is empty", id="an empty prompt"),
        pytest.param(["x"], {}, "not a text", id="a list"),
        pytest.param("x", {"max_new_tokens": 0}, "whole number", id="no tokens"),
        pytest.param(
            "x", {"max_tokens": 5}, "Unknown argument 'max_tokens'", id="the name of another interface"
        ),
        pytest.param("x", {"temperature": -1}, "from 0 on", id="colder than nothing"),
        pytest.param("x", {"temperature": float("inf")}, "finite", id="infinitely hot"),
        pytest.param("x", {"frequency_penalty": 3}, "from -2 to 2", id="too high a penalty"),
        pytest.param("x", {"seed": 1.5}, "a whole number", id="half a seed"),
        pytest.param("x", {"stop": 3}, "list of texts", id="a number to stop at"),
        pytest.param("x", {"grammar": "json"}, "a dictionary", id="a text for a grammar"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_cannot_work_is_told_before_anything_is_sent(
    write: Ask, host: Any, prompt: Any, options: Any, words: str, stream: bool
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        write(prompt, stream=stream, model="offline/writer", **options)
    assert words in str(caught.value)
    assert host.requests == []


def test_one_stop_text_may_stand_alone(write: Ask, host: Any) -> None:
    write(model="offline/writer:together", stop=" sat")
    assert bodies(host)[0]["stop"] == [" sat"]


def test_a_chat_models_name_is_refused_with_what_it_is_listed_for(write: Ask) -> None:
    with pytest.raises(errors.ModelNotServed, match="text-generation"):
        write(model="offline/painter")


def test_leaving_a_stream_early_frees_its_connection(host: Any) -> None:
    about: dict[str, Any] = {"base_url": str(host), "api_key": "hf_canary", "embedding_api": "router"}
    router = HFRouter("offline/writer:together", hub_url=host.root, **about)
    with router.stream_text(PROMPT) as stream:
        assert next(stream).text == " cat"
    assert host.wait_idle(timeout=5)
    with pytest.raises(errors.ConfigError, match="not finished"):
        _ = stream.reply


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_a_text_costs_is_known_by_ones_own_price(write: Ask, stream: bool) -> None:
    prices = {"offline/writer": {"input": "1", "output": "2", "source": "contract", "date": "2026-11-01"}}
    _, reply = write(stream=stream, settings={"prices": prices}, model="offline/writer:together")
    assert reply.usage is not None
    expected = Decimal(reply.usage.prompt_tokens + 2 * reply.usage.completion_tokens) / 1_000_000
    assert reply.meta.cost.usd == expected
    assert reply.meta.cost.basis == "price list"
