"""LlamaIndex's own instrumentation beside our hooks: its events and spans come as before, and ours beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from li_events import Recorded
from li_styles import CHATS, STREAMS, STYLES, name
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

from llama_index_hfrouter import HFRouterEmbedding
from shared_core.testing import Status


@pytest.fixture
def spans() -> Iterator[SimpleSpanHandler]:
    """LlamaIndex's spans of one test."""
    root = get_dispatcher()
    handler = SimpleSpanHandler()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers.remove(handler)


@pytest.fixture
def heard() -> list[Any]:
    """What our hooks are told."""
    return []


def called(spans: list[Any]) -> list[str]:
    """The functions that the spans are of."""
    return [span.id_.partition("-")[0].rpartition(".")[2] for span in spans]


class TestInstrumentation(Recorded):
    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_events_spans_and_hooks_are_each_told_once(
        self, style: Any, make_llm: Any, recorder: Any, spans: SimpleSpanHandler, heard: list[Any]
    ) -> None:
        await style(make_llm(hooks=[heard.append]), "one two")
        kind = "LLMChat" if style in CHATS else "LLMCompletion"
        names = recorder.names()
        assert names.count(f"{kind}StartEvent") == names.count(f"{kind}EndEvent") == 1
        assert (f"{kind}InProgressEvent" in names) == (style in STREAMS)
        assert name(style) in called(spans.completed_spans)
        assert not spans.open_spans
        started, ended = heard
        assert (started.id, started.streamed) == (ended.id, style in STREAMS)
        assert ended.outcome == "answered"

    async def test_a_failure_drops_the_span_and_reaches_the_hooks(
        self, make_llm: Any, server: Any, spans: SimpleSpanHandler, heard: list[Any]
    ) -> None:
        server.queue(Status(400))
        with pytest.raises(ValueError, match="400"):
            make_llm(hooks=[heard.append]).complete("one two")
        assert "complete" in called(spans.dropped_spans)
        assert heard[-1].outcome == "failed"

    async def test_embeddings_have_their_events_and_hooks_too(
        self, server: Any, recorder: Any, spans: SimpleSpanHandler, heard: list[Any]
    ) -> None:
        embedding = HFRouterEmbedding(
            model="offline/embed-8", base_url=str(server), embedding_api="openai", hooks=[heard.append]
        )
        embedding.get_text_embedding_batch(["one", "two"])
        await embedding.aget_query_embedding("three")
        names = recorder.names()
        assert names.count("EmbeddingStartEvent") == names.count("EmbeddingEndEvent") == 2
        assert {"get_text_embedding_batch", "aget_query_embedding"} <= set(called(spans.completed_spans))
        assert [type(event).__name__ for event in heard] == ["CallStarted", "CallEnded"] * 2
