"""The package itself: what importing it loads, what it says when LlamaIndex is missing, the quick chunks."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys

import pytest
from llama_index.core.base.llms.types import ChatResponse, TextBlock, ThinkingBlock

import llama_index_hfrouter
from llama_index_hfrouter import quick
from llama_index_hfrouter.chunks import ChunkBuilder
from shared_core.types import ChatDelta


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


class TestImports:
    def test_the_adapter_loads_neither_torch_nor_a_peer(self):
        code = """
import sys
from llama_index_hfrouter import HFRouterLLM
HFRouterLLM("a/b")
print([name for name in ("torch", "sentence_transformers", "transformers", "openai", "litellm", "langchain_core",
       "langchain_hfrouter", "shared_core.testing") if name in sys.modules])
"""
        assert python(code) == "[]\n"

    def test_embeddings_load_no_torch_before_the_first_text(self):
        code = "import sys, llama_index_hfrouter as l; l.HFLocalEmbedding('x'); print('torch' in sys.modules)"
        assert python(code) == "False\n"

    def test_a_missing_extra_is_named(self):
        code = """
import sys
sys.modules["llama_index"] = None
try:
    import llama_index_hfrouter
except ImportError as error:
    print(error)
"""
        assert 'pip install "hfrouter[llama-index]"' in python(code)

    def test_only_public_names_are_there(self):
        assert set(llama_index_hfrouter.__all__) <= set(dir(llama_index_hfrouter))
        for name in llama_index_hfrouter.__all__:
            assert getattr(llama_index_hfrouter, name).__doc__
        with pytest.raises(AttributeError, match="nothing"):
            _ = llama_index_hfrouter.nothing

    def test_the_tokenizer_and_sentence_splitter_need_no_download(self):
        code = """
import socket
def refuse(*args): raise OSError("no network")
socket.socket.connect = refuse
from llama_index.core.utils import get_tokenizer
from llama_index.core.node_parser import SentenceSplitter
pieces = SentenceSplitter(chunk_size=20, chunk_overlap=0).split_text("A b. " * 30)
print(len(get_tokenizer()("hello world")), len(pieces) > 1)
"""
        assert python(code) == "2 True\n"


class TestQuickChunks:
    def test_the_short_way_is_taken_with_these_versions(self):
        assert quick.text_chunk is not quick.text_chunk_validated

    @pytest.mark.parametrize("before", [[], [ThinkingBlock(content="hm")]], ids=["text", "after reasoning"])
    def test_its_objects_are_like_validated_ones(self, before):
        made = quick.text_chunk("ab", "b", {"model": "m"}, before)
        meant = quick.text_chunk_validated("ab", "b", {"model": "m"}, before)
        assert made == meant
        assert made.model_dump() == meant.model_dump()
        assert made.model_fields_set == meant.model_fields_set
        assert ChatResponse.model_validate(json.loads(made.model_dump_json())) == meant
        assert pickle.loads(pickle.dumps(made)) == meant
        assert made.model_copy(deep=True) == meant

    def test_a_chunk_may_be_changed_without_changing_others(self):
        one, two = (quick.text_chunk(text, text, {}, []) for text in "ab")
        one.additional_kwargs["x"] = 1
        one.message.additional_kwargs["y"] = 2
        one.message.blocks.append(TextBlock(text="z"))
        one.logprobs = []
        assert (two.additional_kwargs, two.message.additional_kwargs, len(two.message.blocks)) == ({}, {}, 1)
        assert two.logprobs is None

    @pytest.mark.parametrize(
        "broken",
        [
            pytest.param(
                lambda whole, delta, raw, before: quick.text_chunk_validated("", "", raw, before), id="wrong"
            ),
            pytest.param(lambda *_: 1 / 0, id="failing"),
        ],
    )
    def test_the_long_way_is_taken_when_the_short_one_does_not_hold(self, broken):
        assert quick._checked(lambda: broken) is quick.text_chunk_validated

    def test_deltas_of_other_answers_and_empty_ones_give_no_chunk(self):
        builder = ChunkBuilder("m")
        assert builder.add(ChatDelta("other", index=1)) is None
        assert builder.add(ChatDelta(finish_reason="stop")) is None
        assert builder.add(ChatDelta("a")).message.content == "a"


def test_type_checkers_are_told_every_argument() -> None:
    from llama_index_hfrouter.arguments import Arguments

    besides = {
        "model_name",
        "endpoint",
        "http_client",
        "async_http_client",
        "rate_limiter",
    }  # the last since core 0.14.16
    fields = set(llama_index_hfrouter.HFRouterLLM.model_fields) - {"model"}
    assert set(Arguments.__annotations__) == fields | besides


@pytest.mark.parametrize("name", ["HFRouterLLM", "HFRouterEmbedding", "HFLocalEmbedding", "HFReranker"])
def test_help_shows_the_arguments_before_a_class_was_ever_used(name):
    own = {"__module__": __name__, "__annotations__": {"extra": int}, "extra": 1}
    fresh = type("Fresh", (getattr(llama_index_hfrouter, name),), own)
    assert {"extra", "callback_manager"} <= set(inspect.signature(fresh).parameters)
