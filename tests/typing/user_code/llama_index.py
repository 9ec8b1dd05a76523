"""A user's LlamaIndex program: each line marked `wrong` is one that a type checker must refuse."""

from __future__ import annotations

from typing import assert_type

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llama_index_hfrouter import HFRouterLLM, HFRouterToolSpec
from shared_core import Timeouts
from shared_core.media import ArtifactStore

llm = HFRouterLLM("openai/gpt-oss-120b:groq", temperature=0, api_key="a-key", timeout=Timeouts(total=20))
same = HFRouterLLM(model="openai/gpt-oss-120b", max_tokens=10, context_window=8192, system_prompt="Be brief.")
base: FunctionCallingLLM = llm

HFRouterLLM("a/b", temperature="hot")  # wrong: arg-type
HFRouterLLM("a/b", temprature=1)  # wrong: call-arg
HFRouterLLM("a/b", structured_output="maybe")  # wrong: arg-type
HFRouterLLM("a/b", async_transport="telegraph")  # wrong: arg-type
HFRouterLLM(7)  # wrong: arg-type

assert_type(llm.model, str)
assert_type(llm.complete("hi"), CompletionResponse)
response = llm.chat([ChatMessage(role="user", content="hi")])
assert_type(response, ChatResponse)
assert_type(response.message.content, str | None)
for piece in llm.stream_chat([ChatMessage(role="user", content="hi")]):
    assert_type(piece.delta, str | None)

spec = HFRouterToolSpec(models={"text_to_image": "a/b"}, store=ArtifactStore("media"), api_key="a-key")
tools = spec.to_tool_list(["text_to_image"])
HFRouterToolSpec(store="media")  # wrong: arg-type
assert_type(tools[0].metadata.get_name(), str)
blocks = spec.text_to_image("a fox", seed=7)
spec.text_to_image(7)  # wrong: arg-type
