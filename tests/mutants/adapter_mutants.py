"""Sabotages of the two adapters; see `mutants`."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["LANGCHAIN", "LLAMA_INDEX"]

LANGCHAIN = (
    Mutant(
        "LangChain: several answers each carry the whole call's tokens",
        "langchain_hfrouter/replies.py",
        "usage_metadata=usage_metadata(reply.usage) if position == 0 else None,",
        "usage_metadata=usage_metadata(reply.usage),",
        ("tests/langchain/test_langchain_chat.py",),
    ),
    Mutant(
        "LangChain: a stream tells its tokens in a chunk of their own and at the end",
        "langchain_hfrouter/chunks.py",
        "            return self._text(text) if text else None",
        "            return self._text(text) if text else delta.usage and ChatGenerationChunk("
        'message=AIMessageChunk(content="", usage_metadata=usage_metadata(delta.usage)))',
        ("tests/langchain/test_langchain_chunks.py", "tests/langchain/test_langchain_chat.py"),
    ),
    Mutant(
        "LangChain: the closing chunk comes twice, and with it the model's name",
        "langchain_hfrouter/chat_models.py",
        "                yield make.last(stream.reply)\n"
        "        except RouterError as error:\n"
        "            raise as_langchain(error) from error.__cause__\n\n"
        "    async def _astream(",
        "                yield from [make.last(stream.reply), make.last(stream.reply)]\n"
        "        except RouterError as error:\n"
        "            raise as_langchain(error) from error.__cause__\n\n"
        "    async def _astream(",
        ("tests/langchain/test_langchain_chat.py",),
    ),
    Mutant(
        "LangChain: the core's errors come out untranslated",
        "langchain_hfrouter/errors.py",
        "if type(error) in _TRANSLATED:",
        "if isinstance(error, _core.RouterError):",
        ("tests/langchain/test_langchain_errors.py",),
    ),
    Mutant(
        "LangChain: secret headers are written by dumps",
        "langchain_hfrouter/settings.py",
        '"**********" if is_secret(name) else value for name',
        "value for name",
        ("tests/langchain/test_langchain_state.py",),
    ),
    Mutant(
        "LangChain: an explicit token travels in a pickle",
        "langchain_hfrouter/keys.py",
        "return _arrived, (self.key,)",
        "return TravelSafeKey, (self.key.reveal(),)",
        ("tests/langchain/test_langchain_state.py",),
    ),
    Mutant(
        "LangChain: tool_choice any is sent as it is",
        "langchain_hfrouter/tool_binding.py",
        '        return "required"',
        "        return choice",
        ("tests/langchain/test_langchain_tools.py",),
    ),
    Mutant(
        "LangChain: two servers share one cache key",
        "langchain_hfrouter/settings.py",
        '            "base_url": self.base_url,\n'
        '            "provider": self.provider,\n'
        '            "bill_to": self.bill_to,\n'
        '            "extra_body": self.extra_body,\n'
        '            "reasoning_tags": self.reasoning_tags or None,',
        '            "provider": self.provider,\n'
        '            "bill_to": self.bill_to,\n'
        '            "extra_body": self.extra_body,\n'
        '            "reasoning_tags": self.reasoning_tags or None,',
        ("tests/langchain/test_langchain_state.py",),
    ),
    Mutant(
        "LangChain: media of a tool's result are lost",
        "langchain_hfrouter/messages.py",
        "            hoisted += media",
        "            hoisted += []",
        ("tests/langchain/test_langchain_messages.py",),
    ),
    Mutant(
        "LangChain: streamed reasoning stands where no block is made of it",
        "langchain_hfrouter/chunks.py",
        'extra["reasoning_content"] = reasoning',
        'extra["reasoning"] = reasoning',
        ("tests/langchain/test_langchain_chat.py",),
    ),
    Mutant(
        "LangChain: a structured answer cut by max_tokens passes for a whole one",
        "langchain_hfrouter/structured.py",
        'if finish == "length":',
        'if finish == "cut":',
        ("tests/langchain/test_langchain_structured.py",),
    ),
)

LLAMA_INDEX = (
    Mutant(
        "LlamaIndex: the caller's history grows with each call",
        "llama_index_hfrouter/llm.py",
        "messages = list(chat_history or ())",
        "messages = [] if chat_history is None else chat_history",
        ("tests/llama_index/test_standard_suite.py::TestTools",),
    ),
    Mutant(
        "LlamaIndex: arguments that are no JSON become none at all",
        "llama_index_hfrouter/tool_calls.py",
        "tool_kwargs=text if arguments is None else arguments",
        "tool_kwargs=arguments or {}",
        ("tests/llama_index/test_li_streams.py::TestMalformedArguments",),
    ),
    Mutant(
        "LlamaIndex: reasoning streams without its delta",
        "llama_index_hfrouter/chunks.py",
        'response.additional_kwargs["thinking_delta"] = reasoning',
        "response.additional_kwargs.clear()",
        ("tests/llama_index/test_li_streams.py::TestReasoning",),
    ),
    Mutant(
        "LlamaIndex: structured output leaves it to the model whether to call the tool",
        "llama_index_hfrouter/structured.py",
        "chat_history=list(messages), tool_required=True, **kwargs",
        "chat_history=list(messages), tool_required=False, **kwargs",
        ("tests/llama_index/test_standard_suite.py::TestStructured",),
    ),
    Mutant(
        "LlamaIndex: secret headers stand in to_dict",
        "llama_index_hfrouter/connection.py",
        "            if not any(word in name.lower() for word in _SECRET_WORDS)\n",
        "",
        ("tests/llama_index/test_li_serialisation.py",),
    ),
    Mutant(
        "LlamaIndex: a chunk's message holds the new text alone",
        "llama_index_hfrouter/chunks.py",
        'return text_chunk(whole, text, {"model": self._model}, self._thinking)',
        'return text_chunk(text, text, {"model": self._model}, self._thinking)',
        ("tests/llama_index/test_standard_suite.py::TestBasics",),
    ),
    Mutant(
        "LlamaIndex: several calls come although parallel ones were not allowed",
        "llama_index_hfrouter/llm.py",
        "            keep_first_call(response.message)",
        "            pass",
        ("tests/llama_index/test_standard_suite.py::TestTools",),
    ),
)
