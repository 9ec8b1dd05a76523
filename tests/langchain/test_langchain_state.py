"""Copies, pickles, dumps, caches, traces: they know the settings and never the token."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from inspect import signature
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load
from langchain_core.messages import HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField

from langchain_hfrouter import ChatHFRouter
from shared_core import ConfigError, Timeouts
from shared_core.testing import Status

CANARY = "hf_canary0123456789abcdefghij"
COOKIE = "canary-of-a-cookie"


def canary_model(**settings: Any) -> ChatHFRouter:
    return ChatHFRouter(
        **{"model": "offline/echo", "api_key": CANARY, "default_headers": {"Cookie": COOKIE}, **settings}
    )


SAID = {
    "repr": repr,
    "str": str,
    "format": lambda model: f"{model}",
    "dumps": dumps,
    "JSON of the model": lambda model: model.model_dump_json(exclude={"profile"}),
    "pickle": lambda model: pickle.dumps(model).decode("latin-1"),
    "deep copy": lambda model: str(pickle.dumps(vars(copy.deepcopy(model)))),
    "model_copy(deep=True)": lambda model: str(pickle.dumps(vars(model.model_copy(deep=True)))),
    "identifying parameters": lambda model: str(model._identifying_params),
    "invocation parameters": lambda model: str(model._get_invocation_params()),
    "LangSmith parameters": lambda model: str(model._get_ls_params()),
    "cache key": lambda model: model._get_llm_string(),
    "the key field": lambda model: f"{model.api_key!r} {model.api_key}",
}


@pytest.mark.parametrize("way", SAID)
def test_the_token_shows_nowhere(way: str) -> None:
    said = SAID[way](canary_model())
    assert said
    assert CANARY not in said
    assert COOKIE not in said


def test_the_token_shows_in_no_error_no_log_and_no_callback(
    make: Any, router: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    class Listener(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            heard.append(repr((args, kwargs)))

        def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
            heard.append(repr((args, kwargs)))

    caplog.set_level(logging.DEBUG)
    router.queue(Status(401, {"error": f"wrong token {CANARY}"}))
    with pytest.raises(Exception, match="wrong token") as caught:
        canary_model(base_url=str(router)).invoke("hi", config={"callbacks": [Listener()]})
    assert len(heard) == 2
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + "".join(heard)
    assert CANARY not in shown
    assert COOKIE not in shown


@pytest.mark.parametrize(
    "travel",
    [
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.deepcopy,
        lambda model: model.model_copy(deep=True),
    ],
    ids=["pickle", "deepcopy", "model_copy(deep=True)"],
)
@pytest.mark.parametrize("secret", ["key", "header"])
def test_an_explicit_token_stays_behind_and_is_missed_at_the_first_call(
    travel: Any, secret: str, make: Any, requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    model = make(default_headers={"X-Api-Key": "s"} if secret == "header" else None, api_key="hf_mine")
    assert model.invoke("hi").text == "hi"  # routers and caches exist by now
    arrived = travel(model)
    assert (arrived.model, arrived.base_url) == (model.model, model.base_url)
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        arrived.invoke("hi")
    assert len(requests) == 1


@pytest.mark.parametrize("key", [None, ""], ids=["ambient", "none"])
def test_other_keys_travel(
    key: str | None, make: Any, requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_never_for_this_host")
    model = pickle.loads(pickle.dumps(make(api_key=key, temperature=0.5)))
    assert model.invoke("hi").text == "hi"
    assert requests[-1].json["temperature"] == 0.5
    assert "authorization" not in requests[-1].headers


def test_a_shallow_copy_keeps_the_token_and_makes_its_own_connections(make: Any, requests: Any) -> None:
    model = make()
    model.invoke("hi")
    other = model.model_copy(update={"model": "offline/reasoner", "temperature": 0.1})
    other.invoke("What is 2+2?")
    assert (requests[-1].json["model"], requests[-1].json["temperature"]) == ("offline/reasoner", 0.1)
    assert requests[-1].headers["authorization"] == "Bearer hf_offline"


def test_a_changed_field_counts_from_the_next_call_on(make: Any, requests: Any) -> None:
    model = make(temperature=0.1)
    model.invoke("hi")
    before = model._get_llm_string()
    model.temperature = 0.9
    model.api_key = "hf_new"
    model.invoke("hi")
    assert requests[-1].json["temperature"] == 0.9
    assert requests[-1].headers["authorization"] == "Bearer hf_new"
    assert model._get_llm_string() != before
    assert "hf_new" not in repr(model)


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_dumps_and_load_give_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_here")
    model = ChatHFRouter(
        model="a/b:groq",
        api_key="hf_there",
        base_url="http://127.0.0.1:1/v1",
        timeout=Timeouts(total=7, gap=3),
        stop=["x"],
        extra_body={"min_p": 0.1},
    )
    text = dumps(model)
    assert "hf_there" not in text
    # Older releases of langchain-core allow what is in a named package, newer ones the named classes.
    allowed = {"allowed_objects": [ChatHFRouter]} if "allowed_objects" in str(signature(load)) else {}
    twin: Any = load(
        json.loads(text), valid_namespaces=["langchain_hfrouter"], secrets_from_env=True, **allowed
    )
    assert twin._identifying_params == model._identifying_params
    assert twin.timeout == Timeouts(total=7, gap=3)
    assert twin.api_key.get_secret_value() == "hf_here"
    assert dumpd(twin) == dumpd(model)


DIFFERENT = {
    "model": {"model": "offline/other"},
    "base_url": {"base_url": "http://127.0.0.1:1/v1"},
    "temperature": {"temperature": 0.7},
    "provider": {"provider": "groq"},
    "extra_body": {"extra_body": {"min_p": 0.1}},
    "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "reasoning_effort": {"reasoning_effort": "high"},
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_cache_key_tells_models_apart(name: str) -> None:
    base = {"model": "offline/echo", "api_key": "x"}
    one, other = ChatHFRouter(**base), ChatHFRouter(**{**base, **DIFFERENT[name]})
    assert one._get_llm_string() != other._get_llm_string()
    assert one._identifying_params != other._identifying_params
    assert one._get_llm_string() == ChatHFRouter(**base)._get_llm_string()


def test_the_cache_key_does_not_depend_on_the_token() -> None:
    assert (
        ChatHFRouter(model="a/b", api_key="one")._get_llm_string()
        == ChatHFRouter(model="a/b", api_key="two")._get_llm_string()
    )


def test_a_cache_answers_the_second_call_and_no_other_models(make: Any, requests: Any) -> None:
    cache = InMemoryCache()
    first = make(cache=cache)
    assert first.invoke("hi").text == first.invoke("hi").text == "hi"
    assert len(requests) == 1
    make(cache=cache, temperature=0.3).invoke("hi")
    make("reasoner", cache=cache).invoke("hi")
    assert len(requests) == 3


def test_a_rate_limiter_is_asked(make: Any) -> None:
    class Counting(InMemoryRateLimiter):
        asked = 0

        def acquire(self, *, blocking: bool = True) -> bool:
            Counting.asked += 1
            return True

    model = make(rate_limiter=Counting(requests_per_second=1000))
    model.invoke("hi")
    list(model.stream("hi"))
    assert Counting.asked == 2


def test_fields_can_be_configured_at_run_time(make: Any, requests: Any) -> None:
    model = make(profile=None).configurable_fields(
        model=ConfigurableField(id="model"), temperature=ConfigurableField(id="heat")
    )
    model.invoke("hi")
    chosen = model.with_config(configurable={"model": "offline/reasoner", "heat": 0.4})
    assert chosen.invoke("What is 2+2?").text == "2+2 = 4"
    assert requests[-1].json["temperature"] == 0.4
    assert requests[-1].headers["authorization"] == "Bearer hf_offline"
    # `streaming` passes through as None: streams must go on being streams.
    assert len(list(chosen.stream("What is 2+2?"))) > 3


def test_the_profile_follows_the_model() -> None:
    model = ChatHFRouter(model="openai/gpt-oss-120b:groq")
    assert model.profile["max_input_tokens"] > 100_000
    assert model.profile["tool_calling"] is True
    assert ChatHFRouter(model="nobody/knows-this").profile is None
    mine = {"max_input_tokens": 5}
    assert ChatHFRouter(model="openai/gpt-oss-120b", profile=mine).profile == mine
    configurable = model.configurable_fields(model=ConfigurableField(id="model"))
    other, _ = configurable.prepare({"configurable": {"model": "nobody/knows-this"}})
    assert other.profile is None


@pytest.mark.parametrize("way", ["assigned", "copied"])
def test_the_profile_follows_a_model_that_is_changed(way: str) -> None:
    def changed(model: ChatHFRouter, name: str) -> ChatHFRouter:
        if way == "copied":
            return model.model_copy(update={"model": name})
        model.model = name
        return model

    known = ChatHFRouter(model="openai/gpt-oss-120b")
    assert changed(known, "nobody/knows-this").profile is None
    assert (
        changed(ChatHFRouter(model="nobody/knows-this"), "openai/gpt-oss-120b").profile["tool_calling"]
        is True
    )
    mine = {"max_input_tokens": 5}
    assert (
        changed(ChatHFRouter(model="openai/gpt-oss-120b", profile=mine), "nobody/knows-this").profile == mine
    )


def test_a_copy_with_another_token_sends_that_one_and_shows_neither(make: Any, requests: Any) -> None:
    other = make().model_copy(update={"api_key": "hf_other"})
    other.invoke("hi")
    assert requests[-1].headers["authorization"] == "Bearer hf_other"
    assert "hf_other" not in repr(other)


def test_traces_name_the_model_that_is_called() -> None:
    model = ChatHFRouter(model="a/b:groq", temperature=0.5, max_tokens=9, stop="END")
    assert model._get_ls_params() == {
        "ls_provider": "hfrouter",
        "ls_model_name": "a/b:groq",
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["END"],
    }
    changed = model._get_ls_params(stop=["x"], model="c/d", temperature=0.1)
    assert (changed["ls_model_name"], changed["ls_temperature"], changed["ls_stop"]) == ("c/d", 0.1, ["x"])
    assert model._get_invocation_params()["stop"] == "END"
    assert model._llm_type == "hfrouter-chat"


def test_callbacks_hear_every_token(make: Any) -> None:
    class Listener(BaseCallbackHandler):
        def __init__(self) -> None:
            self.tokens: list[str] = []
            self.ended = 0

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.tokens.append(token)

        def on_llm_end(self, response: Any, **kwargs: Any) -> None:
            self.ended += 1
            assert response.generations[0][0].message.usage_metadata["output_tokens"] == 3

    listener = Listener()
    list(make().stream("one two three", config={"callbacks": [listener]}))
    assert "".join(listener.tokens) == "one two three"
    assert listener.ended == 1


def test_tokens_are_estimated_without_tokenizer_or_network() -> None:
    model = ChatHFRouter(model="a/b")
    assert model.get_num_tokens("") == 0
    assert model.get_num_tokens("12345678") == 2
    assert model.get_num_tokens_from_messages([HumanMessage("12345678")]) >= 2
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert model.get_num_tokens_from_messages([HumanMessage("12345678")], tools=tools) >= 5
    with pytest.raises(ConfigError, match="custom_get_token_ids"):
        model.get_token_ids("hi")
    exact = ChatHFRouter(model="a/b", custom_get_token_ids=lambda text: [ord(letter) for letter in text])
    assert exact.get_num_tokens("abc") == 3
    assert exact.get_token_ids("a") == [97]


def test_an_ambient_token_is_looked_up_at_the_first_call(no_ambient_token: None, make: Any) -> None:
    from shared_core import Unauthorized

    model = ChatHFRouter(model="a/b")  # nothing is read here, so nothing is missing yet
    with pytest.raises(Unauthorized, match="No Hugging Face token"):
        model.invoke("hi")
