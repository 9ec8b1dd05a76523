"""Calls with `chat_cache`: what is remembered is not asked again, on every transport, in one piece or streamed."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ChatCache, ConfigError, HFRouter, errors
from shared_core.flow import Offload, Send
from shared_core.observe.events import CallEnded
from shared_core.policy.state import HEALTH
from shared_core.testing import Cut, OfflineRouter, Status, StreamError

HELLO = [{"role": "user", "content": "one two three four five six"}]
SUM = [{"role": "user", "content": "What is 2 + 3?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]


def asked(url: Any) -> int:
    return sum(request.path.endswith("/chat/completions") for request in url.requests)


def bare(reply: Any) -> Any:
    """The answer itself, without who gave it when, and without a plain reply's body."""
    return replace(reply, meta=None, raw={}, usage=reply.usage and reply.usage._replace(raw={}))


# --- hits and misses ---


def test_the_second_call_is_answered_from_memory_and_costs_nothing(make: Any, offline_url: Any) -> None:
    caller = make(chat_cache=True)
    first, second = caller.chat(temperature=0), caller.chat(temperature=0)
    assert asked(offline_url) == 1
    assert (second.choices, second.usage, second.raw, second.id) == (
        first.choices,
        first.usage,
        first.raw,
        first.id,
    )
    assert (first.meta.cached, second.meta.cached) == (False, True)
    assert (second.meta.attempts, second.meta.cost.usd) == (0, Decimal(0))
    assert second.meta.provider == first.meta.provider
    assert 0 <= second.meta.latency_s < 5
    assert second.meta.first_token_s is None


def test_nothing_is_remembered_unless_it_was_asked_for(make_plain: Any, offline_url: Any) -> None:
    for settings in ({}, {"chat_cache": None}, {"chat_cache": False}):
        caller = make_plain(**settings)
        assert [caller.chat(temperature=0).meta.cached for _ in range(2)] == [False, False]
    assert asked(offline_url) == 6


def test_other_temperatures_are_asked_each_time_unless_the_user_says_otherwise(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(chat_cache=True)
    assert [caller.chat(**options).meta.cached for options in ({}, {}, {"temperature": 1}, {"seed": 3})] == [
        False
    ] * 4
    any_ = make_plain(chat_cache=ChatCache(any_temperature=True))
    assert [any_.chat(temperature=1).meta.cached for _ in range(2)] == [False, True]


def test_a_call_may_ask_anew(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True)
    caller.chat(temperature=0)
    assert not caller.chat(temperature=0, cache=False).meta.cached
    assert caller.chat(temperature=0, cache=True).meta.cached
    assert asked(offline_url) == 2
    plain = make_plain()
    assert not plain.chat(temperature=0, cache=False).meta.cached
    told = make_plain(chat_cache=True, hooks=[lambda event: None])
    assert [told.chat(temperature=0, cache=cache).meta.cached for cache in (False, True)] == [False, True]


# --- streams ---


@pytest.mark.parametrize(
    ("model", "messages", "options"),
    [
        ("offline/echo", HELLO, {}),
        ("offline/reasoner", SUM, {}),
        ("offline/tools", WEATHER, {"tools": [TOOL]}),
        ("offline/echo", HELLO, {"n": 2}),
        ("offline/echo", HELLO, {"max_tokens": 2}),
    ],
    ids=["text", "reasoning", "a tool call", "two answers", "cut at its limit"],
)
@pytest.mark.parametrize("streamed_first", [True, False])
def test_a_streamed_answer_serves_a_plain_call_and_the_other_way_round(
    make: Any, offline_url: Any, model: str, messages: Any, options: Any, streamed_first: bool
) -> None:
    caller = make(model=model, chat_cache=True)
    options = {"temperature": 0, **options}
    if streamed_first:
        _, stream = caller.stream(messages, **options)
        first, second = stream.reply, caller.chat(messages, **options)
        assert second.meta.first_token_s is None
    else:
        first = caller.chat(messages, **options)
        deltas, stream = caller.stream(messages, **options)
        second = stream.reply
        assert second.meta.first_token_s is not None
        for choice in second.choices:
            mine = [delta for delta in deltas if delta.index == choice.index and delta.usage is None]
            assert "".join(delta.text for delta in mine) == choice.text
            assert "".join(delta.reasoning for delta in mine) == choice.reasoning
            assert [delta.finish_reason for delta in mine][-1] == choice.finish_reason
            pieces = [piece for delta in mine for piece in delta.tool_calls]
            assert [(p.index, p.id, p.name, p.arguments) for p in pieces] == [
                (place, *call) for place, call in enumerate(choice.tool_calls)
            ]
        assert deltas[-1].usage == second.usage
    assert asked(offline_url) == 1
    assert second.meta.cached
    assert bare(second) == bare(first)


def test_a_stream_that_is_left_or_broken_is_not_remembered(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True, max_retries=0)
    caller.stream(temperature=0, leave_after=2)
    offline_url.queue(Cut(after=2, chunks=True))
    with pytest.raises(errors.StreamInterrupted):
        caller.stream(temperature=0)
    offline_url.queue(StreamError(after=2))
    with pytest.raises(errors.StreamInterrupted):
        caller.stream(temperature=0)
    assert not caller.chat(temperature=0).meta.cached


def test_a_remembered_stream_may_be_left_early(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model="offline/reasoner", chat_cache=True)
    caller.chat(SUM, temperature=0)
    deltas, _ = caller.stream(SUM, temperature=0, leave_after=1)
    assert len(deltas) == 1
    assert asked(offline_url) == 1


# --- what is never remembered ---


def test_an_error_is_not_remembered(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True, max_retries=0)
    for status in (400, 500):
        offline_url.queue(Status(status))
        with pytest.raises(errors.RouterError):
            caller.chat(temperature=0)
    assert not caller.chat(temperature=0).meta.cached


def test_what_stood_in_for_a_model_is_not_remembered_as_its_answer(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True, fallback=["offline/reasoner"], max_retries=0)
    offline_url.queue(Status(503), match="offline/echo")
    instead = caller.chat(temperature=0)
    assert (instead.meta.moves, instead.meta.model) == (1, "offline/reasoner")
    meanwhile = caller.chat(temperature=0)  # the model is left alone, so that the other one is asked first
    assert (meanwhile.meta.cached, meanwhile.meta.moves, meanwhile.meta.model) == (
        False,
        0,
        "offline/reasoner",
    )
    HEALTH.clear()
    own = caller.chat(temperature=0)
    assert (own.meta.cached, own.meta.model) == (False, "offline/echo")
    again = caller.chat(temperature=0)
    assert (again.meta.cached, again.meta.model) == (True, "offline/echo")


# --- whose it is ---


def test_two_tenants_never_share_an_answer(offline_url: Any) -> None:
    cache = ChatCache()
    one, two = (
        HFRouter("offline/echo", base_url=offline_url, api_key=key, chat_cache=cache) for key in ("k1", "k2")
    )
    assert [router.chat(HELLO, temperature=0).meta.cached for router in (one, two, one, two)] == [
        False,
        False,
        True,
        True,
    ]
    paid = HFRouter("offline/echo", base_url=offline_url, api_key="k1", bill_to="acme", chat_cache=cache)
    assert not paid.chat(HELLO, temperature=0).meta.cached
    nobody = HFRouter("offline/echo", base_url=offline_url, api_key="", chat_cache=cache)
    assert not nobody.chat(HELLO, temperature=0).meta.cached
    assert asked(offline_url) == 4


def test_the_account_of_the_environment_is_told_from_others_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ambient token goes to Hugging Face alone: the flow is stepped up to the look-up, and nothing is sent."""
    cache, keys = ChatCache(), []
    for token in ("hf_one", "hf_two", "hf_one"):
        monkeypatch.setenv("HF_TOKEN", token)
        router = HFRouter("org/name", chat_cache=cache)
        monkeypatch.setattr(cache, "get", lambda key: keys.append(key))
        flow = router._chat(HELLO, {"temperature": 0}, stream=True)
        look_up = next(flow)
        assert isinstance(look_up, Offload)
        assert isinstance(flow.send(look_up.function()), Send)
        flow.close()
    assert keys[0] == keys[2] != keys[1]


def test_headers_of_a_call_count(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True)
    caller.chat(temperature=0, extra_headers={"x-variant": "a"})
    assert not caller.chat(temperature=0, extra_headers={"x-variant": "b"}).meta.cached
    assert caller.chat(temperature=0, extra_headers={"X-Variant": "a"}).meta.cached


def test_tags_and_time_limits_do_not(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True)
    caller.chat(temperature=0)
    assert caller.chat(temperature=0, timeout=3, usage_tags={"user": "ada"}).meta.cached


# --- where it is kept ---


def test_a_file_outlives_the_client(offline_url: Any, tmp_path: Path) -> None:
    def ask() -> Any:
        with HFRouter("offline/echo", base_url=offline_url, api_key="k", chat_cache=tmp_path) as router:
            return router.chat(HELLO, temperature=0)

    assert [ask().meta.cached for _ in range(3)] == [False, True, True]

    async def later() -> Any:
        async with AsyncHFRouter(
            "offline/echo", base_url=offline_url, api_key="k", chat_cache=str(tmp_path)
        ) as router:
            return await router.chat(HELLO, temperature=0)

    assert asyncio.run(later()).meta.cached


def test_a_client_closes_what_was_opened_for_it_and_nothing_else(offline_url: Any, tmp_path: Path) -> None:
    def opened_after(cache: Any) -> Any:
        with HFRouter("offline/echo", base_url=offline_url, api_key="k", chat_cache=cache) as router:
            router.chat(HELLO, temperature=0)
            place: Any = router._safeguards.arguments["chat_cache"]
        return place._place.store._database._opened.connection

    assert opened_after(tmp_path) is None
    shared = ChatCache(tmp_path)
    assert opened_after(shared) is not None
    shared.close()


def test_copies_and_pickles_of_a_client_find_the_file_again(offline_url: Any, tmp_path: Path) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k", chat_cache=tmp_path)
    router.chat(HELLO, temperature=0)
    in_memory = HFRouter("offline/echo", base_url=offline_url, api_key="k", chat_cache=ChatCache())
    same = copy.copy(in_memory)
    for twin in (pickle.loads(pickle.dumps(router)), copy.deepcopy(router)):
        assert twin._safeguards.arguments["chat_cache"].get(b"x") is None
        assert isinstance(twin._safeguards.arguments["chat_cache"], ChatCache)
        twin.close()
    assert same._safeguards.arguments["chat_cache"] is in_memory._safeguards.arguments["chat_cache"]
    data = pickle.dumps(HFRouter("offline/echo", base_url=offline_url, api_key="secret-k", chat_cache=True))
    assert b"secret-k" not in data
    with pytest.raises(ConfigError, match="holds a password"):
        pickle.dumps(HFRouter("a/b", chat_cache="redis://:hunter2@127.0.0.1:1/0"))
    router.close()


def test_a_file_that_cannot_be_used_is_said_with_the_first_call(make_plain: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary")
    caller = make_plain(chat_cache=tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="is no SQLite file"):
        caller.chat(temperature=0)
    with pytest.raises(ConfigError, match="cannot be kept in a int"):
        HFRouter("a/b", chat_cache=7)  # type: ignore[arg-type]


def test_a_server_that_is_away_costs_a_moment_and_no_answer(
    make_plain: Any, offline_url: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caller = make_plain(chat_cache="redis://127.0.0.1:1/0")
    assert [caller.chat(temperature=0).text for _ in range(2)] == [HELLO[0]["content"]] * 2
    assert caplog.text.count("calls go on without it") == 1


def test_all_clients_of_a_process_share_its_memory(offline_url: Any) -> None:
    def client() -> HFRouter:
        return HFRouter("offline/echo", base_url=offline_url, api_key="k", chat_cache=True)

    assert [client().chat(HELLO, temperature=0).meta.cached for _ in range(2)] == [False, True]
    with_pickle = pickle.loads(pickle.dumps(client()))._safeguards.arguments["chat_cache"]
    assert with_pickle is ChatCache.of(True) is copy.deepcopy(ChatCache.of(True))


# --- what others see ---


def test_hooks_are_told_that_it_was_remembered(offline_url: Any) -> None:
    heard: list[Any] = []
    router = HFRouter(
        "offline/echo", base_url=offline_url, api_key="k", chat_cache=True, hooks=[heard.append]
    )
    for _ in range(2):
        router.chat(HELLO, temperature=0)
    ends = [event for event in heard if isinstance(event, CallEnded)]
    assert [(end.cached, end.attempts, end.outcome) for end in ends] == [
        (False, 1, "answered"),
        (True, 0, "answered"),
    ]
    assert ends[1].cost.usd == 0


def test_what_cannot_be_sent_fails_as_it_does_without_a_cache(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(chat_cache=True)
    with pytest.raises(errors.BadRequest, match="lone surrogate"):
        caller.chat([{"role": "user", "content": "\ud800"}], temperature=0)
    assert asked(offline_url) == 0


def test_a_client_without_it_loads_nothing_of_it() -> None:
    code = (
        "from shared_core import HFRouter; HFRouter('a/b', api_key='k'); import sys;"
        "print([name for name in sys.modules if 'cache.chat' in name or 'single_flight' in name "
        "or 'policy.cache' in name or 'flights' in name or 'sqlite' in name or 'redis' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_vectors_are_not_its_business(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model="offline/embed-8", embedding_api="openai", chat_cache=True)
    assert [caller.embed(["a"]).meta.cached for _ in range(2)] == [False, False]
