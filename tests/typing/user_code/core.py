"""What a user writes with the core, and what mypy must know about it. Never run: only checked.

A line that ends in `# wrong: code` must be an error of that code; every other line must be sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import httpx2

from shared_core import (
    AsyncChatStream,
    AsyncHFRouter,
    BatchReplies,
    Catalog,
    ChatDelta,
    ChatParams,
    ChatReply,
    ChatStream,
    Choice,
    Concurrency,
    EmbedReply,
    HFRouter,
    Limit,
    ModelInfo,
    ModelStatus,
    RateLimited,
    RateLimiter,
    ReplyMeta,
    RerankReply,
    RouterError,
    RouterSettings,
    StreamInterrupted,
    Timeouts,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from shared_core.types import Answers, CompletionReply, Filling, Label, TableAnswer

messages = [{"role": "user", "content": "Hello!"}]
typed_messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}]
router = HFRouter(
    "org/name",
    api_key="hf_x",
    base_url="https://host/v1",
    provider="groq",
    bill_to="acme",
    timeout=Timeouts(total=60),
    max_retries=3,
    default_headers={"x": "y"},
    extra_body={"a": 1},
    wait_for_model=True,
    reasoning_tags=True,
    http_client=httpx2.Client(),
)
HFRouter(model="org/name", timeout=30, wait_for_model=120.0)
HFRouter(None, api_key=None)
AsyncHFRouter("org/name", transport="aiohttp")

HFRouter(limits=[Limit(requests=60, per="minute", of="provider"), {"tokens": 9}], concurrency=Concurrency(8))
HFRouter(concurrency="adaptive", state="redis://host")
assert_type(RateLimiter(Limit(requests=1)).acquire(), bool)

Limit(60)  # wrong: call-arg
Limit(requests=60, per="week")  # wrong: arg-type
HFRouter(api_token="hf_x")  # wrong: call-arg
HFRouter(max_retries="3")  # wrong: arg-type
HFRouter(timeout="60")  # wrong: arg-type
AsyncHFRouter("org/name", transport="pigeon")  # wrong: arg-type
HFRouter("org/name", transport="aiohttp")  # wrong: call-arg

reply = router.chat(
    messages, temperature=0.2, max_tokens=100, stop=["\n"], seed=None, model="org/other", timeout=5
)
assert_type(reply, ChatReply)
assert_type(reply.text, str)
assert_type(reply.reasoning, str)
assert_type(reply.tool_calls, tuple[ToolCall, ...])
assert_type(reply.tool_calls[0].parsed(), dict[str, Any])
assert_type(reply.choices, tuple[Choice, ...])
assert_type(reply.usage, Usage | None)
assert_type(reply.finish_reason, str | None)
assert_type(reply.logprobs, Mapping[str, Any] | None)
assert_type(reply.meta, ReplyMeta)
assert_type(reply.meta.provider, str | None)
assert_type(reply.meta.first_token_s, float | None)
router.chat(typed_messages, tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="auto")
router.chat([*messages, reply.as_message()], response_format={"type": "json_object"}, reasoning_effort="low")

router.chat(messages, temperature="hot")  # wrong: arg-type
router.chat(messages, temprature=0.2)  # wrong: call-arg
router.chat(messages, max_tokens=1.5)  # wrong: arg-type
router.chat(messages, stop=7)  # wrong: arg-type
router.chat(messages, extra_headers={"x": 1})  # wrong: dict-item
router.chat("Hello!")  # wrong: arg-type
router.chat()  # wrong: call-arg
reply.text = "other"  # wrong: misc
print(reply.usage.total_tokens)  # wrong: union-attr

params: ChatParams = {"temperature": 0.2, "top_k": 3}
router.chat(messages, **params)
bad_params: ChatParams = {"temperature": "hot"}  # wrong: typeddict-item
worse_params: ChatParams = {"heat": 1}  # wrong: typeddict-unknown-key

with router.stream(messages, temperature=0) as stream:
    assert_type(stream, ChatStream)
    for delta in stream:
        assert_type(delta, ChatDelta)
        assert_type(delta.text, str)
        assert_type(delta.tool_calls, tuple[ToolCallDelta, ...])
        assert_type(delta.usage, Usage | None)
assert_type(stream.reply, ChatReply)
router.stream(messages, temperature="hot")  # wrong: arg-type

assert_type(router.models(), Catalog)
assert_type(router.models(refresh=True).get("org/name"), ModelInfo | None)
assert_type(router.status("org/name"), ModelStatus)
assert_type(router.warm(timeout=600), ModelStatus)
assert_type(router.embed(["a"]), EmbedReply)
assert_type(router.embed((text for text in "ab"), "query", dimensions=8, progress=print), EmbedReply)
assert_type(router.embed(["a"]).tolist(), list[list[float]])
router.embed(["a"], "passage")  # wrong: arg-type
router.embed([1])  # wrong: list-item
router.embed(["a"], dimension=8)  # wrong: call-arg
assert_type(router.rerank("q", ["a"], top_n=1, raw_scores=True), RerankReply)
router.rerank("q", ["a"], top=1)  # wrong: call-arg
moods = router.text_classification("a", top_k=1)
assert_type(moods, Answers[Label])
assert_type(moods[0], Label)
assert_type(moods[:1], tuple[Label, ...])
assert_type([each.score for each in moods], list[float | None])
assert_type(router.table_question_answering({"a": [1]}, "b"), TableAnswer)
assert_type(router.translation(["a"], src_lang="en", tgt_lang="de").texts, tuple[str, ...])
assert_type(router.sentence_similarity("a", ["b"])[0], float)
router.text_classification("a", function_to_apply="relu")  # wrong: arg-type
router.text_classification("a", top=1)  # wrong: call-arg
router.image_classification("cat.png")  # wrong: arg-type
assert_type(router.text_generation("a", max_new_tokens=5), CompletionReply)
with router.stream_text("a", stop=["."]) as text:
    for delta in text:
        assert_type(delta, ChatDelta)
assert_type(text.reply, CompletionReply)
router.text_generation("a", max_tokens=5)  # wrong: call-arg
assert_type(router.ask_image(b"", "a", max_tokens=5), ChatReply)
with router as same:
    assert_type(same, HFRouter)


assert_type(HFRouter.from_settings(RouterSettings.load(timeout=20), model="a/b"), HFRouter)
HFRouter("coder", models={"coder": {"model": "org/name", "temperature": 0}})
replies = router.batch(
    [{"messages": messages}, {"task": "embed", "texts": ["a"]}], path="a.jsonl", progress=True
)
assert_type(replies, BatchReplies)
router.batch([{"messages": messages}], at_once=3)  # wrong: call-arg


async def later() -> None:
    arouter = AsyncHFRouter("org/name", http_client=httpx2.AsyncClient())
    assert_type(await arouter.chat(messages, temperature=0.2), ChatReply)
    await arouter.chat(messages, temperature="hot")  # wrong: arg-type
    await arouter.chat(messages, heat=1)  # wrong: call-arg
    async with arouter.stream(messages) as stream:
        assert_type(stream, AsyncChatStream)
        async for delta in stream:
            assert_type(delta, ChatDelta)
    for _ in arouter.stream(messages):  # wrong: attr-defined
        break
    assert_type(await arouter.embed(["a"], "document", normalize=True), EmbedReply)
    assert_type(await arouter.rerank("q", ["a"]), RerankReply)
    assert_type(await arouter.fill_mask("[MASK]"), Answers[Filling])
    assert_type(await arouter.text_generation("a"), CompletionReply)
    async with arouter.stream_text("a") as text:
        async for delta in text:
            assert_type(delta.text, str)
    assert_type(await arouter.models(), Catalog)
    assert_type(await arouter.status(), ModelStatus)
    await arouter.close()


try:
    router.chat(messages)
except StreamInterrupted as error:
    assert_type(error.partial, ChatReply)
    assert_type(error.cause, RouterError | None)
except RateLimited as error:
    assert_type(error.retry_after, float | None)
except RouterError as error:
    assert_type(error.hint, str)
    assert_type(error.status, int | None)
