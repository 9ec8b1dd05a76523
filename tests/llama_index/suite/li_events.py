"""Observability: events in every call style, exact token counts, no secret in any payload, the limiter."""

from __future__ import annotations

import pytest
from li_styles import CHATS, COMPLETIONS, STREAMS, STYLES, name
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import LLM
from pydantic import Field


class Recorder(BaseEventHandler):
    """Keeps every event of the dispatcher."""

    events: list = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Recorder"

    def handle(self, event, **kwargs):
        self.events.append(event)

    def names(self):
        return [event.class_name() for event in self.events]


class CountingLimiter:
    def __init__(self):
        self.acquired = self.async_acquired = 0

    def acquire(self, num_tokens=0):
        self.acquired += 1

    async def async_acquire(self, num_tokens=0):
        self.async_acquired += 1


class Recorded:
    """Gives a suite the events that were sent."""

    @pytest.fixture
    def recorder(self):
        root = get_dispatcher()
        handler = Recorder()
        root.add_event_handler(handler)
        yield handler
        root.event_handlers.remove(handler)


LIMITED = "rate_limiter" in LLM.model_fields  # since llama-index-core 0.14.16


class EventsSuite(Recorded):
    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_every_style_tells_its_start_and_its_end_once(self, make_llm, recorder, style):
        await style(make_llm("echo"), "hello world")
        kind = "LLMChat" if style in CHATS else "LLMCompletion"
        names = recorder.names()
        assert names.count(f"{kind}StartEvent") == names.count(f"{kind}EndEvent") == 1
        assert (f"{kind}InProgressEvent" in names) == (style in STREAMS)
        other = "LLMCompletion" if style in CHATS else "LLMChat"
        assert not [one for one in names if one.startswith(other)]

    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_no_event_holds_the_token(self, make_llm, recorder, canary, style):
        await style(make_llm("echo", api_key=canary), "hello")
        assert recorder.events
        for event in recorder.events:
            assert canary not in repr(event)
            assert canary not in event.model_dump_json()

    async def test_the_start_event_names_the_model_and_its_settings(self, make_llm, recorder):
        make_llm("echo", temperature=0.25, provider="offline").complete("hello")
        told = next(event for event in recorder.events if "Start" in event.class_name()).model_dict
        assert told["model"] == "offline/echo"
        assert (told["temperature"], told["provider"]) == (0.25, "offline")

    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_token_counts_are_the_server_s_own(self, make_llm, style):
        counter = TokenCountingHandler(verbose=False)
        responses = await style(
            make_llm("echo", callback_manager=CallbackManager([counter])), "hello there world"
        )
        usage = responses[-1].raw["usage"]
        assert counter.prompt_llm_token_count == usage["prompt_tokens"]
        assert counter.completion_llm_token_count == usage["completion_tokens"]
        assert len(counter.llm_token_counts) == 1

    @pytest.mark.parametrize("style", CHATS + COMPLETIONS, ids=name)
    async def test_the_old_callbacks_are_told_too(self, make_llm, canary, style):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        await style(make_llm("echo", api_key=canary, callback_manager=CallbackManager([debug])), "hello")
        pairs = debug.get_event_pairs(CBEventType.LLM)
        assert len(pairs) == 1
        assert all(canary not in repr(event.payload) for event in pairs[0])

    if LIMITED:

        @pytest.mark.parametrize("style", STYLES, ids=name)
        async def test_the_rate_limiter_is_asked_once_a_call(self, make_llm, style):
            limiter = CountingLimiter()
            await style(make_llm("echo", rate_limiter=limiter), "hello")
            wanted = (0, 1) if style.__name__.startswith("a") else (1, 0)
            assert (limiter.acquired, limiter.async_acquired) == wanted

        async def test_two_objects_may_share_one_limiter(self, make_llm):
            limiter = CountingLimiter()
            first, second = make_llm("echo", rate_limiter=limiter), make_llm("tools", rate_limiter=limiter)
            first.complete("a")
            await second.acomplete("b")
            assert (limiter.acquired, limiter.async_acquired) == (1, 1)

    def test_an_error_reaches_the_callbacks(self, make_llm, server, recorder):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        llm = make_llm("no-such-model", callback_manager=CallbackManager([debug]))
        with pytest.raises(Exception, match="no-such-model"):
            llm.complete("x")
        assert "exception" in {str(key.value) for key in debug.get_event_pairs(CBEventType.LLM)[0][1].payload}
