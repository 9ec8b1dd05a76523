"""Copies and stored forms: nothing lost, no token carried, no warning; options and what metadata makes of them."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import threading
from typing import ClassVar

import httpx2
import pytest
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from pydantic import SecretStr

from llama_index_hfrouter import HFRouterLLM
from llama_index_hfrouter.llm import UNKNOWN_CONTEXT_WINDOW
from shared_core import HFRouter, Timeouts
from shared_core.catalog import lookup
from shared_core.errors import ConfigError
from shared_core.testing import offline_router


class Limiter:
    """Holds a lock, as LlamaIndex's limiters do."""

    def __init__(self):
        self.lock = threading.Lock()

    def acquire(self, num_tokens=0):
        with self.lock:
            pass


LIMITED = {"rate_limiter": Limiter()} if "rate_limiter" in LLM.model_fields else {}  # since 0.14.16

EVERYTHING = {
    "model": "org/name:groq",
    "base_url": "http://127.0.0.1:9/v1",
    "provider": "groq",
    "bill_to": "my-org",
    "timeout": Timeouts(total=50, connect=2),
    "max_retries": 1,
    "default_headers": {"X-Team": "blue"},
    "extra_body": {"min_p": 0.1},
    "wait_for_model": 12.5,
    "reasoning_tags": True,
    "prices": {
        "org/name:groq": {"input": "0.10", "output": "0.50", "source": "a contract", "date": "2026-11-01"}
    },
    "reported_cost": "usage.cost",
    "async_transport": "httpx2",
    "temperature": 0.0,
    "top_p": 0.5,
    "top_k": 5,
    "max_tokens": 100,
    "stop": ["a", "b"],
    "seed": 7,
    "n": 1,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "repetition_penalty": 1.1,
    "logit_bias": {"50256": -100.0},
    "logprobs": True,
    "top_logprobs": 2,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "stream_options": {"include_usage": True},
    "reasoning_effort": "low",
    "context_window": 1234,
    "num_output": 99,
    "is_function_calling_model": False,
    "strict": True,
    "structured_output": "text",
    "echo_reasoning": True,
    "reasoning_as_answer": False,
    "fallback": ["offline/tools", "http://127.0.0.1:1/v1"],
    "tiers": {"fast": ["offline/echo"]},
    "tier": "fast",
    "routing": "latency",
    "continue_elsewhere": True,
    "usage_tags": {"user": "ada"},
    "ledger": True,
    "chat_cache": True,
    "state": "redis://127.0.0.1:1/0",
    "limits": [{"requests": 60, "per": "minute"}],
    "concurrency": 4,
    "budgets": [{"usd": "5", "per": "day"}],
    "hedge": 0.5,
    "system_prompt": "Be brief.",
}

COPIES = {
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),
    "deepcopy": copy.deepcopy,
    "from_dict": lambda llm: type(llm).from_dict(llm.to_dict()),
    "from_json": lambda llm: type(llm).from_json(llm.to_json()),
}
MADE = pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES.keys())
WIRE_PARAMS = [
    "temperature", "top_p", "top_k", "max_tokens", "stop", "seed", "n", "frequency_penalty", "presence_penalty",
    "repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
    "response_format", "reasoning_effort",
]  # fmt: skip


def options_of(llm: HFRouterLLM) -> dict:
    return {name: getattr(llm, name) for name in EVERYTHING}


class TestCopies:
    @MADE
    def test_every_option_survives(self, make_copy, recwarn, caplog):
        with caplog.at_level(logging.DEBUG, logger="root"):
            copied = make_copy(HFRouterLLM(**EVERYTHING))
        assert options_of(copied) == EVERYTHING
        assert not recwarn.list
        assert "unpickle" not in caplog.text

    def test_every_option_is_tried_above(self):
        base = set(LLM.model_fields) | {"api_key"}
        assert set(HFRouterLLM.model_fields) - base == (set(EVERYTHING) | {"hooks"}) - {"system_prompt"}

    @MADE
    def test_the_copy_works(self, make_llm, make_copy):
        llm = make_llm("echo")
        llm.complete("used before")
        assert make_copy(llm).complete("hi").text == "hi"

    @MADE
    @pytest.mark.parametrize("give", [str, SecretStr], ids=["text", "SecretStr"])
    def test_an_explicit_token_stays_behind_and_says_so(self, make_llm, make_copy, monkeypatch, canary, give):
        monkeypatch.setenv("HF_TOKEN", "hf_someoneElses")
        copied = make_copy(make_llm("echo", api_key=give(canary)))
        with pytest.raises(ConfigError, match="HF_TOKEN"):
            copied.complete("hi")

    @MADE
    def test_no_token_stays_no_token(self, make_llm, server, make_copy, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_someoneElses")
        make_copy(make_llm("echo", api_key="")).complete("hi")
        assert "authorization" not in server.requests[0].headers

    @MADE
    def test_a_copy_can_be_given_a_new_token(self, make_llm, server, make_copy, canary):
        copied = make_copy(make_llm("echo", api_key="hf_old"))
        copied.api_key = canary
        copied.complete("hi")
        assert server.requests[0].headers["authorization"] == f"Bearer {canary}"

    def test_a_shallow_copy_keeps_the_token_and_its_own_settings(self, make_llm, server, canary):
        llm = make_llm("echo", api_key=canary)
        llm.complete("one")
        other = llm.model_copy(update={"extra_body": {"x": 1}})
        other.complete("two")
        llm.complete("three")
        assert [request.json.get("x") for request in server.requests] == [None, 1, None]
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {canary}"}

    def test_a_shallow_copy_may_have_another_token(self, make_llm, server, canary):
        other = make_llm("echo", api_key="hf_old").model_copy(update={"api_key": canary})
        other.complete("hi")
        assert server.requests[0].headers["authorization"] == f"Bearer {canary}"
        assert canary.encode() not in pickle.dumps(other)

    def test_a_deep_copy_shares_what_belongs_to_the_process(self, make_llm):
        manager = CallbackManager([LlamaDebugHandler(print_trace_on_end=False)])
        llm = make_llm("echo", callback_manager=manager, **LIMITED)
        copied = copy.deepcopy(llm)
        assert copied.callback_manager is manager
        assert all(getattr(copied, name) is value for name, value in LIMITED.items())
        assert copied.complete("hi").text == "hi"

    @pytest.mark.parametrize("make_copy", [COPIES["pickle"]], ids=["pickle"])
    def test_locks_and_handlers_stay_behind_quietly(self, make_llm, make_copy, caplog):
        llm = make_llm(
            "echo",
            callback_manager=CallbackManager([LlamaDebugHandler(print_trace_on_end=False)]),
            **LIMITED,
        )
        assert make_copy(llm).complete("hi").text == "hi"
        assert "unpickle" not in caplog.text

    def test_an_own_client_left_behind_is_an_error(self, make_llm):
        with httpx2.Client() as client:
            llm = make_llm("echo", http_client=client)
            assert llm.complete("hi").text == "hi"
            assert copy.deepcopy(llm).complete("hi").text == "hi"
            with pytest.raises(ConfigError, match="HTTP client"):
                pickle.loads(pickle.dumps(llm)).complete("hi")

    async def test_an_own_async_client_is_used(self, make_llm, server):
        async with httpx2.AsyncClient(headers={"x-mine": "yes"}) as client:
            await make_llm("echo", async_http_client=client).acomplete("hi")
        assert server.requests[0].headers.get("x-mine") == "yes"

    def test_a_changed_setting_takes_effect(self, make_llm, server):
        llm = make_llm("echo")
        llm.complete("a")
        llm.default_headers = {"x-team": "blue"}
        llm.temperature = 0.5
        llm.complete("b")
        assert "x-team" not in server.requests[0].headers
        assert server.requests[1].headers["x-team"] == "blue"
        assert server.requests[1].json["temperature"] == 0.5


class TestSecrets:
    OUTPUTS: ClassVar = {
        "repr": repr,
        "str": str,
        "to_dict": lambda llm: str(llm.to_dict()),
        "to_json": lambda llm: llm.to_json(),
        "to_payload": lambda llm: str(llm.to_payload()),
        "model_dump": lambda llm: str(llm.model_dump()),
        "pickle": lambda llm: pickle.dumps(llm).decode("latin-1"),
        "metadata": lambda llm: str(llm.metadata),
        "a structured LLM": lambda llm: llm.as_structured_llm(type("A", (LLM,), {})).to_json(),
        "vars": lambda llm: str(vars(llm)),
    }

    @pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS.keys())
    def test_no_output_holds_a_secret(self, make_llm, canary, output):
        llm = make_llm("echo", api_key=canary)
        llm.complete("hi")
        assert canary not in output(llm)

    @pytest.mark.parametrize("output", ["to_json", "to_dict", "to_payload"])
    def test_no_stored_form_holds_secret_headers(self, make_llm, canary, output):
        llm = make_llm("echo", default_headers={"X-Api-Key": canary, "X-Team": "blue"})
        stored = getattr(llm, output)()
        assert canary not in str(stored)
        assert canary not in repr(llm)
        assert canary.encode() not in pickle.dumps(llm)

    def test_no_error_holds_the_token(self, make_llm, canary):
        with pytest.raises(Exception, match="nobody") as caught:
            make_llm("nobody", api_key=canary).complete("hi")
        assert canary not in str(caught.value) + repr(caught.value.__dict__)


class TestOptions:
    def test_every_chat_parameter_reaches_the_wire(self, make_llm, server):
        params = {name: EVERYTHING[name] for name in WIRE_PARAMS}
        make_llm("tools", **params).complete("hi")
        make_llm("tools").complete("hi", **params)
        for request in server.requests:
            assert {name: request.json[name] for name in params} == params
            assert request.model_first

    def test_none_in_a_call_leaves_a_parameter_out(self, make_llm, server):
        make_llm("echo", temperature=0.5).complete("hi", temperature=None)
        assert "temperature" not in server.requests[0].json

    def test_extra_body_and_headers(self, make_llm, server):
        llm = make_llm("echo", extra_body={"min_p": 0.1}, default_headers={"X-Team": "blue"}, bill_to="org")
        llm.complete("hi", extra_body={"top_a": 0.2}, extra_headers={"X-Run": "1"})
        request = server.requests[0]
        assert (request.json["min_p"], request.json["top_a"]) == (0.1, 0.2)
        assert request.headers["x-team"] == "blue"
        assert request.headers["x-run"] == "1"
        assert request.headers["x-hf-bill-to"] == "org"

    def test_the_provider_becomes_the_suffix(self, make_llm, server):
        make_llm("echo", provider="offline").complete("hi")
        assert server.requests[0].json["model"] == "offline/echo:offline"

    @pytest.mark.parametrize("name", ["model", "model_name"])
    def test_both_names_of_the_model(self, name):
        llm = HFRouterLLM(**{name: "org/name"})
        assert llm.model == llm.model_name == llm.metadata.model_name == "org/name"

    def test_the_model_may_stand_first(self):
        assert HFRouterLLM("org/name").model == "org/name"

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            pytest.param({}, "model", id="no model"),
            pytest.param({"model": "a/b", "temprature": 1}, "temperature", id="a misspelt option"),
            pytest.param({"model": "a/b", "additional_kwargs": {}}, "extra_body", id="an option of a peer"),
            pytest.param({"model": "a/b", "timeout": -1}, "positive", id="a negative time limit"),
            pytest.param({"model": "a/b", "api_key": "two words"}, "api_key", id="a token with a space"),
            pytest.param({"model": "a/b", "api_key": 7}, "not a text", id="a number for a token"),
            pytest.param({"model": "a/b", "temperature": "hot"}, "temperature", id="a wrong type"),
        ],
    )
    def test_options_that_cannot_work(self, options, word):
        with pytest.raises(ValueError, match=word):
            HFRouterLLM(**options)

    def test_none_stands_for_llamaindex_s_defaults(self, make_llm):
        llm = make_llm("echo", callback_manager=None, messages_to_prompt=None, system_prompt=None)
        assert llm.complete("hi").text == "hi"

    def test_completion_to_prompt_is_applied_unless_formatted(self, make_llm):
        llm = make_llm("echo", completion_to_prompt=lambda text: f"Q: {text}")
        assert llm.complete("hi").text == "Q: hi"
        assert llm.complete("hi", formatted=True).text == "hi"

    def test_logprobs_come_back(self, make_llm):
        llm = make_llm("echo", logprobs=True, top_logprobs=2)
        plain = llm.complete("one two").logprobs
        streamed = [token for chunk in llm.stream_complete("one two") for token in chunk.logprobs or ()]
        assert len(plain) == len(streamed) > 0
        assert all(token.logprob <= 0 for candidates in plain for token in candidates)

    def test_n_answers_are_all_in_raw(self, make_llm):
        llm = make_llm("echo", n=2)
        assert len(llm.complete("hi").raw["choices"]) == 2
        chunks = list(llm.stream_complete("hi there"))
        assert len(chunks[-1].raw["choices"]) == 2
        assert "".join(chunk.delta for chunk in chunks) == "hi there"


class TestMetadata:
    def test_the_catalogue_knows_a_model(self):
        facts = lookup("openai/gpt-oss-120b:cerebras")
        metadata = HFRouterLLM("openai/gpt-oss-120b:cerebras").metadata
        assert metadata.context_window == facts.context_window > 100_000

    def test_the_caller_knows_better(self):
        llm = HFRouterLLM(
            "openai/gpt-oss-120b", context_window=4096, num_output=64, is_function_calling_model=False
        )
        metadata = llm.metadata
        assert (metadata.context_window, metadata.num_output) == (4096, 64)
        assert not metadata.is_function_calling_model

    def test_nobody_knows_the_model(self):
        metadata = HFRouterLLM("nobody/knows", max_tokens=500).metadata
        assert metadata.context_window == UNKNOWN_CONTEXT_WINDOW
        assert metadata.num_output == 500
        assert metadata.is_function_calling_model

    def test_a_long_answer_leaves_a_query_engine_room_for_its_prompt(self):
        metadata = HFRouterLLM("nobody/knows", max_tokens=16_000).metadata
        assert metadata.context_window == 32_000
        assert PromptHelper.from_llm_metadata(metadata).repack(PromptTemplate("{context_str}"), ["text"])

    def test_a_loaded_catalogue_is_heeded(self):
        # A server of its own, because what is known of a server stays known to the process.
        with offline_router(embedder="words") as url:
            HFRouter(base_url=str(url)).models()
            assert HFRouterLLM("offline/tools", base_url=str(url)).metadata.context_window == 32768
            assert not HFRouterLLM("offline/json", base_url=str(url)).metadata.is_function_calling_model

    def test_asking_for_metadata_never_calls(self, make_llm, server):
        llm = make_llm("echo")
        _ = llm.metadata, llm.to_payload()
        assert server.requests == []

    def test_class_names_are_stable(self):
        assert HFRouterLLM.class_name() == "HFRouterLLM"
        assert json.loads(HFRouterLLM("a/b").to_json())["class_name"] == "HFRouterLLM"
