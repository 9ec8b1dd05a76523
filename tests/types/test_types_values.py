"""Values that travel: tokens that do not, model ids, tool calls, replies, and errors that survive pickling."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from shared_core import errors
from shared_core.errors import ConfigError, RouterError
from shared_core.types import ApiKey, ChatReply, Choice, HttpRequest, ModelRef, ReplyMeta, Target, ToolCall

TOKEN = "hf_" + "x" * 30

MODELS = {
    "no suffix": ("org/name", "org/name", "", None),
    "a policy": ("org/name:cheapest", "org/name", "cheapest", None),
    "a provider": ("org/name:groq", "org/name", "groq", "groq"),
    "no organisation": ("name:groq", "name", "groq", "groq"),
    "an id with a dot and a number": ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B", "", None),
    "two colons are split at the first, as the router does": ("a/b:c:d", "a/b", "c:d", "c:d"),
}


@pytest.mark.parametrize(("text", "repo", "suffix", "provider"), MODELS.values(), ids=MODELS.keys())
def test_a_model_id_is_taken_apart(text: str, repo: str, suffix: str, provider: str | None) -> None:
    ref = ModelRef.parse(text)
    assert (ref.repo, ref.suffix, ref.provider) == (repo, suffix, provider)
    assert str(ref) == text


SHOWN = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "in a list": lambda key: str([key]),
    "in a request": lambda key: repr(HttpRequest("GET", "https://h", {}, b"", key)),
    "in a target": lambda key: repr(Target("https://h", key)),
    "pickled": lambda key: repr(pickle.dumps(key)),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN.keys())
def test_a_key_never_shows_its_token(show: Any) -> None:
    assert "xxxx" not in show(ApiKey(TOKEN))


def test_a_key_says_where_it_comes_from() -> None:
    assert [ApiKey(value).source for value in (TOKEN, None, "")] == ["argument", "ambient", "none"]


def test_white_space_around_a_token_is_not_part_of_it() -> None:
    assert ApiKey(f" {TOKEN}\n").reveal() == TOKEN


@pytest.mark.parametrize("value", ["hf_a b", "hf_a\nb", "hf_é", "hf_a\x00b"], ids=ascii)
def test_a_token_with_characters_that_no_token_has_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ApiKey(value)
    assert value not in str(caught.value)


@pytest.mark.parametrize("value", [7, b"hf_x", ["hf_x"]], ids=repr)
def test_a_token_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="api_key"):
        ApiKey(value)


TRAVELS = {"pickling": lambda key: pickle.loads(pickle.dumps(key)), "deep-copying": copy.deepcopy}


@pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS.keys())
def test_an_explicit_token_stays_behind_and_its_use_names_the_variable_to_set(travel: Any) -> None:
    copied = travel(travel(ApiKey(TOKEN)))  # a second journey brings nothing back
    assert copied.source == "left behind"
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        copied.reveal()


@pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS.keys())
@pytest.mark.parametrize(("value", "source"), [(None, "ambient"), ("", "none")], ids=["ambient", "none"])
def test_a_promise_of_a_token_travels(travel: Any, value: str | None, source: str) -> None:
    assert travel(ApiKey(value)).source == source


def test_keys_are_equal_when_token_and_source_are() -> None:
    assert ApiKey(TOKEN) == ApiKey(TOKEN)
    assert hash(ApiKey(TOKEN)) == hash(ApiKey(TOKEN))
    assert ApiKey(TOKEN) != ApiKey(TOKEN + "y")
    assert ApiKey(None) != ApiKey("")
    assert ApiKey(TOKEN) != TOKEN


def test_the_arguments_of_a_call_as_a_dictionary() -> None:
    assert ToolCall("a", "f", '{"x": 1}').parsed() == {"x": 1}


@pytest.mark.parametrize("text", ["", "  "])
def test_no_arguments_are_an_empty_dictionary(text: str) -> None:
    assert ToolCall("a", "f", text).parsed() == {}


@pytest.mark.parametrize(
    "text", ["[1]", "7", '{"x": ', "null", "nonsense", "[" * 100_000], ids=lambda text: text[:9]
)
def test_arguments_that_are_no_object_are_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        ToolCall("a", "f", text).parsed()


def test_a_reply_speaks_for_its_first_choice() -> None:
    call = ToolCall("a", "f", "{}")
    first = Choice(0, "Hi", "hm", (call,), "No.", "stop", {"content": []})
    reply = ChatReply((first, Choice(1, "Ho")), None, ReplyMeta("m"))
    assert (reply.text, reply.reasoning, reply.tool_calls) == ("Hi", "hm", (call,))
    assert (reply.refusal, reply.finish_reason, reply.logprobs) == ("No.", "stop", {"content": []})


def test_a_reply_becomes_the_message_to_send_back() -> None:
    reply = ChatReply(
        (Choice(text="Hi", reasoning="hm", tool_calls=(ToolCall("a", "f", "{}"),)),), None, ReplyMeta("m")
    )
    assert reply.as_message() == {
        "role": "assistant",
        "content": "Hi",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


def test_a_reply_without_calls_sends_none_back() -> None:
    assert ChatReply((Choice(text="Hi"),), None, ReplyMeta("m")).as_message() == {
        "role": "assistant",
        "content": "Hi",
    }


ABOUT: dict[str, Any] = {
    "hint": "Do this.",
    "model": "org/name",
    "provider": "groq",
    "request_id": "r1",
    "status": 429,
    "code": "c",
    "retry_after": 2.5,
    "reactions": ("retry",),
    "attempts": 3,
}
KINDS = [getattr(errors, name) for name in errors.__all__ if name != "Reaction"]
EXTRA: dict[Any, dict[str, Any]] = {
    errors.StreamInterrupted: {
        "partial": ChatReply((Choice(text="half"),), None, ReplyMeta("m")),
        "cause": errors.ConnectionLost("gone"),
    },
    errors.AllRoutesFailed: {"failures": [errors.RateLimited("slow"), errors.TimedOut("late")]},
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling_with_all_it_knows(kind: type[RouterError]) -> None:
    error = kind("It broke", **ABOUT, **EXTRA.get(kind, {}))
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert str(copied) == str(error)
    assert copied.args == error.args
    assert {k: repr(v) for k, v in vars(copied).items()} == {k: repr(v) for k, v in vars(error).items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_explained_and_one_of_ours(kind: type[RouterError]) -> None:
    assert issubclass(kind, RouterError)
    assert kind.__doc__


def test_an_error_says_what_failed_to_whom_and_what_to_do_next() -> None:
    assert str(errors.RateLimited("Too many", **ABOUT)) == (
        "Too many [model org/name, provider groq, HTTP 429, code c, request id r1, attempts 3]\nNext: Do this."
    )


def test_an_error_that_knows_nothing_more_says_nothing_more() -> None:
    assert str(errors.JobFailed("Wrong")) == "Wrong"


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.BadRequest])
def test_wrong_input_is_a_value_error_too(kind: type[RouterError]) -> None:
    assert issubclass(kind, ValueError)


def test_what_may_help_belongs_to_the_class_unless_the_case_is_special() -> None:
    assert errors.RateLimited("x").reactions == {"retry", "other_route"}
    assert errors.RateLimited("x", reactions=()).reactions == frozenset()
