"""A function that gives the token travels by its name where pickle finds it by that, and stays behind otherwise."""

from __future__ import annotations

import copy
import functools
import pickle
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterSettings, Target, errors
from shared_core.testing import OfflineRouter
from shared_core.types import ApiKey

HELLO = [{"role": "user", "content": "Hello!"}]


def vault_token() -> str:
    return "hf_vault_00000001"


class Vault:
    """Holds what must not travel."""

    def __init__(self, secret: str = "hf_lease_00000001") -> None:
        self.secret = secret

    def token(self) -> str:
        return self.secret

    __call__ = token

    @classmethod
    def shared(cls) -> str:
        return "hf_shared_00000001"

    @staticmethod
    def plain() -> str:
        return "hf_plain_00000001"


def inner() -> Any:
    def closure() -> str:
        return "hf_closure_00000001"

    return closure


TRAVEL: dict[str, Any] = {
    "a function of a module": vault_token,
    "a class method": Vault.shared,
    "a static method": Vault.plain,
}
STAY: dict[str, Any] = {
    "a lambda": lambda: "hf_lambda_00000001",
    "a function in a function": inner(),
    "a method of an object": Vault().token,
    "an object that is called": Vault(),
    "a partial": functools.partial(str, "hf_partial_00000001"),
}
each_class = pytest.mark.parametrize("router_class", [HFRouter, AsyncHFRouter])


def pickled(value: Any) -> Any:
    data = pickle.dumps(value)
    assert b"hf_" not in data
    return pickle.loads(data)


@each_class
@pytest.mark.parametrize("function", TRAVEL.values(), ids=TRAVEL.keys())
def test_what_is_found_by_its_name_travels(function: Any, router_class: Any) -> None:
    arrived = pickled(
        router_class("org/name", api_key=function, fallback=[Target(model="a/b", api_key=function)])
    )
    assert arrived._key == ApiKey(function)
    assert arrived.fallback[0].key == ApiKey(function)


@pytest.mark.parametrize("function", STAY.values(), ids=STAY.keys())
def test_what_is_not_stays_behind_and_is_missed_loudly(
    function: Any, monkeypatch: pytest.MonkeyPatch, offline_url: OfflineRouter
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_somebody_else")
    arrived = pickled(HFRouter("offline/echo", base_url=offline_url, api_key=function))
    with pytest.raises(errors.ConfigError, match="left behind"):
        arrived.chat(HELLO)
    assert not offline_url.requests


@pytest.mark.parametrize("function", [*TRAVEL.values(), *STAY.values()], ids=[*TRAVEL, *STAY])
def test_copies_in_the_same_process_ask_the_same_function(function: Any, offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key=function)
    for each in (copy.copy(router), router):
        each.chat(HELLO)
    assert copy.deepcopy(router._key) is router._key
    assert len(offline_url.requests) == 2


def test_settings_travel_with_a_function_that_does() -> None:
    assert pickled(RouterSettings(api_key=vault_token)).api_key is vault_token
    assert pickled(RouterSettings(api_key=inner())).api_key is None


def test_a_target_as_json_says_that_a_function_gave_it() -> None:
    told = Target(model="a/b", api_key=vault_token).as_dict()
    assert told == {"model": "a/b", "key_source": "function"}
    with pytest.raises(errors.ConfigError, match="left behind"):
        Target.of(told).key.reveal()


def test_two_keys_are_one_if_they_ask_the_same_function() -> None:
    vault, other = Vault(), Vault()
    assert ApiKey(vault.token) == ApiKey(vault.token)
    assert hash(ApiKey(vault.token)) == hash(ApiKey(vault.token))
    assert ApiKey(vault.token) != ApiKey(other.token)
    assert ApiKey(vault_token) != ApiKey(vault_token())
    assert str(ApiKey(vault_token)) == "ApiKey(function)"


NAMES: dict[str, tuple[Any, str]] = {
    "a function": (vault_token, f"{__name__}.vault_token"),
    "a method": (Vault().token, f"{__name__}.Vault.token"),
    "an object": (Vault(), f"{__name__}.Vault"),
    "a partial": (functools.partial(functools.partial(vault_token)), f"{__name__}.vault_token"),
}


@pytest.mark.parametrize(("function", "name"), NAMES.values(), ids=NAMES.keys())
def test_errors_call_it_by_its_name(function: Any, name: str) -> None:
    assert ApiKey(function).name == name
