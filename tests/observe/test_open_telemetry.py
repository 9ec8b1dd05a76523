"""Spans and metrics of whole calls, looked at with OpenTelemetry's own SDK."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared_core import AsyncHFRouter, ConfigError, HFRouter, OpenTelemetry, RouterError, Target
from shared_core.observe import CallEnded, CallStarted, telemetry
from shared_core.testing import SlowChunks, Status
from shared_core.types import ChatRequest, Cost

TOKEN = "hf_canary0123456789abcdefghij"
SECRET_WORD = "sesame"
HELLO = [{"role": "user", "content": f"{SECRET_WORD} open"}]


class Watched:
    """An SDK of the test's own, and what it has been told."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])
        self.tracer = self.tracers.get_tracer("test")

    def hook(self, **settings: Any) -> OpenTelemetry:
        return OpenTelemetry(self.tracers, self.meters, **settings)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._spans.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        [span] = self.spans
        return span

    @property
    def metrics(self) -> dict[str, list[Any]]:
        """Data points by the metric's name."""
        data = self._reader.get_metrics_data()
        resources = data.resource_metrics if data else ()
        scopes = [scope for resource in resources for scope in resource.scope_metrics]
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


@pytest.fixture
def watched() -> Iterator[Watched]:
    sdk = Watched()
    yield sdk
    sdk.tracers.shutdown()
    sdk.meters.shutdown()


def router(url: str, hook: OpenTelemetry, model: str = "offline/echo", **settings: Any) -> HFRouter:
    return HFRouter(model, base_url=url, api_key=TOKEN, hooks=[hook], **settings)


# --- spans ---


def test_a_call_is_one_client_span_below_the_caller_s(offline_url: str, watched: Watched) -> None:
    client = router(offline_url, watched.hook(), usage_tags={"user": "ada"})
    with watched.tracer.start_as_current_span("the program") as outer:
        reply = client.chat(HELLO, temperature=0.5, max_tokens=20, stop="END", seed=7, n=1, top_p=0.9)
    span = watched.spans[0]
    assert (span.name, span.kind, span.status.status_code) == (
        "chat offline/echo",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.parent is not None
    assert span.parent.span_id == outer.get_span_context().span_id
    told = dict(span.attributes or {})
    assert reply.usage is not None
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "offline/echo",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.response.id": reply.id,
        "gen_ai.response.model": reply.meta.model,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": reply.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": reply.usage.completion_tokens,
        "server.address": "127.0.0.1",
        "hfrouter.tag.user": "ada",
        "hfrouter.outcome": "answered",
        "hfrouter.attempts": 1,
        "hfrouter.cost.basis": reply.meta.cost.basis,  # known where an earlier test has loaded the catalogue
    }
    assert wanted.items() <= told.items()
    assert told["server.port"] == int(offline_url.split(":")[2].partition("/")[0])
    assert told["gen_ai.provider.name"] == (reply.meta.provider or "_OTHER")
    assert not {"gen_ai.request.stream", "gen_ai.request.choice.count", "gen_ai.system"} & told.keys()


async def test_tasks_beside_each_other_keep_to_their_own_parents(offline_url: str, watched: Watched) -> None:
    import asyncio

    client = AsyncHFRouter("offline/echo", base_url=offline_url, hooks=[watched.hook()])

    async def one(number: int) -> int:
        with watched.tracer.start_as_current_span(f"task {number}") as outer:
            await client.chat([{"role": "user", "content": str(number)}])
        return outer.get_span_context().span_id

    parents = await asyncio.gather(*(one(number) for number in range(5)))
    below = [span.parent.span_id for span in watched.spans if span.parent is not None]
    assert sorted(below) == sorted(parents)


def test_a_stream_tells_its_first_piece_and_its_pace(offline_url: Any, watched: Watched) -> None:
    offline_url.queue(SlowChunks(0.002))
    with router(offline_url, watched.hook()).stream([{"role": "user", "content": "a b c d e f"}]) as stream:
        list(stream)
    told = dict(watched.span.attributes or {})
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.response.time_to_first_chunk"] > 0
    metrics = watched.metrics
    [first] = metrics["gen_ai.client.operation.time_to_first_chunk"]
    assert first.count == 1
    assert first.sum == pytest.approx(told["gen_ai.response.time_to_first_chunk"])
    [between] = metrics["gen_ai.client.operation.time_per_output_chunk"]
    assert between.count >= 3


@pytest.mark.parametrize(("gaps", "recorded"), [(0, 0), (1, 1), (128, 128), (129, 65), (5_000, 125)])
def test_the_pace_of_a_long_stream_is_thinned_evenly(gaps: int, recorded: int, watched: Watched) -> None:
    where = ("http://h/v1", True, {})
    told = ("answered", "", 9.0, 0.5, 1, 0, None, Cost(), False, None, None, None, None)
    watched.hook()(CallEnded("1", 0.0, "chat", "m", None, *where, *told, [0.01] * gaps))
    points = watched.metrics.get("gen_ai.client.operation.time_per_output_chunk", [])
    assert sum(point.count for point in points) == recorded


async def test_a_stream_that_is_left_early_ends_its_span_without_an_error(
    offline_url: str, watched: Watched
) -> None:
    client = AsyncHFRouter("offline/echo", base_url=offline_url, hooks=[watched.hook()])
    async with client.stream(HELLO) as stream:
        await anext(stream)
    told = dict(watched.span.attributes or {})
    assert told["hfrouter.outcome"] == "cancelled"
    assert "error.type" not in told
    assert watched.span.status.status_code is StatusCode.UNSET


def test_a_failure_is_an_error_by_its_class_and_says_nothing_of_the_prompt(
    offline_url: Any, watched: Watched
) -> None:
    offline_url.queue(Status(400, {"error": f"bad prompt: {SECRET_WORD}, {TOKEN}"}))
    with pytest.raises(RouterError) as caught:
        router(offline_url, watched.hook()).chat(HELLO)
    span, kind = watched.span, type(caught.value).__name__
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, kind)
    assert (span.attributes or {})["error.type"] == kind
    assert SECRET_WORD not in span.to_json()
    [point] = watched.metrics["gen_ai.client.operation.duration"]
    assert point.attributes["error.type"] == kind


def test_retries_and_moves_are_events_of_the_span(offline_url: Any, watched: Watched) -> None:
    offline_url.queue(Status(503), Status(500), match="offline/tools")
    client = router(offline_url, watched.hook(), "offline/tools", fallback=["offline/echo"])
    reply = client.chat(HELLO)
    span = watched.span
    assert reply.meta.model == "offline/echo"
    assert [event.name for event in span.events][-1] == "hfrouter.moved_on"
    moved = dict(span.events[-1].attributes or {})
    assert moved["hfrouter.to.model"] == "offline/echo"
    assert moved["error.type"]
    told = dict(span.attributes or {})
    assert (told["gen_ai.request.model"], told["gen_ai.response.model"]) == ("offline/tools", "offline/echo")
    assert told["hfrouter.moves"] == 1


def test_retries_at_one_target_are_events(offline_url: Any, watched: Watched) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}))
    router(offline_url, watched.hook()).chat(HELLO)
    [event] = watched.span.events
    assert event.name == "hfrouter.retry"
    assert dict(event.attributes or {})["error.type"]
    assert (watched.span.attributes or {})["hfrouter.attempts"] == 2


def test_where_it_was_answered_is_told_when_that_is_another_host(offline_url: Any, watched: Watched) -> None:
    target = Target(model="offline/echo", base_url=str(offline_url), api_key="")
    client = HFRouter(
        "a/b", base_url="http://localhost:9/v1", api_key="", fallback=[target], hooks=[watched.hook()]
    )
    client.chat(HELLO)
    assert (watched.span.attributes or {})["server.address"] == "127.0.0.1"


def test_texts_to_embed_are_one_span(offline_url: str, watched: Watched) -> None:
    client = router(offline_url, watched.hook(), "offline/embed-8", embedding_api="openai")
    client.embed([f"{SECRET_WORD} {number}" for number in range(6)], batch_size=2, dimensions=4)
    told = dict(watched.span.attributes or {})
    assert watched.span.name.startswith("embeddings ")
    assert (told["gen_ai.embeddings.dimension.count"], told["hfrouter.texts"]) == (4, 6)
    assert told["gen_ai.usage.input_tokens"] > 0
    assert SECRET_WORD not in watched.span.to_json()


def test_costs_are_told_as_a_sum_and_how_it_is_known(offline_url: str, watched: Watched) -> None:
    prices = {"offline/echo": {"input": "1", "output": "2"}}
    router(offline_url, watched.hook(), prices=prices).chat(HELLO)
    told = dict(watched.span.attributes or {})
    assert told["hfrouter.cost.basis"] == "price list"
    assert float(str(told["hfrouter.cost.usd"])) > 0


def test_an_answer_that_was_remembered_counts_no_tokens_again(offline_url: str, watched: Watched) -> None:
    client = router(offline_url, watched.hook(), chat_cache=True)
    first, second = (client.chat(HELLO, temperature=0) for _ in range(2))
    assert (first.meta.cached, second.meta.cached) == (False, True)
    told = [dict(span.attributes or {}) for span in watched.spans]
    assert [each["hfrouter.cached"] for each in told] == [False, True]
    assert ["gen_ai.usage.input_tokens" in each for each in told] == [True, False]
    assert {point.count for point in watched.metrics["gen_ai.client.token.usage"]} == {1}
    assert [point.count for point in watched.metrics["gen_ai.client.operation.duration"]] == [2]


# --- content ---


def test_prompts_and_answers_are_told_only_where_that_was_asked_for(
    offline_url: str, watched: Watched
) -> None:
    router(offline_url, watched.hook()).chat(HELLO)
    router(offline_url, watched.hook(content=True)).chat(HELLO)
    without, with_it = watched.spans
    assert SECRET_WORD not in without.to_json()
    told = dict(with_it.attributes or {})
    assert json.loads(str(told["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": HELLO[0]["content"]}]}
    ]
    [answer] = json.loads(str(told["gen_ai.output.messages"]))
    assert answer == {
        "role": "assistant",
        "parts": [{"type": "text", "content": HELLO[0]["content"]}],
        "finish_reason": "stop",
    }


@pytest.mark.parametrize("content", [False, True], ids=["without content", "with content"])
def test_no_token_is_told_ever(content: bool, offline_url: Any, watched: Watched) -> None:
    client = router(offline_url, watched.hook(content=content))
    client.chat([{"role": "user", "content": f"my token is {TOKEN}"}])
    offline_url.queue(Status(401, {"error": f"wrong token {TOKEN}"}))
    with pytest.raises(RouterError):
        client.chat(HELLO)
    assert len(watched.spans) == 2
    assert TOKEN not in "".join(span.to_json() for span in watched.spans)
    assert TOKEN not in repr(watched.metrics)


# --- metrics ---


def test_tokens_and_durations_are_counted_by_model_and_host(offline_url: str, watched: Watched) -> None:
    reply = router(offline_url, watched.hook()).chat(HELLO)
    assert reply.usage is not None
    metrics = watched.metrics
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum for point in metrics["gen_ai.client.token.usage"]
    }
    assert tokens == {"input": reply.usage.prompt_tokens, "output": reply.usage.completion_tokens}
    [duration] = metrics["gen_ai.client.operation.duration"]
    assert duration.attributes["gen_ai.request.model"] == "offline/echo"
    assert duration.attributes["gen_ai.response.model"] == reply.meta.model
    assert duration.explicit_bounds[0] == 0.01
    assert not any(name.startswith("gen_ai.client.inference") for name in metrics)


def test_the_names_of_the_conventions_own_repository_can_be_had(offline_url: str, watched: Watched) -> None:
    hook = watched.hook(metric_names="0.1")
    reply = router(offline_url, hook).chat(HELLO)
    embedder = router(offline_url, hook, "offline/embed-8", embedding_api="openai")
    embedder.embed(["one", "two"])
    embedder.rerank("one", ["two"], model="offline/rerank")
    assert reply.usage is not None
    metrics = watched.metrics
    assert metrics["gen_ai.client.inference.usage.input_tokens"][0].value == reply.usage.prompt_tokens
    assert metrics["gen_ai.client.inference.operation.output_tokens"][0].sum == reply.usage.completion_tokens
    kinds = ("inference", "embeddings", "operation")
    assert [metrics[f"gen_ai.client.{kind}.duration"][0].count for kind in kinds] == [1, 1, 1]
    assert "gen_ai.client.token.usage" not in metrics


def test_both_versions_of_the_names_can_be_had_at_once(offline_url: str, watched: Watched) -> None:
    router(offline_url, watched.hook(metric_names="both")).chat(HELLO)
    assert {"gen_ai.client.token.usage", "gen_ai.client.inference.duration"} <= watched.metrics.keys()


# --- the hook itself ---


def test_without_any_set_up_it_does_nothing_and_harms_nothing(offline_url: str) -> None:
    hook = OpenTelemetry()
    assert router(offline_url, hook).chat(HELLO).text == HELLO[0]["content"]
    assert not hook._open


def test_calls_whose_end_is_never_told_do_not_pile_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "_MOST_OPEN", 3)
    hook = watched.hook()
    for number in range(5):
        hook(CallStarted(str(number), 0.0, "chat", "m", "http://h/v1", False, {}, ChatRequest([], "m")))
    assert len(hook._open) == 3
    assert len(watched.spans) == 2


def test_a_span_ends_even_where_what_was_asked_cannot_be_told(offline_url: str, watched: Watched) -> None:
    hook = watched.hook(content=True)
    knot: list[Any] = []
    knot.append(knot)
    request = ChatRequest([{"role": "tool", "content": "x", "tool_call_id": knot}], "m")
    with pytest.raises(ValueError, match="Circular"):
        hook(CallStarted("1", 0.0, "chat", "m", "http://h/v1", False, {}, request))
    told = ("answered", "", 9.0, None, 1, 0, None, Cost(), False, None, request, None, None)
    hook(CallEnded("1", 0.0, "chat", "m", None, "http://h/v1", False, {}, *told))
    assert (watched.span.attributes or {})["hfrouter.outcome"] == "answered"
    assert not hook._open


def test_events_that_it_does_not_know_are_passed_over(watched: Watched) -> None:
    watched.hook()(object())
    assert not watched.spans


def test_it_travels_with_a_client_where_it_uses_the_program_s_providers() -> None:
    client = HFRouter("offline/echo", hooks=[OpenTelemetry(content=True, metric_names="0.1")])
    [hook] = pickle.loads(pickle.dumps(client))._safeguards.hooks
    assert repr(hook) == "OpenTelemetry(content=True, metric_names='0.1')"
    assert copy.deepcopy(hook) is hook


def test_providers_of_its_own_are_not_pickled(watched: Watched) -> None:
    hook = watched.hook()
    assert copy.deepcopy(hook) is hook
    with pytest.raises(ConfigError, match="providers"):
        pickle.dumps(hook)


def test_names_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ConfigError, match="metric_names"):
        OpenTelemetry(metric_names="2.0")  # type: ignore[arg-type]
