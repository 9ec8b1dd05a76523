# ruff: noqa: ARG002  (the signatures are the frameworks')
"""The least a framework lets anyone pay: models that answer from memory, without a wire.

Lives here: a LangChain model and a LlamaIndex LLM that return constants, and a bare subclass of a framework's
base class with the fields of a given model, to weigh constructors against.
Not here: anything that reads or sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from copy import copy
from typing import Any

import canned


def langchain_floor() -> Any:
    """A `BaseChatModel` that says the canned reply, streamed in the canned chunks."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.messages.tool import tool_call_chunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    fragments = canned.pieces(canned.TOOL_JSON, canned.TOOL_FRAGMENTS)

    class Floor(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "floor"

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=tools, **kwargs)

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(content=canned.REPLY))])

        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return self._generate()

        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            if "tools" not in kwargs:
                for word in canned.WORDS:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=word))
                return
            for number, piece in enumerate(fragments):
                first = number == 0
                call = tool_call_chunk(
                    name=canned.TOOL_NAME if first else None,
                    args=piece,
                    id="call_bench" if first else None,
                    index=0,
                )
                yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[call]))

        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
            for word in canned.WORDS:
                yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    return Floor()


def llama_index_floor() -> Any:
    """A `CustomLLM` that says the canned reply, with the callbacks that every LLM of the framework runs."""
    from llama_index.core.base.llms.types import (
        ChatMessage,
        ChatResponse,
        CompletionResponse,
        LLMMetadata,
        MessageRole,
    )
    from llama_index.core.llms import CustomLLM
    from llama_index.core.llms.callbacks import llm_chat_callback

    class Floor(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(is_chat_model=True)

        @llm_chat_callback()
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=canned.REPLY))

        @llm_chat_callback()
        async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=canned.REPLY))

        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Iterator[ChatResponse]:
            def deltas() -> Iterator[ChatResponse]:
                said = ""
                for word in canned.WORDS:
                    said += word
                    message = ChatMessage(role=MessageRole.ASSISTANT, content=said)
                    yield ChatResponse(message=message, delta=word)

            return deltas()

        @llm_chat_callback()
        async def astream_chat(self, messages: Any, **kwargs: Any) -> AsyncIterator[ChatResponse]:
            async def deltas() -> AsyncIterator[ChatResponse]:
                said = ""
                for word in canned.WORDS:
                    said += word
                    message = ChatMessage(role=MessageRole.ASSISTANT, content=said)
                    yield ChatResponse(message=message, delta=word)

            return deltas()

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            return CompletionResponse(text=canned.REPLY)

        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

    return Floor()


def bare_subclass(model: type[Any]) -> type[Any]:
    """The framework's base class plus the fields of `model`: what pydantic alone charges for them."""
    from pydantic import create_model

    base = _framework_base(model)
    own = {
        name: (field.annotation, copy(field))
        for name, field in model.model_fields.items()
        if name not in base.model_fields or base.model_fields[name] != field
    }
    # Abstract methods are satisfied by the stand-in, never called.
    stand_in = type(
        "StandIn",
        (base,),
        {"model_config": model.model_config, "__module__": __name__}
        | dict.fromkeys(getattr(base, "__abstractmethods__", ()), _never),
    )
    return create_model("Bare", __base__=stand_in, **own)


def accepted_key(bare: type[Any], instance: Any) -> Any:
    """The key to give to the bare subclass: text where its field takes text, else what an instance holds."""
    from pydantic import ValidationError

    try:
        bare(model=canned.MODEL, base_url="http://127.0.0.1", api_key="x")
    except ValidationError:
        return instance.api_key
    return "x"


def _framework_base(model: type[Any]) -> type[Any]:
    for parent in model.__mro__[1:]:
        if parent.__module__.startswith(("langchain_core.", "llama_index.core.")):
            return parent
    raise TypeError(f"{model.__name__} has no base class of a framework")


def _never(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError
