"""Bad input: each row is one clear error of the package, before anything leaves the machine."""

from __future__ import annotations

import math
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.testing import OfflineRouter

HELLO = [{"role": "user", "content": "Hello!"}]
ROUTERS = pytest.mark.parametrize("router_class", [HFRouter, AsyncHFRouter])

SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "an address without a scheme": ({"base_url": "localhost:8000/v1"}, "absolute"),
    "an address of another scheme": ({"base_url": "ftp://host/v1"}, "absolute"),
    "an empty address": ({"base_url": ""}, "absolute"),
    "an address with blanks": ({"base_url": "https://ho st/v1"}, "base_url"),
    "an address without a host": ({"base_url": "https:///v1"}, "base_url"),
    "an address with a backslash, which two parsers read differently": (
        {"base_url": "https://evil.example\\@huggingface.co/v1"},
        "base_url",
    ),
    "an address with a port that is none": ({"base_url": "https://host:port/v1"}, "base_url"),
    "a password in the address, which logs would show": (
        {"base_url": "https://me:secret@host/v1"},
        "user name or a password",
    ),
    "an address with a query": ({"base_url": "https://host/v1?api-version=1"}, "query"),
    "an address with a fragment": ({"base_url": "https://host/v1#top"}, "fragment"),
    "a name in the query, which is not the host": (
        {"base_url": "https://evil.example?.huggingface.co"},
        "query",
    ),
    "a name in the fragment, which is not the host": (
        {"base_url": "https://evil.example#.huggingface.co"},
        "fragment",
    ),
    "a name before an at sign, which is not the host": (
        {"base_url": "https://huggingface.co@evil.example/v1"},
        "user name or a password",
    ),
    "an address that is no text": ({"base_url": 7}, "base_url"),
    "a token with a line end inside": ({"api_key": "hf_a\nb"}, "api_key"),
    "a token that is no text": ({"api_key": 7}, "api_key"),
    "no time at all": ({"timeout": 0}, "total"),
    "negative time": ({"timeout": -1}, "total"),
    "endless time": ({"timeout": math.inf}, "total"),
    "time as text": ({"timeout": "60"}, "total"),
    "fewer than no retries": ({"max_retries": -1}, "max_retries"),
    "half a retry": ({"max_retries": 1.5}, "max_retries"),
    "retries as a yes": ({"max_retries": True}, "max_retries"),
    "an authorization header": ({"default_headers": {"Authorization": "Bearer x"}}, "cannot be set"),
    "a host header": ({"default_headers": {"host": "x"}}, "cannot be set"),
    "a header with a line end": ({"default_headers": {"x": "a\r\nb: c"}}, "printable"),
    "a header that is no text": ({"default_headers": {"x": 7}}, "printable"),
    "a header outside ASCII": ({"default_headers": {"x": "é"}}, "printable"),
    "a header name with blanks": ({"default_headers": {"x y": "a"}}, "printable"),
    "headers that are a list": ({"default_headers": ["x"]}, "default_headers"),
    "an extra body that is a list": ({"extra_body": [1]}, "extra_body"),
    "waiting for less than nothing": ({"wait_for_model": -1}, "wait_for_model"),
    "waiting for not-a-number": ({"wait_for_model": math.nan}, "wait_for_model"),
    "waiting as text": ({"wait_for_model": "yes"}, "wait_for_model"),
    "a bill to somebody outside ASCII": ({"bill_to": "é"}, "bill_to"),
    "a bill with a line end": ({"bill_to": "a\nb"}, "bill_to"),
    "a client that is none": ({"http_client": object()}, "injected client"),
}


@ROUTERS
@pytest.mark.parametrize(("settings", "words"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_that_cannot_work_is_refused_when_it_is_given(
    router_class: Any, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        router_class("org/name", **settings)
    assert words in str(caught.value)


@pytest.mark.parametrize("client_class", [httpx2.AsyncClient, httpx.AsyncClient])
def test_an_asynchronous_client_does_not_fit_a_blocking_router(client_class: Any) -> None:
    with pytest.raises(errors.ConfigError, match="AsyncClient"):
        HFRouter("org/name", http_client=client_class())


def test_a_blocking_client_does_not_fit_an_asynchronous_router() -> None:
    with httpx2.Client() as client, pytest.raises(errors.ConfigError, match="Client"):
        AsyncHFRouter("org/name", http_client=client)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="carrier pigeon"):
        AsyncHFRouter("org/name", transport="carrier pigeon")  # type: ignore[arg-type]


CALLS: dict[str, tuple[Any, dict[str, Any], type[errors.RouterError], str]] = {
    "no messages": ([], {}, errors.BadRequest, "no messages"),
    "a text for messages": ("Hello!", {}, errors.BadRequest, "list"),
    "a message that is no dictionary": (["Hello!"], {}, errors.BadRequest, "Message 0"),
    "a tool result for no call": (
        [*HELLO, {"role": "tool", "tool_call_id": "a", "content": "r"}],
        {},
        errors.BadRequest,
        "'a'",
    ),
    "not-a-number": (HELLO, {"temperature": math.nan}, errors.BadRequest, "JSON"),
    "infinity": (HELLO, {"top_p": math.inf}, errors.BadRequest, "JSON"),
    "half a surrogate pair": ([{"role": "user", "content": "\ud83d"}], {}, errors.BadRequest, "U+D83D"),
    "bytes in a message": ([{"role": "user", "content": b"x"}], {}, errors.BadRequest, "JSON"),
    "an object in a parameter": (HELLO, {"tools": [object()]}, errors.BadRequest, "JSON"),
    "bytes in the extra body": (HELLO, {"extra_body": {"a": b"x"}}, errors.BadRequest, "JSON"),
    "an oversize message": (
        [{"role": "user", "content": "x" * (65 * 2**20)}],
        {},
        errors.InputTooLong,
        "64 MiB",
    ),
    "a parameter that does not exist": (HELLO, {"heat": 1}, errors.ConfigError, "extra_body={'heat'"),
    "a misspelt parameter": (HELLO, {"temprature": 1}, errors.ConfigError, "Did you mean 'temperature'"),
    "a parameter's other name": (HELLO, {"max_token": 1}, errors.ConfigError, "Did you mean 'max_tokens'"),
    "an empty model": (HELLO, {"model": " "}, errors.ConfigError, "blanks"),
    "a model with blanks": (HELLO, {"model": "org/my model"}, errors.ConfigError, "blanks"),
    "a model with a line end": (HELLO, {"model": "org/name\n"}, errors.ConfigError, "blanks"),
    "a model that is an address": (HELLO, {"model": "https://x.org/v1"}, errors.ConfigError, "base_url="),
    "a model that is no text": (HELLO, {"model": 7}, errors.ConfigError, "No model"),
    "a model that is a list": (HELLO, {"model": ["org/name"]}, errors.ConfigError, "No model"),
    "no time": (HELLO, {"timeout": 0}, errors.ConfigError, "total"),
    "an authorization header": (
        HELLO,
        {"extra_headers": {"Authorization": "x"}},
        errors.ConfigError,
        "api_key",
    ),
    "a header that is no text": (HELLO, {"extra_headers": {"x": None}}, errors.ConfigError, "printable"),
    "headers that are a list": (HELLO, {"extra_headers": ["x"]}, errors.ConfigError, "headers"),
    "an extra body that is a list": (HELLO, {"extra_body": ["x"]}, errors.ConfigError, "extra_body"),
}


@pytest.mark.parametrize(("messages", "options", "kind", "words"), CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_call_that_cannot_work_is_refused_before_the_wire(
    make_plain: Any,
    offline_url: OfflineRouter,
    messages: Any,
    options: dict[str, Any],
    kind: type[errors.RouterError],
    words: str,
    streamed: bool,
) -> None:
    caller = make_plain()
    with pytest.raises(kind) as caught:
        caller.stream(messages, **options) if streamed else caller.chat(messages, **options)
    assert words in str(caught.value)
    assert offline_url.requests == []
    assert "offline" in caller.chat().meta.model


def test_no_model_at_all_is_refused_before_the_wire(offline_url: OfflineRouter) -> None:
    with pytest.raises(errors.ConfigError, match="No model was chosen"):
        HFRouter(base_url=offline_url, api_key="k").chat(HELLO)
    assert offline_url.requests == []


MODELS: dict[str, tuple[str, str | None, str]] = {
    "as it is": ("org/name", None, "org/name"),
    "with a policy": ("org/name:fastest", None, "org/name:fastest"),
    "with a provider": ("org/name:groq", None, "org/name:groq"),
    "a provider apart": ("org/name", "groq", "org/name:groq"),
    "a policy apart": ("org/name", "cheapest", "org/name:cheapest"),
    "the same provider twice": ("org/name:groq", "groq", "org/name:groq"),
    "no Hub repository": ("tgi", None, "tgi"),
}


@pytest.mark.parametrize(("model", "provider", "sent"), MODELS.values(), ids=MODELS.keys())
def test_a_model_goes_on_the_wire_with_its_provider(model: str, provider: str | None, sent: str) -> None:
    from shared_core.routing import wire_model

    assert wire_model(model, provider) == sent


def test_two_different_providers_are_refused() -> None:
    with pytest.raises(errors.ConfigError, match=r"'groq'.*'novita'"):
        HFRouter("org/name:groq", provider="novita", api_key="k").chat(HELLO)


@pytest.mark.parametrize("provider", [7, "", "a b", "a:b"], ids=repr)
def test_a_provider_that_is_none_is_refused(provider: Any) -> None:
    with pytest.raises(errors.ConfigError, match="provider"):
        HFRouter("org/name", provider=provider, api_key="k").chat(HELLO)


def test_what_the_server_refuses_is_told_in_its_own_words(make_plain: Any) -> None:
    with pytest.raises(errors.BadRequest, match="temperature"):
        make_plain().chat(temperature="hot")


def test_an_unknown_model_is_told_as_such(make_plain: Any) -> None:
    with pytest.raises(errors.ModelNotServed, match="does not exist"):
        make_plain(model="org/unknown").chat()


def test_a_text_that_looks_like_a_file_or_an_address_is_only_a_text(make_plain: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    for text in (str(secret), f"file://{secret}", "http://127.0.0.1:1/x"):
        assert "top secret" not in make_plain().chat([{"role": "user", "content": text}]).text
