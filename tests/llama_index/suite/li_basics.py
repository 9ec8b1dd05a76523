"""LLM basics: eight call styles, stream invariants, event loops, threads, what metadata says."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from li_styles import ASYNC, STREAMS, STYLES, name, text_of
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.llms import ChatMessage

SENTENCE = "one two three four five"


class BasicsSuite:
    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_answers_in_every_call_style(self, make_llm, style):
        responses = await style(make_llm("echo"), SENTENCE)
        assert text_of(responses[-1]) == SENTENCE

    @pytest.mark.parametrize("style", STREAMS, ids=name)
    async def test_a_chunk_holds_the_whole_text_so_far_and_what_is_new(self, make_llm, style):
        chunks = await style(make_llm("echo"), SENTENCE)
        so_far = ""
        for chunk in chunks:
            so_far += chunk.delta or ""
            assert (text_of(chunk) or "") == so_far
        assert so_far == SENTENCE
        assert len(chunks) > 3

    @pytest.mark.parametrize("style", STYLES, ids=name)
    async def test_usage_comes_once_and_last_as_plain_json(self, make_llm, style):
        responses = await style(make_llm("echo"), SENTENCE)
        counted = [r for r in responses if isinstance(r.raw, dict) and r.raw.get("usage")]
        assert counted == responses[-1:]
        last = responses[-1]
        assert json.loads(json.dumps(last.raw)) == last.raw
        assert json.loads(json.dumps(last.additional_kwargs)) == last.additional_kwargs
        for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
            assert last.additional_kwargs[key] == last.raw["usage"][key] > 0

    @pytest.mark.parametrize("style", ASYNC, ids=name)
    def test_one_object_works_in_two_event_loops(self, make_llm, style):
        llm = make_llm("echo")
        for _ in range(2):
            assert text_of(asyncio.run(style(llm, "again"))[-1]) == "again"

    def test_threads_may_share_one_object(self, make_llm):
        llm = make_llm("echo")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: llm.complete(f"number {i}").text, range(24)))
        assert answers == [f"number {i}" for i in range(24)]

    async def test_many_calls_at_once_do_not_mix(self, make_llm):
        llm = make_llm("echo")
        answers = await asyncio.gather(*(llm.acomplete(f"number {i}") for i in range(24)))
        assert [answer.text for answer in answers] == [f"number {i}" for i in range(24)]

    def test_metadata_says_what_it_is(self, make_llm):
        metadata = make_llm("tools").metadata
        assert isinstance(metadata, LLMMetadata)
        assert metadata.is_chat_model
        assert metadata.is_function_calling_model
        assert metadata.model_name == "offline/tools"
        assert metadata.context_window > metadata.num_output > 0

    def test_the_messages_are_not_changed(self, make_llm):
        messages = [ChatMessage("be brief", role="system"), ChatMessage("hi")]
        before = [message.model_dump() for message in messages]
        make_llm("echo").chat(messages)
        assert [message.model_dump() for message in messages] == before

    def test_temperature_zero_is_sent_and_none_is_not(self, make_llm, server):
        make_llm("echo", temperature=0.0).complete("a")
        make_llm("echo").complete("b")
        first, second = (request.json for request in server.requests)
        assert first["temperature"] == 0
        assert "temperature" not in second

    def test_the_call_goes_before_the_object(self, make_llm, server):
        make_llm("echo", max_tokens=100, temperature=0.5).complete("a", max_tokens=5)
        body = server.requests[0].json
        assert (body["max_tokens"], body["temperature"]) == (5, 0.5)

    def test_leaving_a_stream_early_frees_the_connection(self, make_llm, server):
        stream = make_llm("echo").stream_chat([ChatMessage("word " * 3000)])
        next(stream)
        stream.close()
        assert server.wait_idle()

    async def test_leaving_an_async_stream_early_frees_the_connection(self, make_llm, server):
        stream = await make_llm("echo").astream_chat([ChatMessage("word " * 3000)])
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0)
        assert await asyncio.to_thread(server.wait_idle)

    async def test_breaking_off_an_async_loop_frees_the_connection(self, make_llm, server, slow_stream):
        server.queue(slow_stream)
        async for _ in await make_llm("echo").astream_chat([ChatMessage(SENTENCE)]):
            break
        assert await asyncio.to_thread(server.wait_idle)
        assert server.requests[0].outcome == "client left"

    async def test_cancelling_a_task_frees_the_connection(self, make_llm, server, slow_stream):
        server.queue(slow_stream)
        begun = asyncio.Event()

        async def read():
            async for _ in await make_llm("echo").astream_chat([ChatMessage(SENTENCE)]):
                begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.wait_idle)
        assert server.requests[0].outcome == "client left"

    def test_streams_in_a_row_use_one_connection(self, make_llm, server):
        llm = make_llm("echo")
        for _ in range(5):
            assert list(llm.stream_complete(SENTENCE))[-1].text == SENTENCE
        assert len({request.connection for request in server.requests}) == 1
